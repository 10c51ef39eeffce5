"""What experiments cost on a device at a budget's sizes: images a second, hours and money."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch

from benchmarks import textbook
from benchmarks.experiments import Enough, built, draws, kinds, noise, started
from benchmarks.lent import Clock
from benchmarks.speed import Mark, quiet, together
from pipeline.contracts.curves import Row
from pipeline.costs.work import Entry, planned
from pipeline.ground.errors import InputError
from pipeline.ground.parallel import Report, over_seeds

POINT = 5  # iterations between two looks at the clock, at each of which a GPU is waited for
IMAGES = 8192  # that are measured with, at most: random ones, as what they show takes no time
STARTING = 15.0  # seconds that processes may take to begin on a GPU
LOADERS = 2  # workers of the textbook's DataLoader, as in PyTorch's tutorials


@dataclass(frozen=True)
class Cost:
    """One experiment. images: that all of its seeds see in their training. ours, textbook: images a second of one seed;
    together: of all seeds side by side, as they train on a GPU; None where there was no time for it.

    like: the experiment whose speed was taken for this one's, of the same family, network and role; None where it was
    measured. fault: why there is no speed.
    """

    name: str
    kind: str
    images: int
    ours: float | None = None
    textbook: float | None = None
    together: float | None = None
    like: str | None = None
    fault: str | None = None

    @property
    def hours(self) -> float | None:
        """Of all seeds: side by side where that was measured, else one after the other, which is no less."""
        rate = self.together or self.ours
        return self.images / rate / 3600 if rate else None


def an_iteration(entry: Entry) -> int:
    """Training images that an iteration takes."""
    return entry.training.batch * draws(built(entry, noise(entry.experiment.data, 1)))


def to_see(entry: Entry, train: int) -> int:
    """Images that all seeds of an experiment see, of so many training images: whole iterations only."""
    images = an_iteration(entry)
    return train // images * images * entry.training.epochs * len(entry.experiment.seeds)


def marks(entry: Entry, device: torch.device, seconds: float, seed: int, report: Report) -> list[Mark]:
    """When one seed had seen how many random images on a device, from its first few iterations on."""
    images, epochs = an_iteration(entry), 100_000  # it ends by the clock
    data = noise(entry.experiment.data, _count(images)).to(device)
    run = started(entry, data, seed, len(data) // images * epochs // POINT, snapshots=0, epochs=epochs)
    found: list[Mark] = []

    def boundary(row: Row) -> None:
        found.append((time.perf_counter(), row["images_seen"]))
        if len(found) > 1 and found[-1][0] - found[0][0] >= seconds:
            raise Enough

    with contextlib.suppress(Enough):
        run.train(boundary)
    return found


def _count(images: int) -> int:
    """How many random images to measure with, of so many an iteration."""
    return max(2 * images, IMAGES // images * images)


def _silent(done: int, total: int, values: Mapping[str, float]) -> None: ...


def measured(cost: Cost, entry: Entry, device: torch.device, seconds: float, beside: bool) -> Cost:
    """The cost with one seed's speed and, where wanted, the textbook's beside it, in turn."""
    facts = asdict(cost)
    try:
        if beside:
            # As it is when torch starts: ours has set it otherwise.
            torch.set_float32_matmul_precision("highest")
            data = noise(entry.experiment.data, _count(an_iteration(entry)))
            facts["textbook"] = textbook.images_a_second(entry, data, seconds, LOADERS, device)
        facts["ours"] = together([marks(entry, device, seconds, 0, _silent)])
    except RuntimeError as error:  # out of memory, or what this device cannot do: the others are measured all the same
        facts["fault"] = str(error).splitlines()[0]
    return Cost(**facts)


def side_by_side(cost: Cost, entry: Entry, device: torch.device, seconds: float) -> Cost:
    """The cost with the speed of all seeds, each in a process of its own, where they fit and run at the same time."""
    seeds = entry.experiment.seeds
    try:
        found = over_seeds(partial(marks, entry, device, seconds), seeds, quiet, device, len(seeds))
        return replace(cost, together=together(list(found.values())))
    except (RuntimeError, InputError) as error:
        print(f"{cost.name}: not side by side: {str(error).splitlines()[-1]}", flush=True)
        return cost


def costs(content: Mapping[str, Any], device: torch.device, seconds: float, clock: Clock, share: float) -> list[Cost]:
    """All experiments: the first of each family and network beside the textbook, then the others as time allows, until
    `share` of the clock; then all seeds side by side, of those that cost most. Those that are left over, and those of
    MLPs, take the speed of the first of their kind.
    """
    blocks = content["experiments"]
    entries = {name: planned(name, block) for name, block in blocks.items()}
    found: dict[str, Cost] = {}
    for name, entry in entries.items():
        common = entry.experiment
        images = to_see(entry, content["data"][common.data]["train"])
        found[name] = Cost(name, f"{common.family}, {common.network}, {common.data}", images)
    first = list(kinds(blocks).values())
    others = [name for name, block in blocks.items() if name not in first and block["network"] != "mlp"]
    for name in [*first, *others]:
        if clock.until(share) > 3 * seconds:
            found[name] = measured(found[name], entries[name], device, seconds, name in first)
            print(_told(found[name]), flush=True)
    for cost in sorted(found.values(), key=lambda cost: -(cost.hours or 0)):
        # On a CPU this process has used threads, so that it must not fork.
        if cost.ours and device.type == "cuda" and clock.until(share) > STARTING + 5 * seconds:
            found[cost.name] = side_by_side(cost, entries[cost.name], device, 3 * seconds)
            print(_told(found[cost.name]), flush=True)
    known = {cost.kind: cost for cost in reversed(found.values()) if cost.ours}
    for name, cost in found.items():
        if cost.ours is None and cost.fault is None and cost.kind in known:
            like = known[cost.kind]
            found[name] = replace(cost, ours=like.ours, like=like.name)
    return list(found.values())


def table(found: Sequence[Cost], price: float) -> list[str]:
    """A row an experiment; hours of all its seeds, and what they cost at a price an hour."""
    heads = ("images/s", "textbook", "times", "all seeds", "million images", "hours", "dollars")
    lines = [f"| experiment | family, network, role | {' | '.join(heads)} |", f"|---|---|{'--:|' * len(heads)}"]
    for cost in found:
        rates = ["" if rate is None else f"{rate:,.0f}" for rate in (cost.ours, cost.textbook)]
        times = f"{cost.ours / cost.textbook:.1f}" if cost.ours and cost.textbook else ""
        rates[0] += f" (`{cost.like}`)" if cost.like else cost.fault or ""
        due = ["", ""] if cost.hours is None else [f"{cost.hours:.2f}", f"{cost.hours * price:.2f}"]
        seeds = f"{cost.together:,.0f}" if cost.together else ""
        cells = [f"`{cost.name}`", cost.kind, *rates, times, seeds, f"{cost.images / 1e6:.1f}", *due]
        lines.append(f"| {' | '.join(cells)} |")
    hours = [cost.hours for cost in found if cost.hours is not None]
    unknown = len(found) - len(hours)
    lines += ["", f"Together {sum(hours):.1f} hours, {sum(hours) * price:.0f} dollars at {price:g} an hour, to train."]
    return [*lines, *([f"Of {unknown} experiments the speed is unknown."] if unknown else [])]


def _told(cost: Cost) -> str:
    beside = f", textbook {cost.textbook:,.0f}" if cost.textbook else ""
    seeds = f", all seeds {cost.together:,.0f}" if cost.together else ""
    return f"{cost.name}: {cost.fault or f'{cost.ours:,.0f} images/s{beside}{seeds}'}"
