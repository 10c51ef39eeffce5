"""The page's tables of results: an experiment a row, a metric a column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report import glossary
from pipeline.report.runs import Run
from pipeline.statistics.intervals import mean
from pipeline.statistics.measurements import Measurements
from pipeline.wording.numbers import mark, written


@dataclass(frozen=True)
class Cell:
    """A number of the results: as text and as numbers; mark: of an interval that leaves something out."""

    mean: str
    interval: str
    value: float
    low: float | None
    high: float | None
    mark: str


@dataclass(frozen=True)
class Column:
    """A metric. arrow: which direction is better; first: whether it is shown at first."""

    name: str
    arrow: str
    words: str
    first: bool


@dataclass(frozen=True)
class Table:
    """The results of a role's experiments; a cell is None where a metric does not apply."""

    role: str
    judge: Mapping[str, Any]
    referee: Mapping[str, Any]
    columns: Sequence[Column]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]


def tabulated(
    role: str, judge: Mapping[str, Any], referee: Mapping[str, Any], runs: Sequence[Run], first: Sequence[str]
) -> Table:
    """An experiment a row, a metric a column: those of `first` first and in its order, then all others."""
    there = {name: measured.better for run in runs for name, measured in run.found.metrics.items()}
    names = [*(name for name in first if name in there), *(name for name in there if name not in first)]
    shown = [name for name in first if name in there] or names
    arrows = {"higher": "↑", "lower": "↓", "neither": ""}
    columns = [Column(name, arrows[there[name]], glossary.metric(name), name in shown) for name in names]
    return Table(
        role, judge, referee, columns, [(run.name, [_cell(run.found, name) for name in names]) for run in runs]
    )


def _cell(found: Measurements, metric: str) -> Cell | None:
    if metric not in found.metrics:
        return None
    estimate = mean(found.metrics[metric])
    text = written(estimate.value, estimate.low, estimate.high)
    marked = mark(estimate.leaves_out_seeds, estimate.alone) if text.interval else ""
    numbers = (estimate.value, estimate.low, estimate.high)
    return Cell(_typeset(text.mean), _typeset(text.interval), *numbers, marked)


def _typeset(number: str) -> str:
    """With true minus signs."""
    return number.replace("-", "−")
