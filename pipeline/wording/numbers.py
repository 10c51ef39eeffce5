"""A mean and its interval, to as many digits as are sure."""

import math
from collections.abc import Mapping
from typing import NamedTuple

ONE_SEED = "†"  # marks an interval that knows of one training only
_DIGITS = 4  # significant, of a number without an interval
_LEADING = (
    3  # ends of intervals have two significant digits of half the interval where they begin with 1 or 2, else one
)
_EVEN = 0.05  # two sides of an interval that differ by less, relative to half of it, are written as ±


class Written(NamedTuple):
    """A mean, and its interval: `± 0.05`, `[0.91, 0.98]`, or nothing where none is known."""

    mean: str
    interval: str


def written(mean: float, low: float | None, high: float | None) -> Written:
    """The mean to two significant digits of half the interval. `±` where it lies in the middle of the interval."""
    if low is None or high is None:
        return Written(f"{mean:.{_DIGITS}g}", "")
    half = (high - low) / 2
    if half == 0:
        return Written(f"{mean:.{_DIGITS}g}", "± 0")
    decimals = max(0, 1 - math.floor(math.log10(half)))
    # Numbers in metrics files have six digits, so that a narrow interval's sides may differ by their rounding.
    rounding = 1e-5 * max(abs(low), abs(high))
    if abs((high - mean) - (mean - low)) <= _EVEN * half + rounding:
        return Written(f"{mean:.{decimals}f}", f"± {half:.{decimals}f}")
    coarse = decimals if half * 10 ** (decimals - 1) < _LEADING else max(0, decimals - 1)
    ends = ", ".join(f"{end:.{coarse}f}" if end else "0" for end in (low, high))
    return Written(f"{mean:.{decimals}f}" if mean else "0", f"[{ends}]")


def text(value: Mapping[str, float], one_seed: bool = False) -> str:
    """`12.34 ± 0.05`, or `0.963 [0.91, 0.98]`. one_seed: whether to mark an interval that leaves seeds out."""
    mean, interval = written(value["mean"], value.get("low"), value.get("high"))
    return f"{mean} {interval}{ONE_SEED if one_seed else ''}" if interval else mean
