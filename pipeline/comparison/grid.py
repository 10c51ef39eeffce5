"""Where runs stand among one or two parameters that vary: what a grid or a picture shows of a metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.comparison.runs import Column, Run, Summary, rank


@dataclass(frozen=True)
class Field:
    """A metric over two varying parameters, or over one, `across` without a key then.

    down, across: the parameters' keys and their values in order. cells: the runs by row and column. base: its place.
    """

    column: Column
    down: tuple[str, tuple[Any, ...]]
    across: tuple[str, tuple[Any, ...]]
    cells: Mapping[tuple[int, int], Run]
    base: tuple[int, int] | None


def fields(summary: Summary) -> list[Field]:
    """A field for each column, where one or two parameters vary; none otherwise. Of runs alike the first is taken."""
    if len(summary.varying) not in (1, 2):
        return []
    down, across = (summary.varying[0], summary.varying[1] if len(summary.varying) == 2 else "")
    placed = summary.placed()
    rows = _axis([run.params[down] for run in placed])
    columns = _axis([run.params[across] for run in placed]) if across else (None,)
    found = []
    for column in summary.columns:
        cells: dict[tuple[int, int], Run] = {}
        for run in placed:
            place = rows.index(run.params[down]), columns.index(run.params[across]) if across else 0
            if column in run.scores:
                cells.setdefault(place, run)
        base = next((place for place, run in cells.items() if run is summary.base), None)
        found.append(Field(column, (down, rows), (across, columns), cells, base))
    return found


def _axis(values: Sequence[Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return tuple(sorted(found, key=rank))
