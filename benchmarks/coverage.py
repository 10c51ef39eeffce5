"""How often intervals hold what they should, by simulation and on trained models: docs/coverage.md.

`python -m benchmarks.coverage [--pools 1000] [--subsets 400] [--out docs]`, from the project's root; some minutes. It
reads docs/coverage/*.json, measurements of experiments that were trained with many seeds; `--add
results/measurements/X.json` puts another there, without what the test set adds, which no choice of seeds changes.
"""

import argparse
import math
import os
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
from numpy.random import Generator

from pipeline.ground.errors import InputError
from pipeline.ground.files import replacing
from pipeline.statistics import measurements, pools
from pipeline.statistics.intervals import Estimate, difference, mean
from pipeline.statistics.measurements import Measured, Measurements, Scale

FOLDER: Final = Path("docs/coverage")
HALVES: Final = 16
# Experiments of a pool, and the seeds that each has, over and over: as in params.yaml, and other cases.
DESIGNS: Final[tuple[tuple[int, tuple[int, ...]], ...]] = (
    (3, (2,)),
    (3, (3,)),
    (4, (2, 4)),
    (9, (2,)),
    (9, (3,)),
    (10, (2, 3, 4)),
    (13, (3,)),
    (13, (3, 5)),
)
UNEQUAL: Final = (0.0, 0.5, 1.0)  # standard deviation of the logarithm of the experiments' variances


@dataclass(frozen=True)
class Kind:
    """Of number: its scale, the means that experiments have, and how far seeds scatter on the scale. trials: of a
    share. test: standard deviation of what the test set adds to all seeds, in units of the seeds' own.
    """

    name: str
    scale: Scale
    means: tuple[float, float]
    scatter: float
    trials: int | None = None
    test: float = 0.0


KINDS: Final = (
    Kind("plain", "plain", (-1.0, 1.0), 1.0),
    Kind("plain, and a test set", "plain", (-1.0, 1.0), 1.0, test=0.7),
    Kind("logarithm", "log", (1.0, 30.0), 0.15),
    Kind("logarithm, far", "log", (1.0, 30.0), 0.4),
    Kind("share", "logit", (0.1, 0.9), 0.3, trials=2000),
    Kind("share near 1", "logit", (0.9, 0.99), 0.3, trials=2000),
)


@dataclass
class Count:
    """How many intervals held, of how many."""

    held: int = 0
    of: int = 0

    def add(self, estimate: Estimate, truth: float) -> None:
        if estimate.low is not None and estimate.high is not None:
            self.held += estimate.low <= truth <= estimate.high
            self.of += 1

    def __str__(self) -> str:
        return f"{self.held / self.of:.3f}" if self.of else "–"


def _drawn(kind: Kind, seeds: int, deviation: float, noise: Generator) -> tuple[Measured, float]:
    """One experiment, and the mean that ever more seeds and test sets would come to."""
    low, high = kind.means
    # Test sets add to the plain kinds only; to others what they add is part of the seeds' scatter.
    shared = kind.test * deviation * kind.scatter * noise.normal() if kind.test else 0.0
    errors = tuple(kind.test * deviation * kind.scatter * noise.normal(size=HALVES)) if kind.test else ()
    steps = deviation * kind.scatter * noise.normal(size=seeds)
    if kind.scale == "plain":
        truth = noise.uniform(low, high)
        return Measured("higher", tuple(truth + shared + steps), errors), truth
    if kind.scale == "log":
        centre = math.exp(noise.uniform(math.log(low), math.log(high)))
        truth = centre * math.exp((deviation * kind.scatter) ** 2 / 2)
        return Measured("lower", tuple(centre * np.exp(steps)), scale="log"), truth
    centre = noise.uniform(low, high)
    logit = math.log(centre / (1 - centre))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    chances = 1 / (1 + np.exp(-(logit + deviation * kind.scatter * nodes)))
    truth = float((weights * chances).sum() / weights.sum())
    found = noise.binomial(kind.trials or 1, 1 / (1 + np.exp(-(logit + steps)))) / (kind.trials or 1)
    return Measured("higher", tuple(map(float, found)), (), kind.trials, "logit"), truth


