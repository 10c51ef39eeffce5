"""Fidelity and diversity apart: which samples lie among the real images, and which real images lie among the samples.

Each image stands for the ball around it that reaches its k-th nearest neighbour in its own set.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence

BETTER: Final[Mapping[str, str]] = {
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
}
K_PRECISION_RECALL: Final = 3  # Kynkäänniemi et al. 2019
K_DENSITY_COVERAGE: Final = 5  # Naeem et al. 2020


def _nearest(points: Tensor, k: int, block: int) -> Tensor:
    """(N, k) distances from each of the points (N, D) to its k nearest others, in rising order."""
    found = []
    for start in range(0, len(points), block):
        distances = torch.cdist(points[start : start + block], points)  # (B, N)
        distances.diagonal(start).fill_(torch.inf)  # a point is not its own neighbour, though its twin is
        found.append(distances.topk(k, largest=False).values)
    return torch.cat(found)


def manifold(real: Tensor, fake: Tensor, block: int = 1024) -> dict[str, float]:
    """Precision and recall (k = 3), density and coverage (k = 5) of equally many real and fake features, both (N, D).

    precision: the share of fakes in some real ball; recall: the share of reals in some fake ball (Kynkäänniemi et al.
    2019, eq. (1) and (2)). density: the number of real balls that a fake lies in, over k, which for a perfect model is
    1 and may exceed it; coverage: the share of real balls with a fake in them, for a perfect model about 1 - 2^-k
    (Naeem et al. 2020, section 3.2). Density and coverage use the real balls only and count them, so an outlier among
    the reals, whose ball is huge, cannot vouch for many fakes by itself.

    `block` bounds the memory and leaves the values alone. Raises ValueError for sets of different size or of no more
    than k images.
    """
    n, k = len(real), K_DENSITY_COVERAGE
    if len(fake) != n or n <= k:
        raise ValueError(f"expected equally many real and fake images, more than {k}, found {n} and {len(fake)}")
    real, fake = real.double(), fake.double()
    centre = real.mean(0)
    real, fake = real - centre, fake - centre  # distances lose digits far from the origin
    # A fake that copies a real image lies exactly on the border of other balls; rounding must not throw it out.
    slack = 1e-6 * torch.cat([real, fake]).square().sum(1).mean().sqrt()

    real_nearest = _nearest(real, k, block) + slack
    real_small, real_large = real_nearest[:, K_PRECISION_RECALL - 1], real_nearest[:, K_DENSITY_COVERAGE - 1]
    fake_small = _nearest(fake, K_PRECISION_RECALL, block)[:, -1] + slack

    precise, balls = 0, 0
    recalled = torch.zeros(n, dtype=torch.bool, device=real.device)
    covered = torch.zeros_like(recalled)
    for fakes, radii in zip(torch.split(fake, block), torch.split(fake_small, block), strict=True):
        distances = torch.cdist(fakes, real)  # (B, N)
        precise += int((distances <= real_small).any(1).sum())
        recalled |= (distances <= radii[:, None]).any(0)
        inside = distances <= real_large
        balls += int(inside.sum())
        covered |= inside.any(0)
    return {
        "precision": precise / n,
        "recall": int(recalled.sum()) / n,
        "density": balls / (k * n),
        "coverage": int(covered.sum()) / n,
    }


def trials(evidence: Evidence) -> dict[str, int]:
    """One an image; density is no share."""
    return dict.fromkeys(
        ("precision", "recall", "coverage"), min(len(evidence.test.features), len(evidence.fake.features))
    )


def measure(evidence: Evidence) -> dict[str, float]:
    """precision, recall, density and coverage of the samples against the test images.

    The values depend on the sizes of both sets, so the larger is cut to the smaller's: its first images, which are a
    random draw because both sets come in random order.
    """
    real, fake = evidence.test.features, evidence.fake.features
    n = min(len(real), len(fake))
    return manifold(real[:n], fake[:n])
