"""Two revisions held against each other: parameters that changed, metrics with their differences, what got worse."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, Final

from pipeline.comparison.revisions import Revision
from pipeline.ground.errors import InputError
from pipeline.statistics.intervals import Better, Estimate, Verdict, mean
from pipeline.statistics.measurements import Measurements

# In the order in which they are read: what to look at comes first.
VERDICTS: Final[tuple[Verdict, ...]] = ("worse", "better", "changed", "unknown", "noise", "same")


class Absent(Enum):
    """Stands where a revision has no such parameter: null is a value."""

    ABSENT = "–"


@dataclass(frozen=True)
class Change:
    """A parameter under its dotted key, in both revisions."""

    key: str
    base: Any
    head: Any


@dataclass(frozen=True)
class Row:
    """A metric of an experiment in both revisions; difference: head minus base."""

    metric: str
    better: Better
    base: Estimate
    head: Estimate
    difference: Estimate
    verdict: Verdict


@dataclass(frozen=True)
class Pair:
    """An experiment that both revisions measured. differs: in any number. rows: in the metrics' own order."""

    name: str
    differs: bool
    notes: tuple[str, ...]
    rows: tuple[Row, ...]

    def counts(self) -> dict[Verdict, int]:
        """How many metrics got each verdict, without those that are the same."""
        counted = Counter(row.verdict for row in self.rows)
        order: tuple[Verdict, ...] = ("better", "worse", "changed", "unknown", "noise")
        return {verdict: counted[verdict] for verdict in order if counted[verdict]}


