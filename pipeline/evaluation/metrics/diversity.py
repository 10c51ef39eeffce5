"""Whether samples differ from one another as real images do, in the referee's features."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Judged, Part
from pipeline.evaluation.needs import different
from pipeline.evaluation.neighbours import neighbours, used
from pipeline.ground.errors import InputError

# One is as varied as real: near 0 lies collapse, far above 1 lie images such as no real one.
BETTER: Final[Mapping[str, str]] = {"diversity": "neither", "duplicates": "lower"}
SCALE: Final[Mapping[str, str]] = {"diversity": "log", "duplicates": "logit"}
LEAST: Final = 2  # test images' originals
LEAST_WEIGHT: Final = 10.0  # of all label sets' pairs together; with less they are too few to tell
NEAR: Final = 0.01  # of real images: so many have a fellow that counts as a near copy
MOST_COMPARED: Final = 2000


class Labelled(Protocol):
    """Of `Judged`, what diversity is told from."""

    @property
    def features(self) -> Tensor: ...
    @property
    def labels(self) -> Tensor: ...
    @property
    def originals(self) -> Tensor | None: ...


class Drawn(NamedTuple):
    """Some images, without the images: features (N, D), labels (N, K), originals (N,)."""

    features: Tensor
    labels: Tensor
    originals: Tensor | None = None


def _taken(images: Judged, rows: Tensor) -> Drawn:
    originals = None if images.originals is None else images.originals[rows]
    return Drawn(images.features[rows], images.labels[rows], originals)


def _originals(images: Labelled) -> Tensor:
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


def _spread(images: Labelled, group: Tensor, groups: int) -> tuple[Tensor, Tensor]:
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


def relative_diversity(fake: Labelled, real: Labelled, conditional: bool) -> float:
    """Root mean squared distance between two fakes' features over that between two real images of different originals.

    Of a conditional model only pairs with the same labels count (of fakes, asked for), else all pairs. 1: as varied as
    real images; 0: always the same image. It sees spread alone, which noise has too, so read it next to precision.

    Every label set weighs the same on both sides: a b / (a + b) with a + 1 fakes and b + 1 real originals, so that sets
    on which either side says little count little. Where sets are many, these are mostly the small sets, which recur. If
    the weights sum up to less than 10, the label sets are too rare, and all pairs count as for an unconditional model;
    that number is larger, as other labels make other images. Deterministic, of all images, in O(N D) for N images.
    Raises InputError if there are fewer than two fakes or real originals, or if the real ones are all alike.
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
        different(real.features, "real images")
        raise InputError(
            f"expected two or more drawings and real originals with the same labels, found {len(fake.features)} and"
            f" {len(_originals(real).unique())} in all"
        )
    return (float(weight @ fake_spread) / expected) ** 0.5


def duplicate_shares(
    fake: Tensor, real: Tensor, parts: Sequence[tuple[Tensor, Tensor]], block: int = 512
) -> list[float]:
    """The `duplicates` of each part: rows of fake and of real features. Distances are computed once for all parts."""
    for fakes, reals in parts:
        if len(fakes) != len(reals) or len(reals) < 2:
            found = f"{len(reals)} and {len(fakes)}"
            raise InputError(f"expected equally many real originals and drawings, at least 2, found {found}")
        different(real[reals], "real images")
    (fake, of_fake), (real, of_real) = (
        used(side, [part[which] for part in parts]) for which, side in enumerate((fake, real))
    )
    centre = real.mean(0)
    real, fake = real - centre, fake - centre  # distances lose digits far from the origin
    near_fake, near_real = (neighbours(side, block=block) for side in (fake, real))
    shares = []
    for fakes, reals in zip(of_fake, of_real, strict=True):
        both = torch.cat([real[reals], fake[fakes]]) - real[reals].mean(0)
        slack = 1e-6 * both.square().sum(1).mean().sqrt()  # rounding puts twins a little apart
        near = near_real.among(reals, reals, (1,)).quantile(NEAR) + slack
        shares.append(float((near_fake.among(fakes, fakes, (1,)) <= near).double().mean()))
    return shares


def duplicates(fake: Tensor, real: Tensor, block: int = 512) -> float:
    """The share of fakes that have a near copy among the other fakes; both (N, D), equally many, two or more.

    A near copy is no farther than the nearest fellow of a real image is in one case of a hundred. So real images have
    0.01 by construction, and more images, among which distances are shorter, do not make it grow. `block` bounds the
    memory and leaves the value alone. Fakes that are all alike have 1. Raises InputError for sets of different size or
    of fewer than two, and for real ones that are all alike.
    """
    everything = torch.arange(len(fake), device=fake.device), torch.arange(len(real), device=real.device)
    return duplicate_shares(fake, real, [everything], block)[0]


def _one_of_each(originals: Tensor) -> Tensor:
    """The row at which each original first appears, in rising order; originals (N,)."""
    values, original = originals.unique(return_inverse=True)
    rows = torch.arange(len(originals), device=originals.device)
    first = torch.full_like(values, len(originals), dtype=torch.long).scatter_reduce_(0, original, rows, "amin")
    return first.sort().values


def _compared(evidence: Evidence, part: Part) -> tuple[Tensor, Tensor]:
    """The rows of the fakes and of the real images that are compared, (n,) each."""
    reals = part.test[_one_of_each(_originals(evidence.test)[part.test])]
    n = min(MOST_COMPARED, len(part.fake), len(reals))
    return part.fake[:n], reals[:n]


def trials(evidence: Evidence) -> dict[str, int]:
    """One a fake."""
    return {"duplicates": len(_compared(evidence, evidence.whole())[0])}


def of_parts(evidence: Evidence, parts: Sequence[Part]) -> list[dict[str, float]]:
    """What `measure` says of each part."""
    fake, real = evidence.fake, evidence.test
    shares = duplicate_shares(fake.features, real.features, [_compared(evidence, part) for part in parts])
    spreads = [
        relative_diversity(_taken(fake, part.fake), _taken(real, part.test), evidence.conditional) for part in parts
    ]
    return [{"diversity": spread, "duplicates": share} for spread, share in zip(spreads, shares, strict=True)]


def measure(evidence: Evidence) -> dict[str, float]:
    """diversity of the samples, and the duplicates among them.

    For duplicates, the first image of each original is compared, and as many fakes, at most 2000: the first ones, which
    are a random draw because both sets come in random order.
    """
    return of_parts(evidence, [evidence.whole()])[0]
