"""What would decide a claim that the measurements leave open: more seeds, how many, or a larger test set."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.conclusions.claims import Claim, compared
from pipeline.conclusions.effects import effect_of, position, scaled
from pipeline.statistics.intervals import MOST_SEEDS, Estimate, seeds_needed
from pipeline.statistics.measurements import Measured, Measurements


def what_decides(
    claim: Claim, sides: Sequence[Measurements], effect: Estimate, bounds: tuple[float, float], level: float
) -> tuple[str, int | None]:
    """What would decide a claim at a level, and with how many seeds if more of them would."""
    gap = min(abs(effect.value - bound) for bound in bounds)
    measured = [side.metrics[claim.metric] for side in sides]
    if claim.within:
        measured[1] = scaled(measured[1], 1 + claim.within)
    same_test = len({side.test_set for side in sides}) == 1
    if len(sides) == 4 and same_test:  # what the test set adds cancels in each pair
        measured = [each for one, other in compared(measured) for each in _paired(one, other)]
    if (count := seeds_needed(measured, same_test, gap, level)) is not None:
        count = max(count, effect.seeds + 1)
        wide = " a side" if len(sides) > 1 else ""
        return f"about {count} seeds{wide} instead of {effect.seeds}, if the effect stays as large as measured", count
    # With seeds without end only the test set would be left; the one value that stands for them adds nothing itself.
    left = effect_of(claim, [_endless(side, claim.metric) for side in sides], level)
    if left.low is not None and position(left, bounds) == "undecided" and gap:
        return "a larger test set", None
    near = "nil" if min(map(abs, bounds)) == 0 else "at the bound"
    return f"more than {MOST_SEEDS} seeds: the effect is about {near} at this budget", None


def _paired(one: Measured, other: Measured) -> tuple[Measured, Measured]:
    """The same two sides, the errors of their difference in the first."""
    if len(one.errors) != len(other.errors):
        return one, other
    errors = tuple(a - b for a, b in zip(one.errors, other.errors, strict=True))
    return replace(one, errors=errors), replace(other, errors=())


def _endless(side: Measurements, metric: str) -> Measurements:
    measured = side.metrics[metric]
    return replace(side, metrics={metric: replace(measured, values=(measured.mean,), trials=None, variances=None)})