@dataclass(frozen=True)
class Comparison:
    """added, removed: experiments that only head, or only base, has. notes: what holds for more than one experiment."""

    base: Revision
    head: Revision
    changes: tuple[Change, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    notes: tuple[str, ...]
    pairs: tuple[Pair, ...]


def compare(base: Revision, head: Revision) -> Comparison:
    """All that differs between two revisions, and all metrics that both have."""
    both = [name for name in head.experiments if name in base.experiments]
    changes = tuple(_changes(base, head))
    pairs = [
        _pair(name, base.measurements[name], head.measurements[name], changes)
        for name in both
        if name in base.measurements and name in head.measurements
    ]
    notes = [*_yardsticks(changes)]
    for revision in (base, head):
        if missing := [name for name in both if name not in revision.measurements]:
            notes.append(f"{revision.name} has no measurements of {', '.join(missing)}; `dvc repro` makes them")
    return Comparison(
        base,
        head,
        changes,
        tuple(name for name in head.experiments if name not in base.experiments),
        tuple(name for name in base.experiments if name not in head.experiments),
        tuple(notes),
        tuple(pairs),
    )


def flat(content: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every parameter under its dotted key; lists are values."""
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _changes(base: Revision, head: Revision) -> Iterator[Change]:
    """In head's order, without the keys of experiments that only one has."""
    sides = []
    for revision, other in ((base, head), (head, base)):
        common = {name: block for name, block in revision.experiments.items() if name in other.experiments}
        sides.append(dict(flat({**revision.params, "experiments": common})))
    old, new = sides
    for key in [*new, *(key for key in old if key not in new)]:
        change = Change(key, old.get(key, Absent.ABSENT), new.get(key, Absent.ABSENT))
        if change.base != change.head:
            yield change


def _yardsticks(changes: Iterable[Change]) -> Iterator[str]:
    told = {
        "data": "has other images: its numbers are of different yardsticks",
        "classifier": "has another judge: numbers by its features and answers are of different yardsticks",
        "evaluation": "is measured in another way",
    }
    roles = dict.fromkeys(tuple(change.key.split(".")[:2]) for change in changes)
    for block, *role in roles:
        if block in told and role:
            yield f"{block}.{role[0]} changed: every experiment of {role[0]} {told[block]}"


def _pair(name: str, base: Measurements, head: Measurements, changes: Sequence[Change]) -> Pair:
    shared = [metric for metric in head.metrics if metric in base.metrics]
    rows = []
    for metric in shared:
        better = head.metrics[metric].better
        difference = head.difference(base, metric)
        sides = mean(base.metrics[metric]), mean(head.metrics[metric])
        rows.append(Row(metric, better, *sides, difference, difference.verdict(better)))
    notes = []
    if base.source != head.source:
        notes.append(f"other images, {base.source} before and {head.source} now: no verdict is about the model alone")
    elif base.test_set != head.test_set:
        notes.append("another test set: what test images add does not cancel, so intervals are wider")
    for side, other in (("before", (base, head)), ("now", (head, base))):
        if only := [metric for metric in other[0].metrics if metric not in other[1].metrics]:
            notes.append(f"measured only {side}: {', '.join(only)}")
    differs = replace(base, machine=head.machine) != head
    if not differs and any(change.key.startswith(f"experiments.{name}.") for change in changes):
        notes.append("parameters changed and no number did: not run since? `dvc repro`")
    return Pair(name, differs, tuple(notes), tuple(rows))


def chosen(comparison: Comparison, patterns: Sequence[str], everything: bool) -> list[Pair]:
    """What to show: metrics that `patterns` choose, all without one, by verdict; what is the same only if asked for."""
    found = []
    for pair in comparison.pairs:
        rows = [
            row
            for row in pair.rows
            if (not patterns or matches(patterns, pair.name, row.metric)) and (everything or row.verdict != "same")
        ]
        if rows or (not patterns and (everything or pair.differs or pair.notes)):
            found.append(replace(pair, rows=tuple(sorted(rows, key=lambda row: VERDICTS.index(row.verdict)))))
    return found


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
    """What fails of the metrics that `patterns` choose. The last tolerance that matches a metric holds.

    Raises InputError for a pattern that can never fail: it matches no metric, or only such as have no better direction.
    """
    known(patterns, comparisons, "--fail-on")
    known([each.pattern for each in tolerances if each.pattern != "*"], comparisons, "--tolerance")
    for pattern in patterns:
        rows = [row for _, pair, row in _rows(comparisons) if matches([pattern], pair.name, row.metric)]
        if all(row.better == "neither" for row in rows):
            raise InputError(f"--fail-on {pattern}: expected a metric that can get worse; neither direction is better")
    worse, unclear = [], []
    for each, pair, row in _rows(comparisons):
        if not matches(patterns, pair.name, row.metric):
            continue
        name = f"{pair.name}:{row.metric}" + (f" of {each.head.name}" if len(comparisons) > 1 else "")
        share = next((t.share for t in reversed(tolerances) if matches([t.pattern], pair.name, row.metric)), 0.0)
        if row.verdict == "worse" and abs(row.difference.value) > share * abs(row.base.value):
            worse.append(f"{name} got worse{_by(row)}" + (f", tolerance {share:.4g}" if share else ""))
        elif row.verdict == "unknown" and row.better != "neither":
            unclear.append(f"{name} cannot be judged: nothing tells how sure it is{_by(row)}")
    return Gate(tuple(worse), tuple(unclear))


def _rows(comparisons: Iterable[Comparison]) -> Iterator[tuple[Comparison, Pair, Row]]:
    return ((each, pair, row) for each in comparisons for pair in each.pairs for row in pair.rows)


def _by(row: Row) -> str:
    relative = f" ({row.difference.value / abs(row.base.value):+.1%})" if row.base.value else ""
    return f": {row.base.value:.5g} → {row.head.value:.5g}{relative}"


def record(comparison: Comparison, shown: Sequence[Pair], failed: Gate) -> dict[str, Any]:
    """As JSON: keys that stay. `shown`: the experiments and metrics to put in."""
    return {
        "base": {"name": comparison.base.name, "commit": comparison.base.commit or None},
        "head": {"name": comparison.head.name, "commit": comparison.head.commit or None},
        "params": [change_record(change) for change in comparison.changes],
        "experiments_added": list(comparison.added),
        "experiments_removed": list(comparison.removed),
        "notes": list(comparison.notes),
        "experiments": [
            {
                "name": pair.name,
                "differs": pair.differs,
                "counts": dict(pair.counts()),
                "notes": list(pair.notes),
                "metrics": [
                    {
                        "metric": row.metric,
                        "better": row.better,
                        "base": estimate_record(row.base),
                        "head": estimate_record(row.head),
                        "difference": estimate_record(row.difference),
                        "verdict": row.verdict,
                    }
                    for row in pair.rows
                ],
            }
            for pair in shown
        ],
        "failed": list(failed.worse),
        "unclear": list(failed.unclear),
    }


def change_record(change: Change) -> dict[str, Any]:
    """`base` or `head` is missing where the parameter is."""
    sides = {"base": change.base, "head": change.head}
    return {"key": change.key} | {side: value for side, value in sides.items() if value is not Absent.ABSENT}


def estimate_record(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "seeds": estimate.seeds}
