"""What fails a check: metrics that got worse beyond noise and beyond what is tolerated."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.comparison.pairs import Comparison, Pair, Row
from pipeline.comparison.selection import known, matches
from pipeline.ground.errors import InputError
from pipeline.statistics.discoveries import standing


@dataclass(frozen=True)
class Tolerance:
    """How much worse a metric may get, relative to its base's absolute value."""

    pattern: str
    share: float

    @classmethod
    def parse(cls, text: str) -> "Tolerance":
        """`0.02` for all metrics, or `PATTERN=0.02`."""
        pattern, _, share = text.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise InputError(f"--tolerance {text}: expected a number of 0 or more, or PATTERN=NUMBER, found {share!r}")
        return cls(pattern or "*", number)


@dataclass(frozen=True)
class Gate:
    """worse: metrics that got worse beyond noise and tolerance. unclear: that nothing tells how sure they are."""

    worse: tuple[str, ...]
    unclear: tuple[str, ...]


def gate(comparisons: Sequence[Comparison], patterns: Sequence[str], tolerances: Sequence[Tolerance]) -> Gate:
    """What fails of the metrics that `patterns` choose: got worse, however many are looked at.

    If nothing changed, any of them fails in at most one of twenty comparisons. The last tolerance that matches a metric
    holds.

    Raises InputError for a pattern that can never fail: it matches no metric, or only such as have no better direction.
    """
    known(patterns, comparisons, "--fail-on")
    known([each.pattern for each in tolerances if each.pattern != "*"], comparisons, "--tolerance")
    for pattern in patterns:
        rows = [row for _, pair, row in _rows(comparisons) if matches([pattern], pair.name, row.metric)]
        if all(row.better == "neither" for row in rows):
            raise InputError(f"--fail-on {pattern}: expected a metric that can get worse; neither direction is better")
    worse, unclear = [], []
    checked = [
        (each, pair, row)
        for each, pair, row in _rows(comparisons)
        if matches(patterns, pair.name, row.metric) and row.verdict != "same"
    ]
    stands = standing([row.difference.chance for *_, row in checked])
    for (each, pair, row), surely in zip(checked, stands, strict=True):
        name = f"{pair.name}:{row.metric}" + (f" of {each.head.name}" if len(comparisons) > 1 else "")
        share = next((t.share for t in reversed(tolerances) if matches([t.pattern], pair.name, row.metric)), 0.0)
        if row.verdict == "worse" and surely and abs(row.difference.value) > share * abs(row.base.value):
            worse.append(f"{name} got worse{_by(row)}" + (f", tolerance {share:.4g}" if share else ""))
        elif row.verdict == "unknown" and row.better != "neither":
            unclear.append(f"{name} cannot be judged: nothing tells how sure it is{_by(row)}")
    return Gate(tuple(worse), tuple(unclear))


def _rows(comparisons: Iterable[Comparison]) -> Iterator[tuple[Comparison, Pair, Row]]:
    return ((each, pair, row) for each in comparisons for pair in each.pairs for row in pair.rows)


def _by(row: Row) -> str:
    relative = f" ({row.difference.value / abs(row.base.value):+.1%})" if row.base.value else ""
    return f": {row.base.value:.5g} → {row.head.value:.5g}{relative}"