def simulated(kind: Kind, design: tuple[int, tuple[int, ...]], unequal: float, count: int) -> list[Count]:
    """Of so many pools: a mean of any experiment, a difference of two, and the mean of the most variable one."""
    experiments, seeds = design
    noise = np.random.default_rng([experiments, *seeds, round(10 * unequal), len(kind.name)])
    counts = [Count(), Count(), Count()]
    for _ in range(count):
        deviations = np.exp(unequal * noise.normal(size=experiments) / 2)
        drawn = [_drawn(kind, seeds[n % len(seeds)], deviations[n], noise) for n in range(experiments)]
        sides, truths = pools.pool([side for side, _ in drawn]), [truth for _, truth in drawn]
        one, other = noise.choice(experiments, 2, replace=False)
        counts[0].add(mean(sides[one]), truths[one])
        counts[1].add(difference(sides[one], sides[other], False), truths[one] - truths[other])
        most = int(deviations.argmax())
        counts[2].add(mean(sides[most]), truths[most])
    return counts


@dataclass
class Real:
    """On trained models, of a metric or of all: means and differences; narrower: widths, as shares of Student's."""

    means: Count
    differences: Count
    apart: Count
    widths: list[float]


def trained(found: Mapping[str, Measurements], seeds: int, subsets: int) -> dict[str, Real]:
    """Of so many choices of so many seeds of each experiment: how often intervals hold the mean of all its seeds.

    `apart`: the same of the mean of infinitely many: a choice of n of N seeds is off from the mean of N by
    sqrt(1 - n / N) times as far as from that.
    """
    noise = np.random.default_rng(seeds)
    told: dict[str, Real] = {}
    names = list(found)
    for metric in dict.fromkeys(name for each in found.values() for name in each.metrics):
        own = [found[name].metrics[metric] for name in names if metric in found[name].metrics]
        own = [each for each in own if len(set(each.values)) > 2]
        if len(own) < pools.LEAST:
            continue
        real = told[metric] = Real(Count(), Count(), Count(), [])
        for _ in range(subsets):
            chosen = [_choice(each, seeds, noise) for each in own]
            sides = pools.pool(chosen)
            estimates = [mean(side) for side in sides]
            for each, estimate in zip(own, estimates, strict=True):
                real.means.add(estimate, each.mean)
                share = math.sqrt(1 - seeds / len(each.values))
                real.apart.add(estimate, estimate.value + (each.mean - estimate.value) / share)
            one, other = noise.choice(len(own), 2, replace=False)
            real.differences.add(difference(sides[one], sides[other], False), own[one].mean - own[other].mean)
            ours, students = (_width(mean(side)) for side in (sides[one], chosen[one]))
            if ours and students:
                real.widths.append(ours / students)
    return told


def _choice(measured: Measured, seeds: int, noise: Generator) -> Measured:
    rows = noise.choice(len(measured.values), seeds, replace=False)
    return replace(measured, values=tuple(measured.values[row] for row in rows), errors=())


def _width(estimate: Estimate) -> float | None:
    return None if estimate.low is None or estimate.high is None else estimate.high - estimate.low


def _summed(counts: Sequence[Count]) -> Count:
    return Count(sum(each.held for each in counts), sum(each.of for each in counts))


def simulations(count: int) -> list[str]:
    """The table of simulated pools."""
    cases = [(kind, design, unequal) for kind in KINDS for design in DESIGNS for unequal in UNEQUAL]
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        found = dict(zip(cases, pool.map(partial(_case, count=count), cases), strict=True))
    lines = [
        f"| kind | experiments | seeds | {' | '.join(f'unequal by {unequal:g}' for unequal in UNEQUAL)} |",
        f"|---|--:|--:|{'---|' * len(UNEQUAL)}",
    ]
    for kind in KINDS:
        for experiments, seeds in DESIGNS:
            cells = [" ".join(map(str, found[kind, (experiments, seeds), unequal])) for unequal in UNEQUAL]
            lines.append(f"| {kind.name} | {experiments} | {', '.join(map(str, seeds))} | {' | '.join(cells)} |")
    return lines


