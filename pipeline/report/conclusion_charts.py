"""How the page words what conclusions came to, and draws each claim's effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.conclusions.results import ClaimResult
from pipeline.report import glossary
from pipeline.wording.numbers import mark, text

_WIDTH: Final = 240.0  # of a chart, in its own units
_EDGE: Final = 0.08  # of the width, left empty on either side
_NUMBERS: Final = 3  # significant digits beside a chart


@dataclass(frozen=True)
class Chart:
    """A claim's effect on a line `width` long: places from the left, None for what is not known or not on it.

    band: where the claim holds; limits: its bounds and 0; dot, whisker: the effect and its interval.
    """

    width: float
    band: tuple[float, float]
    limits: Sequence[tuple[float, str]]
    dot: float
    whisker: tuple[float, float] | None


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def claimed(claim: ClaimResult) -> str:
    """A claim as a sentence, its metric written as the tables write it."""
    return sentence(claim.text.replace(claim.metric, glossary.title(claim.metric), 1))


def number(value: float) -> str:
    """To three digits, with a true minus sign."""
    return f"{value:.{_NUMBERS}g}".replace("-", "−")


def effect(claim: ClaimResult) -> str:
    """`−5.4 ± 2.0 nats`, to as many digits as the interval deserves, with its mark."""
    if claim.effect is None:
        return "not measured"
    told = text(claim.effect, claim.low, claim.high, mark(claim.seeds == 1, claim.alone))
    return f"{told.replace('-', '−')} {claim.unit}".rstrip()


def chart(claim: ClaimResult) -> Chart | None:
    """None where no effect is known."""
    if claim.effect is None:
        return None
    bounds = [bound for bound in (claim.bound_low, claim.bound_high) if bound is not None]
    interval = [end for end in (claim.low, claim.high) if end is not None]
    limits = sorted({0.0, *bounds}) if _near_zero(bounds, claim.effect) else sorted(bounds)
    shown = [*limits, *interval, claim.effect]
    start, end = min(shown), max(shown)
    reach = (end - start) or abs(end) or 1.0
    start, end = start - _EDGE * reach, end + _EDGE * reach

    def place(value: float) -> float:
        return round(_WIDTH * (value - start) / (end - start), 1)

    left = 0.0 if claim.bound_low is None else place(claim.bound_low)
    right = _WIDTH if claim.bound_high is None else place(claim.bound_high)
    whisker = (place(interval[0]), place(interval[1])) if len(interval) == 2 else None
    return Chart(_WIDTH, (left, right), [(place(v), number(v)) for v in limits], place(claim.effect), whisker)


def _near_zero(bounds: Sequence[float], effect: float) -> bool:
    """Whether 0 is worth showing: it is no farther from the numbers than they are from each other."""
    values = [*bounds, effect]
    return min(map(abs, values)) <= 1.5 * (max(values) - min(values)) or len(values) == 1
