"""How comparisons are said: numbers to as many digits as are sure, a pair of revisions, several runs."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pipeline.comparison.document import Cell, Document, Look, Section, Table
from pipeline.comparison.gate import Gate
from pipeline.comparison.grid import Column, Field, Run, Summary, fields
from pipeline.comparison.pairs import Absent, Change, Comparison, Pair, Row
from pipeline.comparison.revisions import Revision
from pipeline.statistics.intervals import LEVEL, Better, Estimate, Verdict
from pipeline.wording.numbers import ONE_SEED, written

ARROWS: Final[Mapping[Better, str]] = {"higher": " ↑", "lower": " ↓", "neither": ""}
LOOKS: Final[Mapping[Verdict, Look]] = {"better": "good", "worse": "bad", "changed": "strong"}
BEST: Final = "★"
TIED: Final = "≈"
ONE_SEED_NOTE: Final = f"{ONE_SEED} One side has one seed: another may say otherwise, and the interval leaves that out."


def places(estimate: Estimate) -> int:
    """Decimals that show half the interval to two digits, of a number without one its first four."""
    half = (estimate.high - estimate.low) / 2 if estimate.low is not None and estimate.high is not None else 0.0
    size, digits = (half, 2) if half else (abs(estimate.value), 4)
    return min(9, max(0, digits - 1 - math.floor(math.log10(size)))) if size else 0


def signed(value: float, decimals: int) -> str:
    """With + or -, but for what rounds to 0."""
    text = f"{value:+z.{decimals}f}"
    return text if float(text) else text.removeprefix("+")


def spread(estimate: Estimate) -> str:
    """`12.34 ± 0.05`, as in the report."""
    return " ".join(written(estimate.value, estimate.low, estimate.high)).rstrip()


def verdict(found: Verdict, difference: Estimate) -> str:
    """With the mark of one seed, where that says less than it seems to."""
    return f"{found} {ONE_SEED}" if difference.leaves_out_seeds and found not in ("same", "unknown") else found


def counted(counts: Mapping[Verdict, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing changed"


def pair(comparison: Comparison, shown: Sequence[Pair], failed: Gate) -> Document:
    """Two revisions. shown: the experiments and metrics to list."""
    base, head = comparison.base, comparison.head
    still = sum(not each.differs for each in comparison.pairs)
    lines = [f"{each.name}: {counted(each.counts())}" for each in shown if each.rows]
    if still:
        lines.append(f"{still} experiment{'s' * (still > 1)} measured the same in both")
    lines += [f"only in {head.name}: {', '.join(comparison.added)}"] if comparison.added else []
    lines += [f"only in {base.name}: {', '.join(comparison.removed)}"] if comparison.removed else []
    sections = [
        Section(each.name, counted(each.counts()), each.notes, [_rows(each, base.name, head.name)] if each.rows else [])
        for each in shown
    ]
    rows = [row for each in shown for row in each.rows]
    return Document(
        f"{base.title} → {head.title}",
        [*_failed(failed), *lines] or ["nothing to compare"],
        comparison.notes,
        [changed(comparison.changes, base.name, head.name)] if comparison.changes else [],
        sections,
        small_print(rows) if rows else [],
    )


def _failed(gate: Gate) -> list[str]:
    return [*(f"failed: {line}" for line in gate.worse), *gate.unclear]


def small_print(rows: Iterable[Row]) -> list[str]:
    """What the marks mean, as far as they occur, and how many verdicts chance alone would give."""
    rows = list(rows)
    notes = ["↑ higher is better, ↓ lower is better. Interval: 95 %, of the difference."]
    if any(ONE_SEED in verdict(row.verdict, row.difference) for row in rows):
        notes.append(ONE_SEED_NOTE)
    if any(row.verdict == "unknown" for row in rows):
        notes.append("unknown: nothing tells how sure the difference is, as of one seed, or of seeds that agree.")
    return notes + chance(sum(row.verdict not in ("same", "unknown") for row in rows))


def chance(tested: int) -> list[str]:
    """How many differences of so many would pass for real if none were; empty if hardly one."""
    expected = tested * (1 - LEVEL)
    return (
        [f"Of {tested} differences about {expected:.0f} would pass for real by chance alone."] if expected >= 1 else []
    )


def changed(changes: Sequence[Change], base: str, head: str) -> Table:
    """Parameters; one that changed alike in several experiments takes one line."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        block, *path = change.key.split(".")
        within = block == "experiments" and len(path) > 1
        name, key = (path[0], ".".join(path[1:])) if within else ("", change.key)
        lines.setdefault((key, said(change.base), said(change.head)), []).append(name)
    rows = []
    for (key, old, new), names in lines.items():
        which = names[0] if len(names) == 1 else f"{{{', '.join(names)}}}"
        rows.append([Cell(f"experiments.{which}.{key}" if which else key, "code"), Cell(old), Cell(new)])
    return Table(("parameter", base, head), rows)


def said(value: Any) -> str:
    """A parameter's value as YAML has it, on one line."""
    return (
        value.value
        if isinstance(value, Absent)
        else value
        if isinstance(value, str)
        else json.dumps(value, default=str)
    )


def _rows(pair: Pair, base: str, head: str) -> Table:
    rows = []
    for row in pair.rows:
        change = row.difference
        decimals = places(change if change.value else row.head)
        interval = "–"
        if change.low is not None and change.high is not None:
            interval = f"[{signed(change.low, decimals)}, {signed(change.high, decimals)}]"
        look = LOOKS.get(row.verdict, "soft")
        rows.append(
            [
                Cell(row.metric + ARROWS[row.better]),
                Cell(f"{row.base.value:.{decimals}f}"),
                Cell(f"{row.head.value:.{decimals}f}"),
                Cell(signed(change.value, decimals)),
                Cell(interval),
                Cell(verdict(row.verdict, change), look),
            ]
        )
    return Table(("metric", base, head, "difference", "interval", "verdict"), rows)


def short(keys: Sequence[str]) -> dict[str, str]:
    """The last words of dotted keys, as many as tell them apart."""
    for words in range(1, max((key.count(".") + 1 for key in keys), default=1) + 1):
        found = {key: ".".join(key.split(".")[-words:]) for key in keys}
        if len(set(found.values())) == len(keys):
            break
    return found


def runs(summary: Summary, comparisons: Sequence[Comparison], failed: Gate) -> Document:
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
    if any(ONE_SEED in verdict(score.verdict, score.difference) for score in found if score.difference):
        notes.append(ONE_SEED_NOTE)
    tested = sum(score.verdict not in ("same", "unknown") for score in found)
    notes += chance(tested)
    if not sections:
        varying.append("no chosen metric differs from the base's anywhere")
    return Document(
        title,
        [*_failed(failed), *varying],
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
        text += f"\n{verdict(score.verdict, score.difference)}"
    return Cell(text, "strong" if score.best else "")
