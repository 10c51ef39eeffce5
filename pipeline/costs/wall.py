"""How long all takes with so many workers: each takes a seed's training, or another stage, at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.running import schedule

NO_FASTER = 1.01  # times the critical path: more workers no longer help


@dataclass(frozen=True)
class Units:
    """seconds: of each unit of work, in an order in which they can run; needs: those that must be done before."""

    seconds: Mapping[str, float]
    needs: Mapping[str, frozenset[str]]

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    def critical(self) -> tuple[float, list[str]]:
        """The longest chain of units that wait for each other, and its seconds: no number of workers does it faster."""
        ends: dict[str, float] = {}
        before: dict[str, str | None] = {}
        for unit, seconds in self.seconds.items():
            last = max(self.needs[unit], key=ends.__getitem__, default=None)
            ends[unit], before[unit] = seconds + (ends[last] if last else 0.0), last
        latest = max(ends, key=ends.__getitem__, default=None)
        longest, path = ends[latest] if latest else 0.0, list[str]()
        while latest:
            path.append(latest)
            latest = before[latest]
        return longest, path[::-1]


@dataclass(frozen=True)
class Wall:
    """seconds: from the first unit's begin to the last one's end, of a run by so many workers."""

    workers: int
    seconds: float


def split(
    needs: Mapping[str, frozenset[str]], seconds: Mapping[str, float], training: Mapping[str, Mapping[int, float]]
) -> Units:
    """Stages as units of work. training: seconds of each seed, by the stage that trains it; seconds: of the others."""
    parts = {stage: [f"{stage}#{seed}" for seed in seeds] for stage, seeds in training.items()}
    units: dict[str, float] = {}
    wanted: dict[str, frozenset[str]] = {}
    for stage, before in needs.items():
        own = frozenset(part for each in before for part in parts.get(each, [each]))
        for unit in parts.get(stage, [stage]):
            wanted[unit] = own
        if stage in parts:
            units |= dict(zip(parts[stage], training[stage].values(), strict=True))
        else:
            units[stage] = seconds[stage]
    return Units(units, wanted)


def walls(units: Units, workers: Sequence[int]) -> list[Wall]:
    """Of each number of workers, who take what is ready and has the longest path of work ahead."""
    place = schedule.ranks(list(units.seconds), units.needs, units.seconds)
    return [Wall(n, schedule.seconds_left(units.seconds, {}, units.needs, place, n)) for n in workers]


def enough(units: Units) -> Wall:
    """The fewest workers, found by halving, who take no longer than the critical path, but for a hundredth."""
    place = schedule.ranks(list(units.seconds), units.needs, units.seconds)

    def wall(workers: int) -> Wall:
        return Wall(workers, schedule.seconds_left(units.seconds, {}, units.needs, place, workers))

    longest = NO_FASTER * units.critical()[0]
    few, many = 1, max(1, len(units.seconds))
    while few < many:
        middle = (few + many) // 2
        if wall(middle).seconds <= longest:
            many = middle
        else:
            few = middle + 1
    return wall(few)
