"""How much error each look at a growing number of seeds may spend, so that looking again does not cheat.

Who adds seeds to what was not decided, and looks again at the usual 95 %, is wrong more often than in one of twenty
cases. So the 5 % are shared out beforehand, whatever the looks' results are: the first has four fifths of it, and each
further one four fifths of what is left. By Bonferroni's inequality all looks together are wrong in at most 5 %,
however many there are and however seeds were chosen (alpha spending: Lan and DeMets 1983).
"""

from typing import Final

ALLOWED: Final = 0.05
SHARE: Final = 0.8


def level(look: int) -> float:
    """Of the intervals at a look, counted from 1: 0.96, 0.992, 0.9984, ..."""
    return 1 - ALLOWED * SHARE * (1 - SHARE) ** (look - 1)
