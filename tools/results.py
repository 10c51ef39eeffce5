"""`latentlab results`: the numbers at hand, in one table."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.ground.errors import InputError

METRICS = Path("results/metrics")
Metrics = Mapping[str, Any]  # `source`, `seeds`, and a mapping of mean and, where known, low and high for each metric
REAL = "condition_accuracy_real"


def results(
    everything: Annotated[bool, typer.Option("--all", help="Every metric, one table an experiment.")] = False,
) -> None:
    """Print the results of all experiments, a table a source: means over seeds with their 95 % intervals.

    The metrics are those that params.yaml lists under report.metrics.
    """
    from rich.console import Console
    from rich.table import Table

    from pipeline.ground import params
    from pipeline.report.settings import Settings
    from pipeline.wording.numbers import ONE_SEED, text

    found = _load(METRICS)
    # A pipe has no width of its own; a table cut to some columns would lose what a log is read for.
    console = Console() if Console().is_terminal else Console(width=400)
    if everything:
        for name, metrics in found.items():
            table = Table("metric", title=f"{name} · {metrics['source']} · {_seeds(metrics)}")
            table.add_column("mean, 95 % interval", justify="right")
            for metric, value in metrics.items():
                if isinstance(value, dict):
                    table.add_row(metric, text(value, metrics["seeds"] == 1))
            console.print(table)
    else:
        content = params.load()
        first = params.parse(Settings, content.get("report"), "report").metrics
        roles = {name: block["data"] for name, block in content.get("experiments", {}).items()}
        for source in dict.fromkeys(metrics["source"] for metrics in found.values()):
            same = {name: metrics for name, metrics in found.items() if metrics["source"] == source}
            judge = [metrics[REAL]["mean"] for metrics in same.values() if REAL in metrics]
            yardstick = f" · the judge's accuracy on real images: {judge[0]:.3f}" if judge else ""
            table = Table("experiment", title=f"{source} · means with 95 % intervals{yardstick}")
            own = dict.fromkeys(roles[name] for name in same if name in roles)
            shown = _shown([first.get(role, ()) for role in own] if own else first.values(), same)
            for metric in shown:
                table.add_column(metric, justify="right")
            for name, metrics in same.items():
                one = metrics["seeds"] == 1
                table.add_row(name, *(text(metrics[metric], one) if metric in metrics else "–" for metric in shown))
            console.print(table)
    if any(metrics["seeds"] == 1 for metrics in found.values()):
        console.print(f"{ONE_SEED} one seed: the interval leaves out what another training would change")


def _load(folder: Path) -> dict[str, Metrics]:
    """The metrics of each experiment, by name. Raises InputError when there are none."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    if not found:
        raise InputError(f"{folder}: expected metrics of experiments, found none; run `dvc repro`")
    return found


def _shown(lists: Iterable[Iterable[str]], found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each metric of the lists once, of those that any experiment has; all that there are where none is listed."""
    there = dict.fromkeys(key for each in found.values() for key, value in each.items() if isinstance(value, dict))
    listed = dict.fromkeys(metric for metrics in lists for metric in metrics)
    return [metric for metric in listed if metric in there] or list(there)


def _seeds(metrics: Mapping[str, Any]) -> str:
    return "1 seed" if metrics["seeds"] == 1 else f"{metrics['seeds']} seeds"
