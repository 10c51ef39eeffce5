"""`latentlab results`: the numbers at hand, in one table."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # which import numpy
    from pipeline.statistics.measurements import Measurements

MEASUREMENTS = Path("results/measurements")
REAL = "condition_accuracy_real"


def results(
    everything: Annotated[bool, typer.Option("--all", help="Every metric, one table an experiment.")] = False,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Print none; put the numbers at hand into this Markdown file's tables."),
    ] = None,
) -> None:
    """Print the results of all experiments, a table a source: means over seeds with their 95 % intervals.

    The metrics are those that params.yaml lists under report.metrics.
    """
    if page:
        from tools.pages import update

        update(page, MEASUREMENTS.parent)
        return

    from rich.table import Table

    from pipeline.console.printable import console as screen
    from pipeline.console.printable import printable
    from pipeline.ground import params
    from pipeline.report.settings import Settings
    from pipeline.statistics import measurements, pools
    from pipeline.wording.numbers import ALONE, ALONE_WORDS, ONE_SEED

    found = measurements.load(MEASUREMENTS)
    content = params.load()
    experiments = content.get("experiments", {})
    found |= pools.load(MEASUREMENTS, experiments)  # former experiments are shown too, and say nothing about the others
    console = screen(400)
    shown: list[str] = []
    if everything:
        for name, each in found.items():
            seeds = "1 seed" if len(each.seeds) == 1 else f"{len(each.seeds)} seeds"
            table = Table("metric", title=printable(f"{name} · {each.source} · {seeds}"))
            table.add_column("mean, 95 % interval", justify="right")
            for metric in each.metrics:
                shown.append(cell(each, metric))
                table.add_row(printable(metric), shown[-1])
            console.print(table)
    else:
        first = params.parse(Settings, content.get("report"), "report").metrics
        roles = {name: block["data"] for name, block in experiments.items()}
        for source in dict.fromkeys(each.source for each in found.values()):
            same = {name: each for name, each in found.items() if each.source == source}
            judge = [each.metrics[REAL].mean for each in same.values() if REAL in each.metrics]
            yardstick = f" · the judge's accuracy on real images: {judge[0]:.3f}" if judge else ""
            table = Table("experiment", title=printable(f"{source} · means with 95 % intervals{yardstick}"))
            own = dict.fromkeys(roles[name] for name in same if name in roles)
            columns = _shown([first.get(role, ()) for role in own] if own else first.values(), same)
            for metric in columns:
                table.add_column(printable(metric), justify="right")
            for name, each in same.items():
                cells = [cell(each, metric) for metric in columns]
                shown += cells
                table.add_row(printable(name), *cells)
            console.print(table)
    for mark, words in (
        (ONE_SEED, "one seed: the interval leaves out what another training would change"),
        (ALONE, ALONE_WORDS),
    ):
        if any(mark in each for each in shown):
            console.print(f"{mark} {words}")


def cell(found: "Measurements", metric: str) -> str:
    """A mean and its interval with its mark, or a dash where the metric is not measured."""
    from pipeline.statistics.intervals import mean
    from pipeline.wording.numbers import mark, text

    if metric not in found.metrics:
        return "–"
    estimate = mean(found.metrics[metric])
    return text(estimate.value, estimate.low, estimate.high, mark(estimate.leaves_out_seeds, estimate.alone))


def _shown(lists: Iterable[Iterable[str]], found: Mapping[str, "Measurements"]) -> list[str]:
    """Each metric of the lists once, of those that any experiment has; all that there are where none is listed."""
    there = dict.fromkeys(metric for each in found.values() for metric in each.metrics)
    listed = dict.fromkeys(metric for metrics in lists for metric in metrics)
    return [metric for metric in listed if metric in there] or list(there)
