"""The difference of two sizes: its interval is the known one where there is one, and covers the truth."""

import math

import numpy as np
import pytest

from pipeline.conclusions.effects import difference_of_sizes
from pipeline.statistics.intervals import Estimate, difference
from pipeline.statistics.measurements import Measured


def _around(value: float, reach: float) -> Estimate:
    return Estimate(value, value - reach, value + reach, 3)


@pytest.mark.parametrize(
    ("one", "other", "value", "reach"),
    [
        (_around(-10, 3), _around(50, 4), -40, 5),  # Zou and Donner's of symmetric ones: the root of the sum of squares
        (_around(10, 3), _around(-50, 4), -40, 5),
        (_around(-1, 3), _around(10, 4), -9, 5),
        (_around(0, 3), _around(0, 4), 0, 5),
    ],
)
def test_two_sizes_differ_as_two_numbers_do(one: Estimate, other: Estimate, value: float, reach: float) -> None:
    found = difference_of_sizes(one, other)
    assert (found.value, found.low, found.high) == (value, value - reach, value + reach)


def test_each_end_is_as_far_as_the_two_that_make_it_so() -> None:
    one, other = Estimate(-10, -13, -2, 3), Estimate(5, 1, 17, 2)  # sizes in [2, 13] and in [1, 17]
    found = difference_of_sizes(one, other)
    assert (found.value, found.seeds) == (5, 2)
    assert [found.low, found.high] == pytest.approx([5 - math.hypot(8, 12), 5 + math.hypot(3, 4)])


def test_a_size_without_an_interval_gives_none() -> None:
    assert difference_of_sizes(Estimate(1, None, None, 1), _around(1, 1)) == Estimate(0, None, None, 1)


@pytest.mark.parametrize("seeds", [2, 5])
@pytest.mark.parametrize("means", [(0, 1, 0, 1), (0, 3, 0, 20), (0, 0, 0, 0), (0, 0, 9, 1)])
def test_the_interval_of_two_sizes_covers_their_difference(means: tuple[int, int, int, int], seeds: int) -> None:
    """Also where one difference is nil and scatters most, so that its size is found too large."""
    random, draws, covered = np.random.default_rng(1), 1500, 0
    truth = abs(means[0] - means[1]) - abs(means[2] - means[3])
    for _ in range(draws):
        values = (random.normal(mean, scatter, seeds) for mean, scatter in zip(means, (3, 3, 1, 1), strict=True))
        a, b, c, d = (Measured("higher", tuple(each)) for each in values)
        found = difference_of_sizes(difference(a, b, same_test=True), difference(c, d, same_test=True))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered >= 0.95 * draws - 3 * math.sqrt(0.05 * 0.95 * draws)
