"""Which metrics of a comparison are shown, or checked: by patterns of their names."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from pipeline.comparison.pairs import Comparison, Pair, Row
from pipeline.ground.errors import InputError
from pipeline.statistics.discoveries import standing
from pipeline.statistics.intervals import Verdict

# In the order in which they are read: what to look at comes first.
VERDICTS: Final[tuple[Verdict, ...]] = ("worse", "better", "changed", "unknown", "noise", "same")


def chosen(comparison: Comparison, patterns: Sequence[str], everything: bool) -> list[Pair]:
    """What to show: metrics that `patterns` choose, all without one, by verdict; what is the same only if asked for.

    Which verdicts stand among so many is told of those shown.
    """
    found = []
    for pair in comparison.pairs:
        rows = [
            row
            for row in pair.rows
            if (not patterns or matches(patterns, pair.name, row.metric)) and (everything or row.verdict != "same")
        ]
        if rows or (not patterns and (everything or pair.differs or pair.notes)):
            found.append(replace(pair, rows=tuple(rows)))
    stands = iter(standing([row.difference.chance for pair in found for row in pair.rows]))
    return [
        replace(pair, rows=tuple(_sorted([replace(row, stands=next(stands)) for row in pair.rows]))) for pair in found
    ]


def _sorted(rows: Sequence[Row]) -> list[Row]:
    """What to look at first; among equals what stands."""
    return sorted(rows, key=lambda row: (VERDICTS.index(row.verdict), not row.stands))


def matches(patterns: Sequence[str], experiment: str, metric: str) -> bool:
    """Whether a metric is chosen: a pattern is of its name, or of `experiment:metric`."""
    return any(fnmatchcase(f"{experiment}:{metric}" if ":" in pattern else metric, pattern) for pattern in patterns)


def known(patterns: Sequence[str], comparisons: Sequence[Comparison], option: str) -> None:
    """Raises InputError for a pattern that matches no metric of any comparison, with names close to it."""
    names = [(pair.name, row.metric) for each in comparisons for pair in each.pairs for row in pair.rows]
    for pattern in patterns:
        if not any(matches([pattern], *name) for name in names):
            full = ":" in pattern
            close = get_close_matches(
                pattern, dict.fromkeys(":".join(name) if full else name[1] for name in names), n=4, cutoff=0.5
            )
            told = f"close to it: {', '.join(close)}" if close else "see `--all` for those there are"
            raise InputError(f"{option} {pattern}: matches no metric that both revisions have; {told}")
