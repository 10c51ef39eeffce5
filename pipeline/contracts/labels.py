"""Label sets that differ in one label."""

from torch import Tensor


def pair(labels: Tensor, which: int, real: Tensor) -> tuple[Tensor, Tensor]:
    """Label sets (N, K) without and with the label `which`, all else alike and such as real images have it.

    real (M, K): the labels of real images, among them some with the label. Labels that it never comes with are in
    neither, as nobody has black and blond hair; those it never comes without are in both, as those with beards are men;
    and those that never come without it are in neither.
    """
    present = real.bool()
    there = present[:, which]
    never, always, only = ~present[there].any(0), present[there].all(0), ~present[~there].any(0)
    without = labels.masked_fill(never | only, 0).masked_fill(always, 1)
    asked = without.clone()
    without[:, which], asked[:, which] = 0, 1
    return without, asked