def _case(case: tuple[Kind, tuple[int, tuple[int, ...]], float], count: int) -> list[Count]:
    return simulated(*case, count)


def real(subsets: int) -> list[str]:
    """The tables of trained models, and which metrics cover worst."""
    found = measurements.load(FOLDER)
    sources: dict[str, dict[str, Measurements]] = defaultdict(dict)
    for name, each in found.items():
        sources[each.source][name] = each
    lines = [
        "| images | experiments | seeds each | chosen | means | against ever more seeds | differences | "
        "width, of Student's | lowest of a metric |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for source, group in sources.items():
        have = min(len(each.seeds) for each in group.values())
        for seeds in (2, 3):
            told = trained(group, seeds, subsets)
            means, apart, differences = (
                _summed([getattr(each, key) for each in told.values()]) for key in ("means", "apart", "differences")
            )
            low = sorted(told, key=lambda metric: told[metric].means.held / told[metric].means.of)[:3]
            width = float(np.median([width for each in told.values() for width in each.widths]))
            worst = ", ".join(f"`{metric}` {told[metric].means}" for metric in low)
            cells = (source, len(group), have, seeds, means, apart, differences, f"{width:.2f}", worst)
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def add(path: Path) -> None:
    """Puts an experiment's measurements into the folder, without what the test set adds."""
    each = measurements.parse(path.read_text(encoding="utf-8"), str(path))
    bare = {name: replace(measured, errors=()) for name, measured in each.metrics.items()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / path.name).write_text(measurements.dump(replace(each, metrics=bare, partial={})), encoding="utf-8")


HEAD: Final = """# How often the intervals hold

Written by `python -m benchmarks.coverage`. A 95 % interval should hold the truth in 95 of 100 cases. What the intervals
are is told in [intervals.md](intervals.md).

## By simulation

Pools of experiments with drawn seeds, {pools} of each kind: the share of intervals that hold the mean that ever more
seeds (and test sets) would come to; of any one experiment, of the difference of two, and of the most variable
experiment of the pool. *Unequal by*: the standard deviation of the logarithm of the experiments' variances; by 1, two
of three experiments have a variance between 0.37 and 2.7 times the usual, and the most variable of thirteen mostly five
times it.
"""
MIDDLE: Final = """
## On trained models

Experiments of the laptop budget, trained with many seeds once; `docs/coverage` has what was measured. Of each
experiment some seeds are chosen by chance, {subsets} times, and pooled; the share of intervals, over all metrics whose
seeds differ, that hold the mean of all its seeds. *Against ever more seeds*: the same with errors as large as they
would be against the mean of infinitely many, as the chosen seeds are among all.
"""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pools", type=int, default=1000, help="simulated, of each kind")
    parser.add_argument("--subsets", type=int, default=400, help="choices of seeds of trained models")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--add", type=Path, nargs="+", default=[], help="measurements to put into docs/coverage first")
    options = parser.parse_args()
    begun = time.monotonic()
    try:
        for path in options.add:
            add(path)
        after = real(options.subsets)
    except (InputError, OSError) as error:
        sys.exit(f"error: {error}")
    before = simulations(options.pools)
    text = [HEAD.format(pools=options.pools), *before, MIDDLE.format(subsets=options.subsets), *after]
    options.out.mkdir(parents=True, exist_ok=True)
    with replacing(options.out / "coverage.md") as beside:
        beside.write_text("\n".join(text) + "\n", encoding="utf-8")
    print(f"{options.out / 'coverage.md'}: {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
