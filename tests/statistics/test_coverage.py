"""Intervals of experiments that tell one another's scatter hold the truth as often as they say: of means, and of
differences of two of them. Also where some scatter more than others, on every scale, and with a finite test set."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from scipy import special

from pipeline.statistics.intervals import Estimate, difference, mean
from pipeline.statistics.measurements import Measured
from pipeline.statistics.pools import pool

Array = NDArray[np.float64]
Pool = tuple[Sequence[Measured], Array]  # the experiments' measurements, and what their means are in truth
POOLS = 600
HALVES = 16
NORMAL = special.ndtri((np.arange(400) + 0.5) / 400)  # quantiles


def _scatters(random: Generator, experiments: int, unequal: float) -> Array:
    """Standard deviations about 1; unequal: by how much their squares' logarithms scatter."""
    return np.exp(unequal * random.normal(size=experiments) / 2)


def _plain(random: Generator, experiments: int, seeds: int, unequal: float) -> Pool:
    values = random.normal(size=(experiments, seeds)) * _scatters(random, experiments, unequal)[:, None]
    return [Measured("lower", tuple(row)) for row in values.tolist()], np.zeros(experiments)


def _lognormal(random: Generator, experiments: int, seeds: int, unequal: float) -> Pool:
    """Noise of 20 % about means, of which the last is ten times the first."""
    means = np.geomspace(1, 10, experiments)
    spread = 0.2 * _scatters(random, experiments, unequal)[:, None]
    values = means[:, None] * np.exp(spread * random.normal(size=(experiments, seeds)) - spread**2 / 2)
    return [Measured("lower", tuple(row), scale="log") for row in values.tolist()], means


def _shares(random: Generator, experiments: int, seeds: int, unequal: float) -> Pool:
    """Hits in 500 trials, of models whose own shares scatter evenly on the scale of logits."""
    logits = special.logit(np.linspace(0.3, 0.95, experiments))[:, None]
    spread = 0.2 * _scatters(random, experiments, unequal)[:, None]
    own = special.expit(logits + spread * random.normal(size=(experiments, seeds)))
    values = random.binomial(500, own) / 500
    sides = [Measured("higher", tuple(row), trials=500, scale="logit") for row in values.tolist()]
    return sides, special.expit(logits + spread * NORMAL).mean(1)


def _on_a_test_set(random: Generator, experiments: int, seeds: int, unequal: float) -> Pool:
    """The test set is off by as much as one seed, alike for all, and its halves say how much that may be."""
    errors = tuple(random.normal(size=HALVES).tolist())
    sides, truths = _plain(random, experiments, seeds, unequal)
    common = random.normal()
    return [Measured("lower", tuple(value + common for value in side.values), errors) for side in sides], truths


def _holds(estimate: Estimate, truth: float) -> bool:
    assert estimate.low is not None
    assert estimate.high is not None
    assert not estimate.alone
    return estimate.low <= truth <= estimate.high


def _coverage(made: Callable[..., Pool], experiments: int, seeds: int, unequal: float) -> tuple[float, float]:
    """How often the intervals of means, and of differences between neighbours, hold the truth."""
    random = default_rng([experiments, seeds])
    means, differences = [], []
    for _ in range(POOLS):
        sides, truths = made(random, experiments, seeds, unequal)
        pooled = pool(sides)
        means += [_holds(mean(side), truth) for side, truth in zip(pooled, truths, strict=True)]
        for n in range(experiments):
            found = difference(pooled[n], pooled[n - 1], same_test=True)
            differences.append(_holds(found, truths[n] - truths[n - 1]))
    return float(np.mean(means)), float(np.mean(differences))


@pytest.mark.parametrize("unequal", [0.0, 1.0])
@pytest.mark.parametrize(("experiments", "seeds"), [(3, 2), (4, 3), (9, 2), (13, 3)])
def test_of_normal_seeds(experiments: int, seeds: int, unequal: float) -> None:
    for share in _coverage(_plain, experiments, seeds, unequal):
        assert 0.93 <= share <= 0.985


@pytest.mark.parametrize("made", [_lognormal, _shares, _on_a_test_set])
def test_on_other_scales_and_with_a_test_set(made: Callable[..., Pool]) -> None:
    for share in _coverage(made, 9, 2, 0.0):
        assert 0.93 <= share <= 0.985
