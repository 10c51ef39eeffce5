"""`latentlab results`: the numbers at hand, in one table."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.errors import InputError

METRICS = Path("results/metrics")
SHORT = ("elbo", "nll", "mse", "active_units", "frechet_distance", "recall", "condition_accuracy")


def results(
    everything: Annotated[bool, typer.Option("--all", help="Every metric, one table an experiment.")] = False,
) -> None:
    """Print the results of all experiments: mean over seeds ± half the width of the 95 % interval."""
    from rich.console import Console
    from rich.table import Table

    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(METRICS.glob("*.json"))}
    if not found:
        raise InputError(f"{METRICS}: expected metrics of experiments, found none; run `dvc repro`")
    console = Console()
    # A pipe has no width of its own; a table cut to 80 columns would lose what a log is read for.
    width = None if console.is_terminal else 200
    if everything:
        for name, metrics in found.items():
            table = Table(title=f"{name} ({metrics['source']}, {metrics['seeds']} seeds)")
            table.add_column("metric")
            table.add_column("mean ± 95 %", justify="right")
            for metric, value in metrics.items():
                if isinstance(value, dict):
                    table.add_row(metric, text(value))
            console.print(table, width=width)
        return
    table = Table(title=f"mean ± 95 % over seeds · {', '.join(sorted({m['source'] for m in found.values()}))}")
    table.add_column("experiment", no_wrap=True)
    shown = [metric for metric in SHORT if any(metric in metrics for metrics in found.values())]
    for metric in shown:
        table.add_column(metric, justify="right")
    for name, metrics in found.items():
        table.add_row(name, *(text(metrics[metric]) if metric in metrics else "" for metric in shown))
    console.print(table, width=width)


def text(value: dict[str, Any]) -> str:
    """`12.34 ± 0.05`: the interval to two significant digits, the mean to as many decimals."""
    mean, half = value["mean"], value.get("ci95")
    if half is None:
        return f"{mean:.4g}"
    digits = max(0, 1 - _magnitude(half)) if half else 4
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def _magnitude(value: float) -> int:
    return int(f"{value:e}".split("e")[1])
