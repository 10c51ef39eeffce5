"""How sure a number is: 95 % intervals over training seeds, latent draws and the finite test set.

A metric's value for seed s is v_s = mu + a_s + t: a_s is what this seed's training and latent draws add, t what the
test set adds, which all seeds share. Over S seeds the mean's variance is (the seeds' variance of v) / S + var(t). The
first part has S - 1 degrees of freedom, and comes from the values; the second comes from the metric's `errors` on
random halves of the test set (delete-d jackknife: Shao and Wu 1989). With so few seeds as two or three a bootstrap that
resamples them covers far too little (measured in tests/statistics/test_intervals.py), so the parts are put together in
closed form, with Student's t and the degrees of freedom of Welch (1938) and Satterthwaite (1946).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Better = Literal["higher", "lower", "neither"]
Verdict = Literal["better", "worse", "changed", "noise", "same", "unknown"]
LEVEL: Final = 0.95
MANY: Final = 1e9  # degrees of freedom, with which Student's t is the normal
MOST_SEEDS: Final = 100  # more than anyone would train


@dataclass(frozen=True)
class Measured:
    """One metric of one experiment.

    better: which direction is. values: one a seed. errors: how far the mean over seeds is off on each of R halves of
    the test set, scaled so that their mean square is the variance it adds; of a single seed, that of latent draws too;
    empty where the metric looks at neither. trials: of a share, of how many independent trials of each seed; else None.
    """

    better: Better
    values: tuple[float, ...]
    errors: tuple[float, ...] = ()
    trials: int | None = None

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)


@dataclass(frozen=True)
class Estimate:
    """A number and its interval. low, high: None where nothing tells how sure it is, as of one seed's learning curve.

    seeds: the fewest seeds behind it. With one the interval leaves out what another training would change.
    """

    value: float
    low: float | None
    high: float | None
    seeds: int

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
    """Of uncertainty: the variance that it adds, and the degrees of freedom of that variance."""

    variance: float
    freedom: float


def mean(measured: Measured, level: float = LEVEL) -> Estimate:
    """The mean over seeds. Of a share the interval is Wilson's (1927), with as many trials as its variance is worth."""
    seeds, test = _seeds(measured), _test(measured.errors)
    value, count = measured.mean, len(measured.values)
    reach = _reach([[s for s in (seeds, test) if s], [seeds] if seeds else []], level)
    if reach is None:
        return Estimate(value, None, None, count)
    if measured.trials is None:
        return Estimate(value, value - reach, value + reach, count)
    return Estimate(value, *_wilson(value, reach, count * measured.trials, level), count)


def difference(head: Measured, base: Measured, same_test: bool, level: float = LEVEL) -> Estimate:
    """head's mean minus base's. same_test: both were measured on the same halves of the same images, so that what these
    add to both cancels; seeds are taken as independent, also where they have the same number.

    With unequally many seeds it is no narrower than the side with fewer would have it by itself: Welch's covers too
    little where that side scatters more.
    """
    sides = [_seeds(head), _seeds(base)]
    paired = same_test and len(head.errors) == len(base.errors)
    if paired:
        tests = [_test([a - b for a, b in zip(head.errors, base.errors, strict=True)])]
    else:
        tests = [_test(head.errors), _test(base.errors)]
    counts = len(head.values), len(base.values)
    known = all(side or any(measured.errors) for side, measured in zip(sides, (head, base), strict=True))
    value = head.mean - base.mean
    found = [side for side in sides if side]
    fewer = [] if counts[0] == counts[1] else [sides[counts.index(min(counts))]]
    groups = [[*found, *(test for test in tests if test)], found, [side for side in fewer if side]]
    reach = _reach(groups, level) if known else None
    if reach is None:
        return Estimate(value, None, None, min(counts))
    return Estimate(value, value - reach, value + reach, min(counts))


def seeds_needed(sides: Sequence[Measured], same_test: bool, gap: float, level: float = LEVEL) -> int | None:
    """With how many seeds a side the interval would reach less far than `gap`, if all else stays as it is measured.

    sides: one metric of one experiment, or of two whose difference it is. None: not with 100, or nothing is known of
    the seeds, as there is one.
    """
    own = [_seeds(side) for side in sides]
    spread = [source.variance * len(side.values) for source, side in zip(own, sides, strict=True) if source]
    if len(spread) < len(sides) or not gap:
        return None
    if same_test and len(sides) == 2 and len(sides[0].errors) == len(sides[1].errors):
        errors = [[a - b for a, b in zip(sides[0].errors, sides[1].errors, strict=True)]]
    else:
        errors = [list(side.errors) for side in sides]
    tests = [test for each in errors if (test := _test(each))]
    for count in range(2, MOST_SEEDS + 1):
        seeds = [_Source(each / count, count - 1) for each in spread]
        reach = _reach([[*seeds, *tests], seeds], level)
        if reach is not None and reach < abs(gap):
            return count
    return None


def _seeds(measured: Measured) -> _Source | None:
    """What training and latent draws add to the mean; None of one seed, and where all agree without a reason known.

    Of a share that is the same for all seeds and halves, mostly 0 or 1, it is what its trials would add by themselves.
    """
    count, centre = len(measured.values), measured.mean
    squares = math.fsum((value - centre) ** 2 for value in measured.values)
    if count > 1 and squares:
        return _Source(squares / (count - 1) / count, count - 1)
    if measured.trials is not None and not any(measured.errors):
        trials = measured.trials * count
        share = (centre * trials + 2) / (trials + 4)  # Agresti and Coull 1998
        return _Source(share * (1 - share) / trials, math.inf)
    return None


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
    return max(_student(group, level) for group in groups) or None


def _student(group: Sequence[_Source], level: float) -> float:
    """Half the width of Student's interval of the sources' sum, with Satterthwaite's degrees of freedom; 0 of none."""
    from scipy.special import stdtrit

    variance = math.fsum(source.variance for source in group)
    if not variance:
        return 0.0
    spent = math.fsum(source.variance**2 / source.freedom for source in group)
    freedom = variance**2 / spent if spent else MANY
    return float(stdtrit(min(freedom, MANY), (1 + level) / 2)) * math.sqrt(variance)


def _wilson(share: float, reach: float, trials: int, level: float) -> tuple[float, float]:
    """The shares p with |share - p| <= reach sqrt(p (1 - p) / (share (1 - share))), which lie between 0 and 1.

    reach / sqrt(share (1 - share)) stands for Wilson's z / sqrt(n). A share of 0 or 1 has its own trials for n.
    """
    from scipy.special import ndtri

    own = share * (1 - share)
    ratio = reach**2 / own if own > 0 else float(ndtri((1 + level) / 2)) ** 2 / trials  # z^2 / n
    centre, half = share + ratio / 2, math.sqrt(ratio * max(own, 0.0) + ratio**2 / 4)
    return max(0.0, (centre - half) / (1 + ratio)), min(1.0, (centre + half) / (1 + ratio))
