"""How far the seeds of an experiment scatter, told by its own and by those of all experiments on the same images.

Two or three seeds hardly tell it by themselves. But experiments on the same images scatter much alike, each on the
metric's own scale, so that all of them together tell what is usual, and how far from it an experiment may be. In
genomics, where three samples are the rule, that is the moderated t-test (Smyth 2004); here the two numbers that it
estimates are not taken as known, as there are three to thirteen experiments and not thousands of genes.

The model. y: values on the metric's scale; s_e^2: the variance of experiment e's seeds, of d_e degrees of freedom.
    s_e^2 | sigma_e^2 ~ sigma_e^2 chi^2(d_e) / d_e
    sigma_e^2 ~ d0 s0^2 / chi^2(d0): the usual variance s0^2, with a flat prior on its logarithm, and how unequal they
    are, as the standard deviation tau of log sigma_e^2 (trigamma(d0 / 2) = tau^2), with a half-normal prior of scale 1.
Then s_e^2 / s0^2 is F-distributed, which gives the weights of s0 and tau on a grid, and of each
    sigma_e^2 ~ (d0 s0^2 + d_e s_e^2) / chi^2(d0 + d_e),
drawn DRAWS times. Draw n of all experiments has the same s0 and tau, so that what is not known of these two counts
once in a difference, however many sides it has. docs/intervals.md tells how often the intervals hold.
"""

import math
from collections import defaultdict
from collections.abc import Container, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.statistics import measurements
from pipeline.statistics.measurements import Measured, Measurements, Scale

Array = NDArray[np.float64]
K = TypeVar("K", bound=Hashable)
LEAST: Final = 3  # experiments, below which they say too little about one another
DRAWS: Final = 2048
_TAU: Final = np.geomspace(0.05, 3.0, 15)
BEYOND: Final = 3.0  # the grid of log s0^2: from so much below the experiments' least to so much above their largest
STEPS: Final = 64  # of it
# The prior of an experiment has the variances this much more unequal than the pool says. The most variable one of a
# pool, which nothing gives away, would otherwise be held in three of four intervals only.
GUARD: Final = 1.5


def pooled(found: Mapping[K, Measurements]) -> dict[K, Measurements]:
    """The same measurements, each metric with what its pool says of its seeds' variance.

    A pool: the experiments of at least two seeds on the same test images that have the metric, each with the same
    values counted once. Where there are fewer than LEAST whose seeds differ, nothing is added.
    """
    pools: dict[tuple[str, str, str], list[K]] = defaultdict(list)
    for key, each in found.items():
        for metric, measured in each.metrics.items():
            if len(measured.values) > 1:
                pools[each.source, each.test_set, metric].append(key)
    changed: dict[K, dict[str, Measured]] = {key: dict(each.metrics) for key, each in found.items()}
    for (*_, metric), keys in pools.items():
        sides = [found[key].metrics[metric] for key in keys]
        # Measurements of before scales were declared are plain
        scale: Scale = next((side.scale for side in sides if side.scale != "plain"), "plain")
        for key, measured in zip(keys, pool([replace(side, scale=scale) for side in sides]), strict=True):
            changed[key][metric] = measured
    return {key: replace(each, metrics=changed[key]) for key, each in found.items()}


def load(folder: Path, names: Container[str] | None = None) -> dict[str, Measurements]:
    """The measurements of each experiment, or of those with these names, pooled; the latter may be none.

    Raises InputError when there are none at all.
    """
    return pooled({name: each for name, each in measurements.load(folder).items() if names is None or name in names})


