"""What the experiments of a params.yaml cost on a device, and how long they take with so many workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.costs import graph, others, work
from pipeline.costs.rates import Device, Precision
from pipeline.costs.speed import Known, Seconds, Speeds, known
from pipeline.costs.wall import Units, split
from pipeline.costs.work import Work
from pipeline.running.record import Times
from pipeline.running.schedule import expected, kind


@dataclass(frozen=True)
class Cost:
    """An experiment's training. work, seconds: of an iteration; iterations: of a seed."""

    name: str
    seeds: tuple[int, ...]
    precision: Precision
    iterations: int
    work: Work
    seconds: Seconds

    @property
    def seed_seconds(self) -> float:
        return self.iterations * self.seconds.value

    @property
    def operations(self) -> int:
        """Of all seeds' training."""
        return len(self.seeds) * self.iterations * self.work.operations

    @property
    def images_per_second(self) -> float:
        return self.work.images / self.seconds.value


@dataclass(frozen=True)
class Reference:
    """The committed run: its times, and params.yaml at the sizes that it had."""

    times: Times
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Costs:
    """training: by experiment; units: all there is to do, with its seconds; those of other stages where `reference`."""

    training: Mapping[str, Cost]
    units: Units

    def seconds(self, *kinds: str) -> float:
        """Of a worker, of all stages of these kinds."""
        return sum(seconds for unit, seconds in self.units.seconds.items() if kind(unit) in kinds)

    def measuring(self, name: str) -> float:
        """Seconds of an experiment's evaluation and figures."""
        return sum(self.units.seconds[f"{what}@{name}"] for what in ("evaluate", "figures"))

    def side_by_side(self, name: str) -> float:
        """Seconds that an experiment takes with a worker for each seed."""
        return self.training[name].seed_seconds + self.measuring(name)

    def one_by_one(self, name: str) -> float:
        """Seconds of a worker that an experiment takes in all."""
        cost = self.training[name]
        return len(cost.seeds) * cost.seed_seconds + self.measuring(name)


def counted(content: Mapping[str, Any], same: dict[str, Work]) -> dict[str, tuple[work.Entry, Work]]:
    """Each experiment's entry and the work of an iteration. Raises InputError for an entry that cannot be trained.

    same: what was counted before, by all that changes it; what is counted is added.
    """
    found = {}
    for name, block in content["experiments"].items():
        own = work.planned(name, block)
        # Seeds and epochs change no iteration
        key = repr((own.experiment.family, own.model, own.network, own.training.batch, own.experiment.data))
        if key not in same:
            same[key] = work.iteration(own)
        found[name] = own, same[key]
    return found


def costs(
    content: Mapping[str, Any], device: Device, devices: Mapping[str, Device], reference: Reference | None
) -> Costs:
    """Of all experiments and stages of a params.yaml. devices: all that are known; reference: where there is one."""
    same: dict[str, Work] = {}
    entries = counted(content, same)
    base = counted(reference.content, same) if reference else {}
    like = device if device.measured or device.times else devices[str(device.like)]
    found = known(like)
    if device.times and reference:
        found += _recorded(reference, base, device)
    speeds = Speeds(found, like is device, device.peak, like.peak)
    training = {}
    for name, (own, one) in entries.items():
        precision: Precision = device.auto if own.training.precision == "auto" else own.training.precision
        seconds = speeds(name, own.experiment.family, own.experiment.network, precision, one)
        count = work.iterations(own, one, content["data"][own.experiment.data]["train"])
        training[name] = Cost(name, own.experiment.seeds, precision, count, one, seconds)
    needs = graph.needs(content)
    rest = [stage for stage in needs if kind(stage) != "train"]
    seconds_of = _others(rest, content, device, reference, entries, base) if reference else dict.fromkeys(rest, 0.0)
    seeds = {f"train@{cost.name}": dict.fromkeys(cost.seeds, cost.seed_seconds) for cost in training.values()}
    return Costs(training, split(needs, seconds_of, seeds))


def _recorded(reference: Reference, base: Mapping[str, tuple[work.Entry, Work]], device: Device) -> list[Known]:
    """What the committed run's times say: a stage had a core, on average, as two ran on two."""
    found = []
    for name, (own, one) in base.items():
        spent = reference.times.stages.get(f"train@{name}")
        train = reference.content["data"][own.experiment.data]["train"]
        count = work.iterations(own, one, train) * reference.times.seeds.get(name, len(own.experiment.seeds))
        if spent and count:
            precision: Precision = device.auto if own.training.precision == "auto" else own.training.precision
            family, network = own.experiment.family, own.experiment.network
            found.append(Known(name, family, network, precision, one, spent / count))
    return found


def _others(
    stages: list[str],
    content: Mapping[str, Any],
    device: Device,
    reference: Reference,
    entries: Mapping[str, tuple[work.Entry, Work]],
    base: Mapping[str, tuple[work.Entry, Work]],
) -> dict[str, float]:
    """Seconds of each stage but training."""
    then = expected(stages, reference.times.stages)
    found = {}
    for stage in stages:
        name = stage.partition("@")[2]
        growth, seeds = 1.0, 1
        if name in entries and name in base:
            before, now = base[name][1], entries[name][1]
            growth = now.operations / now.images * before.images / before.operations
            seeds = reference.times.seeds.get(name, len(reference.content["experiments"][name]["seeds"]))
        faster = device.others if kind(stage) in others.COMPUTED else 1.0
        found[stage] = then[stage] * others.larger(stage, content, reference.content, seeds, growth) / faster
    return found
