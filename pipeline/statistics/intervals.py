"""How sure a number is: 95 % intervals over training seeds, latent draws and the finite test set.

A metric's value for seed s is v_s = mu + a_s + t: a_s is what this seed's training and latent draws add, t what the
test set adds, which all seeds share. Over S seeds the mean's variance is (the seeds' variance of v) / S + var(t). The
second part comes from the metric's `errors` on random halves of the test set (delete-d jackknife: Shao and Wu 1989).
The first comes from the values and from the experiment's pool, where it has one (`pools`): then mu lies about the
mean as a mixture of normals does, one for each variance that the pool leaves possible.

Without a pool only the values tell it, with S - 1 degrees of freedom. With so few seeds as two or three a bootstrap
that resamples them covers far too little (measured in tests/statistics/test_intervals.py), so the parts are put
together in closed form, with Student's t and the degrees of freedom of Welch (1938) and Satterthwaite (1946).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.statistics.measurements import Better, Measured, Measurements
from pipeline.statistics.pools import DRAWS, shuffled

Verdict = Literal["better", "worse", "changed", "noise", "same", "unknown"]
LEVEL: Final = 0.95
MANY: Final = 1e9  # degrees of freedom, with which Student's t is the normal
MOST_SEEDS: Final = 100  # more than anyone would train
POWER: Final = 0.8


@dataclass(frozen=True)
class Estimate:
    """A number and its interval. low, high: None where nothing tells how sure it is, as of one seed's learning curve.

    seeds: the fewest seeds behind it. With one the interval leaves out what another training would change.
    chance: how often a number as far from 0 would come about by chance if the truth were 0; None where `low` is.
    alone: whether the scatter of some seeds is told by these seeds alone, without a pool.
    """

    value: float
    low: float | None
    high: float | None
    seeds: int
    chance: float | None = None
    alone: bool = False

    @property
    def leaves_out_seeds(self) -> bool:
        return self.seeds == 1

    def verdict(self, better: Better) -> Verdict:
        """Of a difference: whether it is one, and for the better; `changed` where no direction is better."""
        if self.low is None or self.high is None:
            return "unknown" if self.value else "same"
        if self.low <= 0 <= self.high:
            return "noise" if self.value else "same"
        if better == "neither":
            return "changed"
        return "better" if (self.value > 0) == (better == "higher") else "worse"


class _Source(NamedTuple):
    """Of uncertainty: the variance that it adds, and the degrees of freedom of that variance. pooled: instead of both,
    variances that are equally likely."""

    variance: float
    freedom: float
    pooled: NDArray[np.float64] | None = None


def mean(measured: Measured, level: float = LEVEL) -> Estimate:
    """The mean over seeds. Of a share the interval is Wilson's (1927), with as many trials as its variance is worth; on
    a scale of logarithms, or of logits, it reaches equally far there to both sides, where its pool tells it."""
    seeds, test = _seeds(measured), _test(measured.errors)
    value, count = measured.mean, len(measured.values)
    groups = [[s for s in (seeds, test) if s], [seeds] if seeds else []]
    reach = _reach(groups, level)
    if reach is None:
        return Estimate(value, None, None, count)
    if measured.trials is not None:
        low, high = _wilson(value, reach, count * measured.trials, level)
    elif measured.pool and measured.scale == "log" and value > 0:
        low, high = value * math.exp(-reach / value), value * math.exp(reach / value)
    elif measured.pool and measured.scale == "logit" and 0 < value < 1:
        centre, half = math.log(value / (1 - value)), reach / (value * (1 - value))
        low, high = (1 / (1 + math.exp(-max(-700.0, min(700.0, end)))) for end in (centre - half, centre + half))
    else:
        low, high = value - reach, value + reach
    return Estimate(value, low, high, count, _chance(groups, value), _alone(groups[1]))


def difference(head: Measured, base: Measured, same_test: bool, level: float = LEVEL) -> Estimate:
    """head's mean minus base's. same_test: both were measured on the same halves of the same images, so that what these
    add to both cancels; seeds are taken as independent, also where they have the same number.

    Without pools, and with unequally many seeds, it is no narrower than the side with fewer would have it by itself:
    Welch's covers too little where that side scatters more.
    """
    sides = [_seeds(head), _seeds(base)]
    tests = _tests((head, base), same_test)
    counts = len(head.values), len(base.values)
    known = all(side or any(measured.errors) for side, measured in zip(sides, (head, base), strict=True))
    value = head.mean - base.mean
    found = [side for side in sides if side]
    fewer = [] if counts[0] == counts[1] else [sides[counts.index(min(counts))]]
    groups = [[*found, *tests], found, [side for side in fewer if side]]
    reach = _reach(groups, level) if known else None
    if reach is None:
        return Estimate(value, None, None, min(counts))
    return Estimate(value, value - reach, value + reach, min(counts), _chance(groups, value), _alone(found))


def between(head: Measurements, base: Measurements, metric: str, level: float = LEVEL) -> Estimate:
    """How far one experiment's metric lies above that of another; both must have it."""
    return difference(head.metrics[metric], base.metrics[metric], head.test_set == base.test_set, level)