def pool(sides: Sequence[Measured]) -> list[Measured]:
    """One metric of several experiments, each with the variances that its own seeds and all others' leave possible."""
    units = [_unit(side) for side in sides]
    own = {  # the same values twice are one experiment's, of two revisions
        side.values: (_variance(side.values) / unit**2, len(side.values) - 1)
        for side, unit in zip(sides, units, strict=True)
        if unit
    }
    telling = [(variance, freedom) for variance, freedom in own.values() if variance > 0]
    if len(telling) < LEAST:
        return list(sides)
    tau, usual = _priors(np.array([v for v, _ in telling]), np.array([d for _, d in telling]))
    places = {values: number for number, values in enumerate(own)}
    done = []
    for side, unit in zip(sides, units, strict=True):
        if not unit:
            done.append(side)
            continue
        variance, freedom = own[side.values]
        prior = _freedom()[1][tau]
        total = prior * usual + freedom * variance
        drawn = unit**2 * total / _chi_squares(freedom)[tau, shuffled(places[side.values] + 1)]
        done.append(replace(side, variances=drawn, pool=len(own)))
    return done


@lru_cache(maxsize=1024)
def shuffled(number: int) -> NDArray[np.intp]:
    """An order of the draws, another for each number: quantiles in any of them fill the space evenly with the others'.

    Richtmyer's sequence: n times the root of a prime, modulo 1.
    """
    primes = [n for n in range(2, 2000) if all(n % d for d in range(2, math.isqrt(n) + 1))]
    return ((np.arange(DRAWS) * math.sqrt(primes[number % len(primes)])) % 1).argsort().argsort()


def _variance(values: Sequence[float]) -> float:
    centre = math.fsum(values) / len(values)
    return math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)


def _unit(side: Measured) -> float:
    """How much of the value itself a step of one on its scale is; 0 where the scale ends there, or has no such value.

    A share of 0 or 1 has that of one that is off by two trials (Agresti and Coull 1998).
    """
    centre = side.mean
    if side.scale == "plain":
        return 1.0
    if side.scale == "log":
        return max(0.0, centre)
    if side.trials:
        trials = side.trials * len(side.values)
        centre = (centre * trials + 2) / (trials + 4)
    return max(0.0, centre * (1 - centre))


def _priors(variances: Array, freedoms: Array) -> tuple[NDArray[np.intp], Array]:
    """Draws of what the experiments have in common: rows of the grid of tau, and usual variances s0^2."""
    from scipy.special import gammaln

    least, most = np.log(variances.min()), np.log(variances.max())
    usual = np.exp(np.linspace(least - BEYOND, most + BEYOND, STEPS))
    d, d0 = freedoms[:, None, None], _freedom()[0][None, :, None]
    ratio = d / d0 * variances[:, None, None] / usual[None, None, :]
    density = gammaln((d + d0) / 2) - gammaln(d / 2) - gammaln(d0 / 2)
    density = density + d / 2 * np.log(ratio) - (d + d0) / 2 * np.log1p(ratio)
    logarithm = density.sum(0) + (np.log(_TAU) - _TAU**2 / 2)[:, None]  # the grid's steps grow with tau
    weights = np.exp(logarithm - logarithm.max()).ravel().cumsum()
    chosen = np.searchsorted(weights / weights[-1], (np.arange(DRAWS) + 0.5) / DRAWS)
    tau, place = np.divmod(chosen, len(usual))
    return tau, usual[place]


@lru_cache
def _freedom() -> tuple[Array, Array]:
    """d0 of each tau of the grid: for the pool, and guarded, for an experiment in it."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    def solved(tau: float) -> float:
        return float(brentq(lambda half: polygamma(1, half) - tau**2, 1e-2, 1e4)) * 2

    return np.array([solved(tau) for tau in _TAU]), np.array([solved(GUARD * tau) for tau in _TAU])


@lru_cache
def _chi_squares(freedom: int) -> Array:
    """Evenly spaced quantiles of chi^2 with d0 + freedom degrees of freedom: (tau's grid, DRAWS)."""
    from scipy.special import chdtri

    shares = (np.arange(DRAWS) + 0.5) / DRAWS
    return np.array(chdtri(_freedom()[1][:, None] + freedom, shares[None, :]))
