"""What is held against a claim's bounds: a mean, a difference of two, or of two changes, each with its interval."""

import math
from collections.abc import Sequence
from dataclasses import replace

from pipeline.conclusions.claims import Claim, compared
from pipeline.conclusions.results import Verdict
from pipeline.statistics.intervals import Estimate, between, mean
from pipeline.statistics.measurements import Measured, Measurements


def effect_of(claim: Claim, sides: Sequence[Measurements], level: float) -> Estimate:
    """What is held against the bounds: a mean, a difference of two, or of two changes."""
    if len(sides) == 1:
        return mean(sides[0].metrics[claim.metric], level)
    if claim.within:
        return _around_band(sides[0], sides[1], claim.metric, claim.within, level)
    differences = [between(one, other, claim.metric, level) for one, other in compared(sides)]
    return differences[0] if len(differences) == 1 else difference_of_sizes(*differences)


def _around_band(of: Measurements, than: Measurements, metric: str, within: float, level: float) -> Estimate:
    """A difference, to be held against a band of `within` times the mean of `than`, which is not known exactly either.

    To lie beyond an edge of the band is to differ from 1 + within, or 1 - within, times that mean: the interval reaches
    as far as the wider of these two differences'.
    """
    value = between(of, than, metric, level)
    sides = [scaled(than.metrics[metric], factor) for factor in (1 + within, 1 - within)]
    edges = [between(of, replace(than, metrics={metric: each}), metric, level) for each in sides]
    if any(edge.high is None for edge in edges):
        return replace(value, low=None, high=None)
    reach = max(edge.high - edge.value for edge in edges if edge.high is not None)
    return replace(value, low=value.value - reach, high=value.value + reach)


def scaled(measured: Measured, factor: float) -> Measured:
    values, errors = (tuple(factor * each for each in numbers) for numbers in (measured.values, measured.errors))
    variances = None if measured.variances is None else measured.variances * factor**2
    return replace(measured, values=values, errors=errors, trials=None, variances=variances)


def difference_of_sizes(one: Estimate, other: Estimate) -> Estimate:
    """|one| - |other| of two differences, at the level of their intervals.

    Its interval is put together from theirs by the method of variance estimates recovery, MOVER (Zou and Donner 2008,
    Statistics in Medicine 27, 1693): each end lies as far from the estimate as the root of the sum of squares of the
    distances of those two ends that make it so. The interval of a size |d| is that of d, turned to where d > 0. It is
    not cut at 0: that would change no verdict against 0, but the interval would cover far too little, down to 78 %,
    where one difference is nil, as its size is then found too large. The two are taken as independent: their seeds are,
    and of what the test images that all four share add, most cancels within each.
    """
    value, seeds = abs(one.value) - abs(other.value), min(one.seeds, other.seeds)
    first, second = _size(one), _size(other)
    if first is None or second is None:
        return Estimate(value, None, None, seeds)
    below = math.hypot(abs(one.value) - first[0], second[1] - abs(other.value))
    above = math.hypot(first[1] - abs(one.value), abs(other.value) - second[0])
    return Estimate(value, value - below, value + above, seeds, alone=one.alone or other.alone)


def _size(estimate: Estimate) -> tuple[float, float] | None:
    """The interval of a difference, turned so that it is one of a positive number."""
    if estimate.low is None or estimate.high is None:
        return None
    return (estimate.low, estimate.high) if estimate.value >= 0 else (-estimate.high, -estimate.low)


def position(effect: Estimate, bounds: tuple[float, float]) -> Verdict:
    """Whether an interval lies within bounds, or outside."""
    if effect.low is None or effect.high is None:
        return "undecided"
    if bounds[0] < effect.low and effect.high < bounds[1]:
        return "supported"
    return "contradicted" if effect.high <= bounds[0] or effect.low >= bounds[1] else "undecided"
