"""Several runs as a document: a table of each experiment's metrics and, where two parameters vary, grids of them."""

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.comparison.document import Cell, Document, Section, Table
from pipeline.comparison.gate import Gate
from pipeline.comparison.grid import Field, fields
from pipeline.comparison.pairs import Comparison
from pipeline.comparison.revisions import Revision
from pipeline.comparison.runs import Column, Run, Summary
from pipeline.comparison.words import ARROWS, changed, failures, said, short, small_print, spread, verdict

BEST: Final = "★"
TIED: Final = "≈"


def runs_document(summary: Summary, comparisons: Sequence[Comparison], failed: Gate) -> Document:
    """Several runs against their base: a table and, where two parameters vary, a grid of each metric."""
    base, names = summary.base.revision, short(summary.varying)
    title = f"{base.title} → {len(comparisons)} run{'s' * (len(comparisons) > 1)}"
    varying = [f"varying: {', '.join(summary.varying) or 'no parameter'}"]
    # Of two parameters; a grid that is mostly empty says less than the table.
    grids = [field for field in fields(summary) if field.across[0] and 2 * len(field.cells) >= _places(field)]
    sections = []
    for experiment in dict.fromkeys(column.experiment for column in summary.columns):
        columns = [column for column in summary.columns if column.experiment == experiment]
        tables = [_table(summary, columns, names)]
        tables += [_grid(field, names) for field in grids if field.column.experiment == experiment]
        sections.append(Section(experiment, _winners(summary, columns), _notes(comparisons, experiment), tables))
    found = [score for run in summary.runs[1:] for score in run.scores.values()]
    notes = [
        f"↑ higher is better, ↓ lower is better; with 95 % intervals. {BEST} best mean, {TIED} not told apart "
        f"from it: their difference may be 0. Verdicts are against {base.name}."
    ]
    notes += small_print([verdict(each.verdict, each.difference, each.stands) for each in found if each.difference])
    if not sections:
        varying.append("no chosen metric differs from the base's anywhere")
    return Document(
        title,
        [*failures(failed), *varying],
        tuple(dict.fromkeys(note for each in comparisons for note in each.notes)),
        [changed(summary.common, base.name, "every run")] if summary.common else [],
        sections,
        notes if sections else [],
    )


def captions(summary: Summary) -> dict[str, Revision]:
    """The runs in order, by their name and what varies."""
    names = short(summary.varying)
    found = {}
    for run in summary.runs:
        values = ", ".join(f"{names[key]} {said(value)}" for key, value in run.params.items())
        found[f"{run.revision.name}: {values}" if values else run.revision.title] = run.revision
    return found


def _notes(comparisons: Sequence[Comparison], experiment: str) -> list[str]:
    return [
        f"{each.head.name}: {n}" for each in comparisons for p in each.pairs if p.name == experiment for n in p.notes
    ]


def _winners(summary: Summary, columns: Sequence[Column]) -> str:
    """Of each metric, which run is best and how many others may be."""
    found = []
    for column in columns:
        scored = [(run, run.scores[column]) for run in summary.runs if column in run.scores]
        best = [run.revision.name for run, score in scored if score.best]
        tied = sum(score.tied for _, score in scored)
        if best:
            found.append(f"{column.metric} {best[0]}" + (f" or {tied} other{'s' * (tied > 1)}" if tied else ""))
    return "best " + ", ".join(found) if found else "no metric has a better direction"


def _table(summary: Summary, columns: Sequence[Column], names: Mapping[str, str]) -> Table:
    rows = []
    for run in summary.runs:
        name = run.revision.name + (" (base)" if run is summary.base else "")
        rows.append(
            [
                Cell(name, "strong" if run is summary.base else ""),
                *(Cell(said(run.params[key])) for key in summary.varying),
                *(_score(run, column, against=True) for column in columns),
            ]
        )
    heads = [
        "run",
        *(names[key] for key in summary.varying),
        *(column.metric + ARROWS[column.better] for column in columns),
    ]
    return Table(heads, rows)


def _grid(field: Field, names: Mapping[str, str]) -> Table:
    (down, rows), (across, columns) = field.down, field.across
    lines = []
    for row, value in enumerate(rows):
        found = [field.cells.get((row, column)) for column in range(len(columns))]
        lines.append([Cell(said(value), "strong"), *(_score(run, field.column, against=False) for run in found)])
    heads = [names[down], *(f"{names[across]} {said(value)}" for value in columns)]
    return Table(heads, lines, title=f"{field.column.metric}{ARROWS[field.column.better]}")


def _places(field: Field) -> int:
    return len(field.down[1]) * len(field.across[1])


def _score(run: Run | None, column: Column, against: bool) -> Cell:
    if run is None or column not in run.scores:
        return Cell("–", "soft")
    score = run.scores[column]
    mark = f" {BEST}" if score.best else f" {TIED}" if score.tied else ""
    text = spread(score.value) + mark
    if against and score.difference:
        text += f"\n{verdict(score.verdict, score.difference, score.stands)}"
    return Cell(text, "strong" if score.best else "")
