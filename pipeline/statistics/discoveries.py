"""Many verdicts at once: which of them are more than what chance alone gives."""

from collections.abc import Sequence
from typing import Final

RATE: Final = 0.05


def standing(chances: Sequence[float | None], rate: float = RATE) -> list[bool]:
    """Which of so many numbers stand when at most a share `rate` of those that do may be chance, on average.

    chances: how often a number as large would come about by chance; None where that is not known, which never stands.
    Where nothing differs, anything stands in at most `rate` of all cases. Benjamini and Hochberg 1995.
    """
    from scipy.stats import false_discovery_control

    known = [chance for chance in chances if chance is not None]
    adjusted = iter(false_discovery_control(known) if known else ())
    return [chance is not None and bool(next(adjusted) <= rate) for chance in chances]