def seeds_needed(sides: Sequence[Measured], same_test: bool, gap: float, level: float = LEVEL) -> int | None:
    """With how many seeds a side the interval would leave out what lies `gap` away in four of five cases (POWER), if
    the effect is as large and seeds scatter as far as measured.

    sides: one metric of one experiment, or of two whose difference it is. None: not with 100, or nothing is known of
    the seeds, as there is one.
    """
    own = [_seeds(side) for side in sides]
    if not all(own) or not gap:
        return None
    tests = _tests(sides, same_test)

    def enough(count: int) -> bool:
        seeds = [
            _with(source, len(side.values), count, place)
            for place, (source, side) in enumerate(zip(own, sides, strict=True))
            if source
        ]
        groups = [[*seeds, *tests], seeds]
        # The mean itself is then off by more than the second of these in one of five cases.
        reaches = _reach(groups, level), _reach(groups, 2 * POWER - 1)
        return sum(reach or 0.0 for reach in reaches) < abs(gap)

    if not enough(MOST_SEEDS):
        return None
    least, most = 1, MOST_SEEDS
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if enough(middle) else (middle, most)
    return most


def _alone(seeds: Sequence[_Source]) -> bool:
    return any(source.pooled is None and math.isfinite(source.freedom) for source in seeds)


def _with(source: _Source, have: int, count: int, place: int) -> _Source:
    """What the mean over `count` seeds would have, of what the one over those there are has: as large a variance of a
    seed, known as much better as there are more of them. place: of the side.
    """
    variance, freedom = source.variance, source.freedom
    if source.pooled is not None:
        variance = float(1 / (1 / source.pooled).mean())
        freedom = 2 / float(np.log(source.pooled).var())  # of a variance of so many degrees the logarithm scatters so
    expected = _Source(variance * have / count, freedom + count - have)
    return expected if source.pooled is None else expected._replace(pooled=_spread(expected, place))


def _seeds(measured: Measured) -> _Source | None:
    """What training and latent draws add to the mean; None of one seed, and where all agree without a reason known.

    Of a share that is the same for all seeds and halves, mostly 0 or 1, it is what its trials would add by themselves.
    """
    count, centre = len(measured.values), measured.mean
    if measured.variances is not None:
        pooled = measured.variances / count
        return _Source(float(pooled.mean()), math.inf, pooled)
    squares = math.fsum((value - centre) ** 2 for value in measured.values)
    if count > 1 and squares:
        return _Source(squares / (count - 1) / count, count - 1)
    if measured.trials is not None and not any(measured.errors):
        trials = measured.trials * count
        share = (centre * trials + 2) / (trials + 4)  # Agresti and Coull 1998
        return _Source(share * (1 - share) / trials, math.inf)
    return None


def _tests(sides: Sequence[Measured], same_test: bool) -> list[_Source]:
    """What the test set adds to a mean, or to the difference of two, of which it adds the same to both if it is one."""
    errors = [side.errors for side in sides]
    if len(sides) == 2 and same_test and len(errors[0]) == len(errors[1]):
        errors = [tuple(a - b for a, b in zip(*errors, strict=True))]
    return [test for each in errors if (test := _test(each))]


