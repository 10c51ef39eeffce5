"""The kernel distance between real and generated features; unlike the Fréchet distance, unbiased at any size."""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Part
from pipeline.evaluation.needs import at_least, different

BETTER: Final[Mapping[str, str]] = {"kernel_distance": "lower"}
SCALE: Final[Mapping[str, str]] = {"kernel_distance": "log"}
LEAST: Final = 2  # test images


def _kernel(products: Tensor, dimensions: int) -> Tensor:
    """k(x, y) = (x·y / D + 1)^3, in place, of the inner products x·y."""
    return products.div_(dimensions).add_(1).pow_(3)


def _total(x: Tensor, y: Tensor, of_x: Tensor, of_y: Tensor, block: int) -> Tensor:
    """Sum of k over all pairs of a row of x and a row of y, of each part: (P,).

    of_x (N, P), of_y (M, P): one where a row is of a part, else zero. `block` rows of x are taken at a time.
    """
    total = x.new_zeros(of_x.shape[1])
    for start in range(0, len(x), block):
        kernels = _kernel(x[start : start + block] @ y.T, x.shape[1])  # (B, M)
        total += (of_x[start : start + block] * (kernels @ of_y)).sum(0)
    return total


def _mean_of_others(x: Tensor, of_x: Tensor, block: int) -> Tensor:
    """Mean of k over all pairs of different rows of x, of each part: (P,)."""
    total, counts = x.new_zeros(of_x.shape[1]), of_x.sum(0)
    for start in range(0, len(x), block):
        kernels = _kernel(x[start : start + block] @ x[start:].T, x.shape[1]).triu_(1)  # each pair in one order
        total += (of_x[start : start + block] * (kernels @ of_x[start:])).sum(0)
    return 2 * total / (counts * (counts - 1))


def _which(rows: Sequence[Tensor], count: int) -> Tensor:
    """A one where a row is of a part, else zero: (count, P) float64."""
    found = torch.zeros(count, len(rows), dtype=torch.float64, device=rows[0].device)
    for number, own in enumerate(rows):
        found[own, number] = 1
    return found


def kernel_distances(
    real: Tensor, fake: Tensor, parts: Sequence[tuple[Tensor, Tensor]], block: int = 64
) -> list[float]:
    """The `kernel_distance` of each part: rows of real and of fake features. Every pair's kernel is computed once.

    `block` bounds the memory and leaves the values alone; so small a one stays in a CPU's cache. Raises InputError for
    fewer than two of either.
    """
    for reals, fakes in parts:
        at_least(2, len(reals), "real images")
        at_least(2, len(fakes), "drawings")
    real, fake = real.double(), fake.double()
    of_real, of_fake = (
        _which([part[side] for part in parts], count) for side, count in enumerate((len(real), len(fake)))
    )
    across = _total(real, fake, of_real, of_fake, block) / (of_real.sum(0) * of_fake.sum(0))
    distances = _mean_of_others(real, of_real, block) + _mean_of_others(fake, of_fake, block) - 2 * across
    return distances.tolist()


def kernel_distance(real: Tensor, fake: Tensor, block: int = 64) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy with the kernel (x·y / D + 1)^3.

    real (N, D), fake (M, D), N and M at least 2; `block` bounds the memory and leaves the value alone. Where the
    distributions agree it scatters about zero and may be negative. All pairs are used, not a mean over subsets.
    Bińkowski et al. 2018, eq. (4), and section 4 for the kernel.
    """
    everything = torch.arange(len(real), device=real.device), torch.arange(len(fake), device=fake.device)
    return kernel_distances(real, fake, [everything], block)[0]


def of_parts(evidence: Evidence, parts: Sequence[Part]) -> list[dict[str, float]]:
    """What `measure` says of each part."""
    rows = [(part.test, part.fake) for part in parts]
    at_least(2, len(evidence.test.features), "real images")
    different(evidence.test.features, "test images")
    found = kernel_distances(evidence.test.features, evidence.fake.features, rows)
    return [{"kernel_distance": value} for value in found]


def measure(evidence: Evidence) -> dict[str, float]:
    """kernel_distance of the samples from the test images. Samples that are all alike have a distance; test images
    that are raise InputError.
    """
    return of_parts(evidence, [evidence.whole()])[0]
