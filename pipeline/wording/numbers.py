"""A mean and its interval, to as many digits as are sure."""

import math
from typing import NamedTuple

ONE_SEED = "†"  # marks an interval that knows of one training only
ALONE = "‡"  # marks an interval that knows of its own seeds only
ALONE_WORDS = (
    "fewer than three experiments of these images have this metric in seeds that differ, so that only its own tell how "
    "far seeds scatter (Student's t), and the interval is wide"
)
_DIGITS = 4  # significant, of a number without an interval
_EVEN = 0.05  # two sides of an interval that differ by less, relative to half of it, are written as ±


def mark(one_seed: bool, alone: bool) -> str:
    """What to put behind an interval that leaves seeds out, or that is told by its own seeds alone."""
    return ONE_SEED if one_seed else ALONE if alone else ""


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
    ends = ", ".join(f"{end:.{decimals}f}" if end else "0" for end in (low, high))
    return Written(f"{mean:.{decimals}f}" if mean else "0", f"[{ends}]")


def text(mean: float, low: float | None, high: float | None, marked: str = "") -> str:
    """`12.34 ± 0.05`, or `0.963 [0.914, 0.981]`. marked: of the interval, if there is one."""
    told = written(mean, low, high)
    return f"{told.mean} {told.interval}{marked}" if told.interval else told.mean