def _test(errors: Sequence[float]) -> _Source | None:
    """What the test set adds; None where it adds nothing."""
    if not any(errors):
        return None
    centre = math.fsum(errors) / len(errors)
    return _Source(math.fsum((error - centre) ** 2 for error in errors) / (len(errors) - 1), len(errors) - 1)


def _reach(groups: Sequence[Sequence[_Source]], level: float) -> float | None:
    """Half the width of the interval that independent sources give; None without any. groups: all, and parts of them.

    The widest, as all sources together are not enough: Satterthwaite's degrees of freedom let a few seeds that happen
    to agree pass for certainty as soon as another source, with many degrees, is there too, and cover down to 88 %.
    """
    if (variances := _mixture(groups[0])) is not None:
        return _half(variances, level)
    return max(_student(group, level) for group in groups) or None


def _chance(groups: Sequence[Sequence[_Source]], value: float) -> float:
    """How often, of two sides, the sources would make an error at least as large as a value."""
    from scipy.special import ndtr, stdtr

    if (variances := _mixture(groups[0])) is not None:
        return float(2 * ndtr(-abs(value) / np.sqrt(variances)).mean())
    found = [_summed(group) for group in groups]
    return max(2 * float(stdtr(freedom, -abs(value) / math.sqrt(var))) for var, freedom in found if var)


def _mixture(sources: Sequence[_Source]) -> NDArray[np.float64] | None:
    """The sources' common variance, (N,) of them equally likely; None where none of them is pooled.

    That of a source that is not: its own, as unsure as its degrees of freedom say.
    """
    if all(source.pooled is None for source in sources):
        return None
    total = np.zeros(DRAWS)
    for number, source in enumerate(sources):
        total += _spread(source, -1 - number) if source.pooled is None else source.pooled
    return total


def _spread(source: _Source, place: int) -> NDArray[np.float64]:
    """Equally likely variances of a source that is not pooled, in an order of their own."""
    if math.isinf(source.freedom):
        return np.full(DRAWS, source.variance)
    return source.variance * source.freedom / _chi_squares(source.freedom)[shuffled(place)]


@lru_cache
def _chi_squares(freedom: float) -> NDArray[np.float64]:
    from scipy.special import chdtri

    return np.array(chdtri(freedom, (np.arange(DRAWS) + 0.5) / DRAWS))


def _half(variances: NDArray[np.float64], level: float) -> float:
    """Half the width that holds `level` of a mixture of normals about 0 with these variances."""
    from scipy.optimize import brentq
    from scipy.special import ndtr, ndtri

    deviations = np.sqrt(variances)
    most = float(deviations.max())
    normal = float(ndtri((1 + level) / 2))

    def outside(reach: float) -> float:
        return float(2 * ndtr(-reach * most / deviations).mean()) - (1 - level)

    least = normal * float(deviations.min()) / most
    return most * float(brentq(outside, least * (1 - 1e-9), normal * (1 + 1e-9), rtol=1e-6))


def _summed(group: Sequence[_Source]) -> tuple[float, float]:
    """The sum's variance, with Satterthwaite's degrees of freedom; 0 of none."""
    variance = math.fsum(source.variance for source in group)
    spent = math.fsum(source.variance**2 / source.freedom for source in group)
    return variance, min(variance**2 / spent, MANY) if spent else MANY


def _student(group: Sequence[_Source], level: float) -> float:
    """Half the width of Student's interval of the sources' sum; 0 of none."""
    from scipy.special import stdtrit

    variance, freedom = _summed(group)
    return float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(variance)


def _wilson(share: float, reach: float, trials: int, level: float) -> tuple[float, float]:
    """The shares p with |share - p| <= reach sqrt(p (1 - p) / (share (1 - share))), which lie between 0 and 1.

    reach / sqrt(share (1 - share)) stands for Wilson's z / sqrt(n). A share of 0 or 1 has its own trials for n.
    """
    from scipy.special import ndtri

    own = share * (1 - share)
    ratio = reach**2 / own if own > 0 else float(ndtri((1 + level) / 2)) ** 2 / trials  # z^2 / n
    centre, half = share + ratio / 2, math.sqrt(ratio * max(own, 0.0) + ratio**2 / 4)
    return max(0.0, (centre - half) / (1 + ratio)), min(1.0, (centre + half) / (1 + ratio))
