"""`latentlab results`: the numbers at hand, in one table."""

from pathlib import Path
from typing import Annotated

import typer

METRICS = Path("results/metrics")
REAL = "condition_accuracy_real"
SHORT = (
    "elbo",
    "nll",
    "mse",
    "active_units",
    "test_accuracy",
    "new_test_accuracy",
    "frechet_distance",
    "recall",
    "diversity",
    "condition_accuracy",
    "flip_rate",
    "code_recovery",
)


def results(
    everything: Annotated[bool, typer.Option("--all", help="Every metric, one table an experiment.")] = False,
) -> None:
    """Print the results of all experiments, a table a source: mean over seeds ± half the width of the 95 % interval."""
    from rich.console import Console
    from rich.table import Table

    from pipeline.report.table import load, text

    found = load(METRICS)
    # A pipe has no width of its own; a table cut to 80 columns would lose what a log is read for.
    console = Console() if Console().is_terminal else Console(width=200)
    if everything:
        for name, metrics in found.items():
            table = Table("metric", title=f"{name} · {metrics['source']} · {metrics['seeds']} seeds")
            table.add_column("mean ± 95 %", justify="right")
            for metric, value in metrics.items():
                if isinstance(value, dict):
                    table.add_row(metric, text(value))
            console.print(table)
        return
    for source in dict.fromkeys(metrics["source"] for metrics in found.values()):
        same = {name: metrics for name, metrics in found.items() if metrics["source"] == source}
        judge = [metrics[REAL]["mean"] for metrics in same.values() if REAL in metrics]
        yardstick = f" · the judge's accuracy on real images: {judge[0]:.3f}" if judge else ""
        table = Table("experiment", title=f"{source} · mean ± 95 % interval over seeds{yardstick}")
        shown = [metric for metric in SHORT if any(metric in metrics for metrics in same.values())]
        for metric in shown:
            table.add_column(metric, justify="right")
        for name, metrics in same.items():
            table.add_row(name, *(text(metrics[metric]) if metric in metrics else "–" for metric in shown))
        console.print(table)
