"""Fidelity and diversity apart: which samples lie among the real images, and which real images lie among the samples.

Each image stands for the ball around it that reaches its k-th nearest neighbour in its own set.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Part
from pipeline.evaluation.needs import different
from pipeline.evaluation.neighbours import neighbours
from pipeline.ground.errors import InputError

BETTER: Final[Mapping[str, str]] = {
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
}
SCALE: Final[Mapping[str, str]] = {name: "log" if name == "density" else "logit" for name in BETTER}
K_PRECISION_RECALL: Final = 3  # Kynkäänniemi et al. 2019
K_DENSITY_COVERAGE: Final = 5  # Naeem et al. 2020
LEAST: Final = 6  # test images: each has five neighbours
LARGEST: Final = 2.0  # times the median radius


def _kept(radii: Tensor) -> Tensor:
    """Radii (N, ...), 0 in place of those above twice the median: an odd image's ball would hold whatever is odd.

    Kynkäänniemi et al. 2019, eq. (3), leave out the larger half of the balls where they ask how real an image is.
    """
    return torch.where(radii > LARGEST * radii.median(0).values, 0, radii)


def _slack(real: Tensor, fake: Tensor) -> Tensor:
    """A fake that copies a real image lies exactly on the border of other balls; rounding must not throw it out."""
    centre = real.mean(0)
    squares = [(side - centre).square().sum(1) for side in (real, fake)]
    return 1e-6 * torch.cat(squares).mean().sqrt()


def manifolds(
    real: Tensor,
    fake: Tensor,
    parts: Sequence[tuple[Tensor, Tensor]],
    block: int = 512,
    originals: Tensor | None = None,
) -> list[dict[str, float]]:
    """What `manifold` says of each part: rows of real and of fake features, equally many; originals of all real ones.

    Distances are computed once for all parts, and only pairs of which one image lies in the other's ball, in some part,
    are looked at. `block` bounds the memory and leaves the values alone. Raises InputError as `manifold` does.
    """
    k = K_DENSITY_COVERAGE
    for reals, fakes in parts:
        if len(fakes) != len(reals) or len(reals) <= k:
            found = f"{len(reals)} and {len(fakes)}"
            raise InputError(f"expected equally many real images and drawings, more than {k}, found {found}")
        different(real[reals], "real images")
    real, fake = (side[: 1 + max(int(part[which].max()) for part in parts)] for which, side in enumerate((real, fake)))
    real, fake = real.double(), fake.double()
    centre = real.mean(0)
    real, fake = real - centre, fake - centre  # distances lose digits far from the origin
    families = None if originals is None else originals[: len(real)]

    # The balls' radii by part; where an image is not in the part, below all distances.
    real_small, real_large = real.new_full((2, len(parts), len(real)), -1)
    fake_small = fake.new_full((len(parts), len(fake)), -1)
    of_real, of_fake = neighbours(real, block=block, families=families), neighbours(fake, block=block)
    for number, (reals, fakes) in enumerate(parts):
        slack = _slack(real[reals], fake[fakes])
        reach = of_real.among(reals, reals, (K_PRECISION_RECALL, K_DENSITY_COVERAGE))
        if not bool(reach.isfinite().all()):
            there = len(reals) if families is None else len(families[reals].unique())
            raise InputError(f"expected {k} real images of other originals beside each, found {there} originals in all")
        radii = _kept(reach) + slack
        real_small[number, reals], real_large[number, reals] = radii.unbind(1)
        fake_small[number, fakes] = _kept(of_fake.among(fakes, fakes, (K_PRECISION_RECALL,)))[:, 0] + slack

    reach_of_real, reach_of_fake = real_large.amax(0), fake_small.amax(0)
    precise = torch.zeros_like(fake_small, dtype=torch.bool)
    recalled, covered = torch.zeros_like(real_small, dtype=torch.bool), torch.zeros_like(real_small, dtype=torch.bool)
    balls = [0] * len(parts)
    for start in range(0, len(fake), block):
        distances = torch.cdist(fake[start : start + block], real)  # (B, N)
        near = distances <= torch.maximum(reach_of_real, reach_of_fake[start : start + block, None])
        f, r = near.nonzero(as_tuple=True)
        apart, f = distances[f, r], f + start
        for number in range(len(parts)):
            of_part = fake_small[number, f] >= 0
            inside = of_part & (apart <= real_large[number, r])
            balls[number] += int(inside.sum())
            covered[number, r[inside]] = True
            precise[number, f[of_part & (apart <= real_small[number, r])]] = True
            recalled[number, r[(real_small[number, r] >= 0) & (apart <= fake_small[number, f])]] = True
    return [
        {
            "precision": int(precise[number].sum()) / len(reals),
            "recall": int(recalled[number].sum()) / len(reals),
            "density": balls[number] / (k * len(reals)),
            "coverage": int(covered[number].sum()) / len(reals),
        }
        for number, (reals, _) in enumerate(parts)
    ]


def manifold(real: Tensor, fake: Tensor, block: int = 512, originals: Tensor | None = None) -> dict[str, float]:
    """Precision and recall (k = 3), density and coverage (k = 5) of equally many real and fake features, both (N, D).

    precision: the share of fakes in some real ball; recall: the share of reals in some fake ball (Kynkäänniemi et al.
    2019, eq. (1) and (2)). density: the number of real balls that a fake lies in, over k, which for a perfect model is
    1 and may exceed it; coverage: the share of real balls with a fake in them, for a perfect model about 1 - 2^-k
    (Naeem et al. 2020, section 3.2). Density and coverage use the real balls only and count them, so an outlier among
    the reals cannot vouch for many fakes by itself. Nor can it for precision: a ball more than twice as large as the
    median one holds nothing but copies of its image.

    originals: (N,), equal for real images that are variants of one. These crowd around it; a real image's ball reaches
    its k-th nearest of other originals, as images of new originals are no nearer than that.

    `block` bounds the memory and leaves the values alone. Fakes that are all alike are measured. Raises InputError for
    sets of different size or of no more than k images, for reals that are all alike, and where a real image has fewer
    than k of other originals beside it.
    """
    everything = torch.arange(len(real), device=real.device), torch.arange(len(fake), device=fake.device)
    return manifolds(real, fake, [everything], block, originals)[0]


def trials(evidence: Evidence) -> dict[str, int]:
    """One an image; density is no share."""
    return dict.fromkeys(
        ("precision", "recall", "coverage"), min(len(evidence.test.features), len(evidence.fake.features))
    )


def of_parts(evidence: Evidence, parts: Sequence[Part]) -> list[dict[str, float]]:
    """What `measure` says of each part."""
    sizes = [min(len(part.test), len(part.fake)) for part in parts]
    rows = [(part.test[:n], part.fake[:n]) for part, n in zip(parts, sizes, strict=True)]
    return manifolds(evidence.test.features, evidence.fake.features, rows, originals=evidence.test.originals)


def measure(evidence: Evidence) -> dict[str, float]:
    """precision, recall, density and coverage of the samples against the test images.

    The values depend on the sizes of both sets, so the larger is cut to the smaller's: its first images, which are a
    random draw because both sets come in random order.
    """
    return of_parts(evidence, [evidence.whole()])[0]
