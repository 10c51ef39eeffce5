from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import manifold


def normal(seed: int, n: int, dimensions: int = 8) -> Tensor:
    return torch.randn(n, dimensions, generator=torch.Generator().manual_seed(seed))


def naive(real: Tensor, fake: Tensor) -> dict[str, float]:
    """From the definitions, image by image; sklearn finds the radii."""
    x, y = real.double().numpy(), fake.double().numpy()

    def radii(points: np.ndarray, k: int) -> np.ndarray:
        distances: np.ndarray = NearestNeighbors(n_neighbors=k).fit(points).kneighbors()[0]  # without itself
        return distances[:, -1]

    apart = np.array([[np.linalg.norm(a - b) for b in x] for a in y])  # (fakes, reals)
    return {
        "precision": float(np.mean([any(row <= radii(x, 3)) for row in apart])),
        "recall": float(np.mean([any(column <= radii(y, 3)) for column in apart.T])),
        "density": float(np.mean([sum(row <= radii(x, 5)) / 5 for row in apart])),
        "coverage": float(
            np.mean([column.min() <= radius for column, radius in zip(apart.T, radii(x, 5), strict=True)])
        ),
    }


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_agrees_with_the_definitions(shift: float) -> None:
    real, fake = normal(0, 80), normal(1, 80) * 0.8 + shift
    assert manifold.manifold(real, fake) == pytest.approx(naive(real, fake), abs=1e-12)


@pytest.mark.parametrize("block", [1, 7, 64, 5000])
def test_the_block_does_not_matter(block: int) -> None:
    real, fake = normal(0, 150), normal(1, 150) + 0.3
    assert manifold.manifold(real, fake, block) == manifold.manifold(real, fake)


def test_blind_to_order() -> None:
    real, fake = normal(0, 150), normal(1, 150) + 0.3
    shuffle = torch.randperm(150, generator=torch.Generator().manual_seed(0))
    assert manifold.manifold(real[shuffle], fake.flip(0)) == manifold.manifold(real, fake)


def test_two_draws_of_one_distribution() -> None:
    values = manifold.manifold(normal(0, 1500), normal(1, 1500))
    assert values["density"] == pytest.approx(1, abs=0.05)
    assert values["coverage"] == pytest.approx(1 - 2**-5, abs=0.02)
    assert values["precision"] == pytest.approx(values["recall"], abs=0.05)
    assert values["precision"] > 0.7


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("block", [16, 1024])
def test_copies_of_the_reals(offset: float, block: int) -> None:
    """Each copy lies in its own ball, and on the border of others, which must count wherever the features lie."""
    real = (normal(0, 200).double() + offset).float()
    values = manifold.manifold(real, real, block)
    assert values == {"precision": 1, "recall": 1, "density": pytest.approx((5 + 1) / 5, abs=1e-12), "coverage": 1}


def test_mode_collapse() -> None:
    """All samples around one real image: each looks right, together they show next to nothing."""
    real = normal(0, 400)
    values = manifold.manifold(real, real[0] * 0.5 + 0.01 * normal(1, 400))
    assert values["precision"] > 0.99
    assert values["recall"] < 0.01
    assert values["coverage"] < 0.2


def test_total_collapse_onto_one_point() -> None:
    real = normal(0, 100)
    values = manifold.manifold(real, real[:1].expand(100, -1))
    assert values["precision"] == 1
    assert values["recall"] == 0.01


def test_one_of_two_modes_dropped() -> None:
    real = torch.cat([normal(0, 200), normal(1, 200) + 20])
    values = manifold.manifold(real, normal(2, 400))
    assert values["precision"] > 0.7
    assert values["coverage"] == pytest.approx(0.5, abs=0.03)


def test_noise() -> None:
    values = manifold.manifold(normal(0, 400), 10 * normal(1, 400))
    assert values["precision"] < 0.02
    assert values["density"] < 0.02
    assert values["coverage"] < 0.02


def test_an_outlier_cannot_vouch_for_noise() -> None:
    """The outlier's ball would hold every sample: it is too large to count, but for copies of the outlier."""
    real = normal(0, 400)
    real[0] = 100
    values = manifold.manifold(real, normal(1, 400) + 30)
    assert (values["precision"], values["density"], values["coverage"]) == (0, 0, 0)
    copied = manifold.manifold(real, real.flip(0))
    assert (copied["precision"], copied["coverage"]) == (1, 1)


@pytest.mark.parametrize(("reals", "fakes"), [(10, 9), (5, 5)])
def test_unequal_or_too_few_are_refused(reals: int, fakes: int) -> None:
    with pytest.raises(ValueError, match=f"found {reals} and {fakes}"):
        manifold.manifold(normal(0, reals), normal(1, fakes))


def test_measure_cuts_to_the_smaller_set(make_evidence: Callable[..., Evidence]) -> None:
    evidence = make_evidence()
    fewer = replace(evidence, fake=replace(evidence.fake, features=evidence.fake.features[:25]))
    values = manifold.measure(fewer)
    assert evidence.test.originals is not None
    sides = (evidence.test.features[:25], evidence.fake.features[:25])
    assert values == manifold.manifold(*sides, originals=evidence.test.originals[:25])
    assert values.keys() == manifold.BETTER.keys()


def test_variants_do_not_make_new_originals_unreal() -> None:
    """Ten variants close around each original: balls that reach other variants only would hold no new original."""
    real, families = normal(0, 60).repeat_interleave(10, 0), torch.arange(60).repeat_interleave(10)
    real = real + 0.01 * normal(1, 600)
    fake = normal(2, 600)
    assert manifold.manifold(real, fake)["precision"] < 0.05
    assert manifold.manifold(real, fake, originals=families)["precision"] > 0.6
    alone = torch.arange(600)
    assert manifold.manifold(real, fake, originals=alone) == manifold.manifold(real, fake)
