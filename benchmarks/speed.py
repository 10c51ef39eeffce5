"""How fast an experiment trains, as it stands in params.yaml and as tutorials train it, each time in a new process."""

import contextlib
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import textbook
from benchmarks.experiments import Enough, started
from benchmarks.operations import product
from pipeline.contracts import images
from pipeline.contracts.curves import Row
from pipeline.contracts.images import ImageSet
from pipeline.costs.work import Entry, iteration, planned
from pipeline.ground.device import precision
from pipeline.ground.errors import InputError
from pipeline.ground.parallel import Report, over_seeds

CPU = torch.device("cpu")
WORKERS = (0, 2)  # of the textbook's DataLoader; the faster one counts
LONGER = 50  # times its epochs is an experiment measured, should it be so quick
Mark = tuple[float, float]  # when, on a clock that all processes share, and how many images were seen by then


@dataclass(frozen=True)
class Round:
    """One measurement of each kind, within a minute or so.

    textbook: images a second by number of workers. ours: of all seeds together. operations, peak: a second, of training
    one seed on one core and of a matrix product there.
    """

    textbook: Mapping[int, float]
    ours: float
    operations: float
    peak: float

    @property
    def ratio(self) -> float:
        return self.ours / max(self.textbook.values())

    @property
    def share(self) -> float:
        return self.operations / self.peak


@dataclass
class Speed:
    """An experiment and the rounds it was measured in. per_image: operations of an iteration, by its images."""

    name: str
    entry: Entry
    per_image: float = 0.0
    rounds: list[Round] = field(default_factory=list)

    @property
    def convolutional(self) -> bool:
        return self.entry.experiment.network != "mlp"

    def median(self, value: Callable[[Round], float]) -> float:
        return statistics.median(map(value, self.rounds))


def prepared(entry: Entry) -> ImageSet:
    """The experiment's training images. Raises InputError when they are not prepared."""
    return images.load(Path("data/prepared") / entry.experiment.data / "train.safetensors")


def together(marks: Sequence[Sequence[Mark]]) -> float:
    """Images a second of several runs in the time in which all ran. Raises InputError when there is none."""
    start, end = max(run[0][0] for run in marks), min(run[-1][0] for run in marks)
    if end <= start:
        raise InputError("the seeds did not run at the same time; measure for more seconds")
    total = 0.0
    for run in marks:
        times, seen = zip(*run, strict=True)
        total += float(np.interp(end, times, seen) - np.interp(start, times, seen))
    return total / (end - start)


def _seed(entry: Entry, seconds: float, seed: int, report: Report) -> list[Mark]:
    """One seed's marks, at the points of its curve; these are as many updates apart as in the experiment."""
    run = started(entry, prepared(entry), seed, 100 * LONGER, epochs=LONGER * entry.training.epochs)
    marks: list[Mark] = []

    def boundary(row: Row) -> None:
        marks.append((time.perf_counter(), row["images_seen"]))
        if len(marks) > 1 and marks[-1][0] - marks[0][0] >= seconds:
            raise Enough

    with contextlib.suppress(Enough):
        run.train(boundary)
    return marks


def quiet(task: str, done: int, total: int, values: Mapping[str, float]) -> None:
    """Shows no progress: a benchmark tells of rounds."""


def ours(entry: Entry, seconds: float) -> float:
    """Training images a second of all seeds, side by side as the experiment trains them."""
    seeds = entry.experiment.seeds
    found = over_seeds(partial(_seed, entry, seconds), seeds, quiet, CPU, len(seeds))
    return together(list(found.values()))


def theirs(entry: Entry, seconds: float, workers: int) -> float:
    """Training images a second of the textbook's loop, with all cores."""
    return textbook.images_a_second(entry, prepared(entry), seconds, workers)


def one_core(entry: Entry, seconds: float) -> tuple[float, float, float]:
    """On one core, as each seed has at least: operations an image, training's operations a second, and a product's."""
    torch.set_num_threads(1)
    work = iteration(entry)
    per_image = work.operations / work.images
    dtype = getattr(torch, precision(entry.training.precision, CPU))
    before = product(dtype)
    rate = together([_seed(entry, seconds, 0, lambda *progress: None)])
    return per_image, rate * per_image, max(before, product(dtype))


def measured(speed: Speed, seconds: float) -> Round:
    """One round, of fresh processes in turn; none is warmed up by another."""
    entry = speed.entry
    by_workers = {workers: _fresh(theirs, entry, seconds, workers) for workers in WORKERS}
    rate = _fresh(ours, entry, seconds)
    speed.per_image, operations, peak = _fresh(one_core, entry, seconds / 2)
    found = Round(by_workers, rate, operations, peak)
    speed.rounds.append(found)
    return found


def _fresh(function: Callable[..., Any], entry: Entry, *arguments: Any) -> Any:
    """A function's result from a process of its own. Raises InputError when it fails; the process has said why."""
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=_put, args=(queue, function, entry, *arguments))
    process.start()
    process.join()
    if process.exitcode:
        raise InputError(f"{function.__name__}: its process ended with {process.exitcode}")
    return queue.get()


def _put(queue: "SimpleQueue[Any]", function: Callable[..., Any], *arguments: Any) -> None:
    queue.put(function(*arguments))


def listed(experiments: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> list[Speed]:
    """These experiments. Raises InputError for one that is not in params.yaml."""
    for name in names:
        if name not in experiments:
            raise InputError(f"{name}: no such experiment; found {', '.join(experiments)}")
    return [Speed(name, planned(name, experiments[name])) for name in names]
