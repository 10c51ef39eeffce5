from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import frechet


def normal(seed: int, n: int, dimensions: int) -> Tensor:
    """Correlated features, away from the origin."""
    draw = torch.Generator().manual_seed(seed)
    mix = torch.randn(dimensions, dimensions, generator=draw)
    return torch.randn(n, dimensions, generator=draw) @ mix + torch.randn(dimensions, generator=draw)


def by_sqrtm(real: Tensor, fake: Tensor) -> float:
    """As in the paper, with a matrix square root of the product itself."""
    a, b = real.double().numpy(), fake.double().numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root))


@pytest.mark.parametrize("dimensions", [1, 2, 16, 64])
def test_agrees_with_scipy(dimensions: int) -> None:
    real, fake = normal(0, 300, dimensions), normal(1, 200, dimensions)
    if dimensions == 1:
        expected = float((real.mean() - fake.mean()) ** 2 + (real.double().std() - fake.double().std()) ** 2)
    else:
        expected = by_sqrtm(real, fake)
    assert frechet.frechet_distance(real, fake) == pytest.approx(expected, rel=1e-6)


def test_diagonal_gaussians_have_a_closed_form() -> None:
    mean_a, mean_b = torch.tensor([1.0, -2.0, 0.0]).double(), torch.tensor([0.0, 0.0, 0.0]).double()
    std_a, std_b = torch.tensor([1.0, 2.0, 0.0]).double(), torch.tensor([3.0, 0.5, 0.0]).double()
    expected = float(((mean_a - mean_b) ** 2).sum() + ((std_a - std_b) ** 2).sum())
    a, b = frechet.gaussian(mean_a, torch.diag(std_a**2)), frechet.gaussian(mean_b, torch.diag(std_b**2))
    found = frechet.gaussian_distance(a, b)
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("n", "dimensions"), [(500, 32), (20, 64)])
def test_identical_sets_are_at_zero(n: int, dimensions: int) -> None:
    real = normal(0, n, dimensions)
    assert frechet.frechet_distance(real, real) == pytest.approx(0, abs=1e-7)


def test_a_shift_gives_its_squared_length_at_any_rank() -> None:
    real = normal(0, 20, 64)  # 20 images span 19 of 64 dimensions
    assert frechet.frechet_distance(real, real + 0.5) == pytest.approx(64 * 0.25, rel=1e-5)


def test_rank_deficient_sets_in_separate_spaces() -> None:
    """Nothing in common, so the root vanishes and both traces remain."""
    a, b = torch.zeros(50, 8), torch.zeros(50, 8)
    a[:, :4], b[:, 4:] = normal(0, 50, 4), normal(1, 50, 4)
    expected = float((a.mean(0) - b.mean(0)).square().sum() + a.T.cov().trace() + b.T.cov().trace())
    assert frechet.frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_symmetric_and_blind_to_order() -> None:
    real, fake = normal(0, 100, 8), normal(1, 150, 8)
    shuffled = fake[torch.randperm(150, generator=torch.Generator().manual_seed(0))]
    distance = frechet.frechet_distance(real, fake)
    assert frechet.frechet_distance(fake, real) == pytest.approx(distance, rel=1e-9)
    assert frechet.frechet_distance(real, shuffled) == pytest.approx(distance, rel=1e-9)


def test_grows_as_noise_is_added() -> None:
    real, noise = normal(0, 400, 8), torch.randn(400, 8, generator=torch.Generator().manual_seed(5))
    distances = [frechet.frechet_distance(real, real + level * noise) for level in (0.0, 0.5, 1.0, 2.0)]
    assert distances == sorted(distances)
    assert distances[1] > 0


def test_measure(make_evidence: Callable[..., Evidence]) -> None:
    evidence = make_evidence()
    values = frechet.measure(evidence)
    assert values.keys() == frechet.BETTER.keys()
    assert values["frechet_distance"] == frechet.frechet_distance(evidence.test.features, evidence.fake.features)
