"""The kernel distance between real and generated features; unlike the Fréchet distance, unbiased at any size."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence

BETTER: Final[Mapping[str, str]] = {"kernel_distance": "lower"}


def _kernel(products: Tensor, dimensions: int) -> Tensor:
    """k(x, y) = (x·y / D + 1)^3, in place, of the inner products x·y."""
    return products.div_(dimensions).add_(1).pow_(3)


def _total(x: Tensor, y: Tensor, block: int) -> Tensor:
    """Sum of k over all pairs of the rows of x and y, `block` rows of x at a time."""
    return torch.stack([_kernel(rows @ y.T, x.shape[1]).sum() for rows in torch.split(x, block)]).sum()


def _mean_of_others(x: Tensor, block: int) -> Tensor:
    """Mean of k over all pairs of different rows of x."""
    selves = _kernel(x.square().sum(1), x.shape[1]).sum()
    return (_total(x, x, block) - selves) / (len(x) * (len(x) - 1))


def kernel_distance(real: Tensor, fake: Tensor, block: int = 1024) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy with the kernel (x·y / D + 1)^3.

    real (N, D), fake (M, D), N and M at least 2; `block` bounds the memory and leaves the value alone. Where the
    distributions agree it scatters about zero and may be negative. All pairs are used, not a mean over subsets.
    Bińkowski et al. 2018, eq. (4), and section 4 for the kernel.
    """
    real, fake = real.double(), fake.double()
    across = _total(real, fake, block) / (len(real) * len(fake))
    return float(_mean_of_others(real, block) + _mean_of_others(fake, block) - 2 * across)


def measure(evidence: Evidence) -> dict[str, float]:
    """kernel_distance of the samples from the test images."""
    return {"kernel_distance": kernel_distance(evidence.test.features, evidence.fake.features)}
