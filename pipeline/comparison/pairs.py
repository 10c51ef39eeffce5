"""Two revisions held against each other: parameters that changed, metrics with their differences."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from pipeline.comparison.revisions import Revision
from pipeline.statistics.intervals import Estimate, Verdict, between, mean
from pipeline.statistics.measurements import Better, Measurements


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
    """A metric of an experiment in both revisions; difference: head minus base. verdict: of it by itself.

    stands: whether it still is one among all that are looked at together, see `discoveries`.
    """

    metric: str
    better: Better
    base: Estimate
    head: Estimate
    difference: Estimate
    verdict: Verdict
    stands: bool = True

    @property
    def upshot(self) -> Verdict:
        """The verdict that counts among many."""
        return self.verdict if self.stands or self.verdict not in ("better", "worse", "changed") else "noise"


@dataclass(frozen=True)
class Pair:
    """An experiment that both revisions measured. differs: in any number. rows: in the metrics' own order."""

    name: str
    differs: bool
    notes: tuple[str, ...]
    rows: tuple[Row, ...]

    def counts(self) -> dict[Verdict, int]:
        """How many metrics got each verdict that counts among many, without those that are the same."""
        counted = Counter(row.upshot for row in self.rows)
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
        "classifier": "has another judge: numbers by its answers are of different yardsticks",
        "referee": "has another referee: numbers by its features and answers are of different yardsticks",
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
        difference = between(head, base, metric)
        sides = mean(base.metrics[metric]), mean(head.metrics[metric])
        rows.append(Row(metric, better, *sides, difference, difference.verdict(better)))
    notes = []
    if base.source != head.source:
        notes.append(f"other images, {base.source} before and {head.source} now: no verdict is about the model alone")
    elif base.test_set != head.test_set:
        notes.append("another test set: what test images add does not cancel, so intervals are wider")
    if base.yardstick != head.yardstick and base.yardstick and head.yardstick:
        notes.append("another judge or referee, trained anew: part of each difference may be theirs")
    if base.precision != head.precision and base.precision and head.precision:
        notes.append(f"trained in {base.precision} before and in {head.precision} now: rounding differs too")
    for side, other in (("before", (base, head)), ("now", (head, base))):
        if only := [metric for metric in other[0].metrics if metric not in other[1].metrics]:
            notes.append(f"measured only {side}: {', '.join(only)}")
    differs = replace(base, machine=head.machine, precision=head.precision, yardstick=head.yardstick) != head
    if not differs and any(change.key.startswith(f"experiments.{name}.") for change in changes):
        notes.append("parameters changed and no number did: not run since? `dvc repro`")
    return Pair(name, differs, tuple(notes), tuple(rows))
