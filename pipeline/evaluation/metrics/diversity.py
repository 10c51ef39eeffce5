"""Whether samples differ from one another as real images do, in the judge's features."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Judged

# One is as varied as real: near 0 lies collapse, far above 1 lie images such as no real one.
BETTER: Final[Mapping[str, str]] = {"diversity": "neither", "duplicates": "lower"}
LEAST_WEIGHT: Final = 10.0  # of all label sets' pairs together; with less they are too few to tell
NEAR: Final = 0.01  # of real images: so many have a fellow that counts as a near copy
MOST_COMPARED: Final = 2000


def _originals(images: Judged) -> Tensor:
    """Which images are variants of one, (N,); without word of it, none are."""
    count, device = len(images.features), images.features.device
    return torch.arange(count, device=device) if images.originals is None else images.originals


def _pairs(features: Tensor, group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """How many pairs each group has and the sum of their squared distances, (G,) each; a pair counts in both orders.

    features (N, D) float64; group (N,), below G = groups. O(N D), because the squared distances between n points sum
    up to 2 n times those from their mean.
    """
    count = group.bincount(minlength=groups).double()
    means = features.new_zeros(groups, features.shape[1]).index_add_(0, group, features) / count[:, None]
    squares = torch.zeros_like(count).index_add_(0, group, (features - means[group]).square().sum(1))
    return count * (count - 1), 2 * count * squares


def _spread(images: Judged, group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Each group's mean squared distance over pairs of different originals, and how many originals it has, (G,) each.

    Zero where there is no such pair. From all pairs, those of one original are taken away.
    """
    features = images.features.double()
    families, family = torch.stack([group, _originals(images)], 1).unique(dim=0, return_inverse=True)
    home = families[:, 0]  # (F,): the group of each family, which is an original's variants within one group

    pairs, squares = _pairs(features, group, groups)
    family_pairs, family_squares = _pairs(features, family, len(home))
    pairs = pairs.index_add(0, home, family_pairs, alpha=-1)
    squares = squares.index_add(0, home, family_squares, alpha=-1).clamp_min(0)
    return torch.where(pairs > 0, squares / pairs.clamp_min(1), 0), home.bincount(minlength=groups)


def relative_diversity(fake: Judged, real: Judged, conditional: bool) -> float:
    """Root mean squared distance between two fakes' features over that between two real images of different originals.

    Of a conditional model only pairs with the same labels count (of fakes, asked for), else all pairs. 1: as varied as
    real images; 0: always the same image. It sees spread alone, which noise has too, so read it next to precision.

    Every label set weighs the same on both sides: a b / (a + b) with a + 1 fakes and b + 1 real originals, so that sets
    on which either side says little count little. Where sets are many, these are mostly the small sets, which recur. If
    the weights sum up to less than 10, the label sets are too rare, and all pairs count as for an unconditional model;
    that number is larger, as other labels make other images. Deterministic, of all images, in O(N D) for N images.
    Raises ValueError if there are fewer than two fakes or real originals, or if the real ones are all alike.
    """
    labels = torch.cat([fake.labels, real.labels])
    if conditional:
        sets, group = labels.unique(dim=0, return_inverse=True)
        groups = len(sets)
    else:
        group, groups = torch.zeros(len(labels), dtype=torch.long, device=labels.device), 1
    fake_spread, fakes = _spread(fake, group[: len(fake.labels)], groups)
    real_spread, reals = _spread(real, group[len(fake.labels) :], groups)
    a, b = (fakes - 1).clamp_min(0).double(), (reals - 1).clamp_min(0).double()
    weight = a * b / (a + b).clamp_min(1)  # (G,)
    if conditional and float(weight.sum()) < LEAST_WEIGHT:
        return relative_diversity(fake, real, False)
    expected = float(weight @ real_spread)
    if not expected:
        raise ValueError("expected two or more fakes, and real images of two or more originals, not all alike")
    return (float(weight @ fake_spread) / expected) ** 0.5


def _nearest(features: Tensor, block: int) -> Tensor:
    """Each image's distance from the nearest other one, (N,), of features (N, D)."""
    found = []
    for start in range(0, len(features), block):
        distances = torch.cdist(features[start : start + block], features)  # (B, N)
        distances.diagonal(start).fill_(torch.inf)
        found.append(distances.amin(1))
    return torch.cat(found)


def duplicates(fake: Tensor, real: Tensor, block: int = 1024) -> float:
    """The share of fakes that have a near copy among the other fakes; both (N, D), equally many, two or more.

    A near copy is no farther than the nearest fellow of a real image is in one case of a hundred. So real images have
    0.01 by construction, and more images, among which distances are shorter, do not make it grow. `block` bounds the
    memory and leaves the value alone. Raises ValueError for sets of different size or of fewer than two.
    """
    if len(fake) != len(real) or len(real) < 2:
        raise ValueError(f"expected equally many real and fake images, two or more, found {len(real)} and {len(fake)}")
    real, fake = real.double(), fake.double()
    centre = real.mean(0)
    real, fake = real - centre, fake - centre  # distances lose digits far from the origin
    slack = 1e-6 * torch.cat([real, fake]).square().sum(1).mean().sqrt()  # rounding puts twins a little apart
    near = _nearest(real, block).quantile(NEAR) + slack
    return float((_nearest(fake, block) <= near).double().mean())


def _one_of_each(originals: Tensor) -> Tensor:
    """The row at which each original first appears, in rising order; originals (N,)."""
    values, original = originals.unique(return_inverse=True)
    rows = torch.arange(len(originals), device=originals.device)
    first = torch.full_like(values, len(originals), dtype=torch.long).scatter_reduce_(0, original, rows, "amin")
    return first.sort().values


def _compared(evidence: Evidence) -> Tensor:
    """The rows of the real images that are compared, (n,), with as many fakes."""
    return _one_of_each(_originals(evidence.test))[: min(MOST_COMPARED, len(evidence.fake.features))]


def trials(evidence: Evidence) -> dict[str, int]:
    """One a fake."""
    return {"duplicates": len(_compared(evidence))}


def measure(evidence: Evidence) -> dict[str, float]:
    """diversity of the samples, and the duplicates among them.

    For duplicates, the first image of each original is compared, and as many fakes, at most 2000: the first ones, which
    are a random draw because both sets come in random order.
    """
    fake, real = evidence.fake, evidence.test
    rows = _compared(evidence)
    return {
        "diversity": relative_diversity(fake, real, evidence.conditional),
        "duplicates": duplicates(fake.features[: len(rows)], real.features[rows]),
    }
