"""Two revisions as a document: what changed, and each experiment's metrics with their verdicts."""

from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.comparison.document import Cell, Document, Look, Section, Table
from pipeline.comparison.gate import Gate
from pipeline.comparison.pairs import Comparison, Pair, Row
from pipeline.comparison.words import ARROWS, changed, failures, places, signed, small_print, verdict
from pipeline.statistics.intervals import Verdict

LOOKS: Final[Mapping[Verdict, Look]] = {"better": "good", "worse": "bad", "changed": "strong"}


def pair_document(comparison: Comparison, shown: Sequence[Pair], failed: Gate) -> Document:
    """Two revisions. shown: the experiments and metrics to list."""
    base, head = comparison.base, comparison.head
    still = sum(not each.differs for each in comparison.pairs)
    lines = [f"{each.name}: {_counted(each.counts())}" for each in shown if each.rows]
    if still:
        lines.append(f"{still} experiment{'s' * (still > 1)} measured the same in both")
    lines += [f"only in {head.name}: {', '.join(comparison.added)}"] if comparison.added else []
    lines += [f"only in {base.name}: {', '.join(comparison.removed)}"] if comparison.removed else []
    sections = [
        Section(
            each.name, _counted(each.counts()), each.notes, [_rows(each, base.name, head.name)] if each.rows else []
        )
        for each in shown
    ]
    rows = [row for each in shown for row in each.rows]
    return Document(
        f"{base.title} → {head.title}",
        [*failures(failed), *lines] or ["nothing to compare"],
        comparison.notes,
        [changed(comparison.changes, base.name, head.name)] if comparison.changes else [],
        sections,
        _small_print(rows) if rows else [],
    )


def _counted(counts: Mapping[Verdict, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing changed"


def _small_print(rows: Sequence[Row]) -> list[str]:
    """What the marks mean, as far as they occur."""
    notes = ["↑ higher is better, ↓ lower is better. Interval: 95 %, of the difference."]
    notes += small_print([verdict(row.verdict, row.difference, row.stands) for row in rows])
    if any(row.verdict == "unknown" for row in rows):
        notes.append("unknown: nothing tells how sure the difference is, as of one seed, or of seeds that agree.")
    return notes


def _rows(pair: Pair, base: str, head: str) -> Table:
    rows = []
    for row in pair.rows:
        change = row.difference
        decimals = places(change if change.value else row.head)
        interval = "–"
        if change.low is not None and change.high is not None:
            interval = f"[{signed(change.low, decimals)}, {signed(change.high, decimals)}]"
        look = LOOKS.get(row.upshot, "soft")
        rows.append(
            [
                Cell(row.metric + ARROWS[row.better]),
                Cell(f"{row.base.value:.{decimals}f}"),
                Cell(f"{row.head.value:.{decimals}f}"),
                Cell(signed(change.value, decimals)),
                Cell(interval),
                Cell(verdict(row.verdict, change, row.stands), look),
            ]
        )
    return Table(("metric", base, head, "difference", "interval", "verdict"), rows)
