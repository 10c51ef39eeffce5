from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel
from torch import Tensor

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import kernel


def normal(seed: int, n: int, dimensions: int = 16) -> Tensor:
    return torch.randn(n, dimensions, generator=torch.Generator().manual_seed(seed))


def by_sklearn(real: Tensor, fake: Tensor) -> float:
    x, y = real.double().numpy(), fake.double().numpy()
    within_x, within_y, across = (polynomial_kernel(a, b, degree=3) for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    return float(
        (within_x.sum() - np.trace(within_x)) / (n * (n - 1))
        + (within_y.sum() - np.trace(within_y)) / (m * (m - 1))
        - 2 * across.mean()
    )


def naive(real: Tensor, fake: Tensor) -> float:
    def k(x: list[float], y: list[float]) -> float:
        return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3

    def mean_of_others(points: list[list[float]]) -> float:
        pairs = [k(x, y) for i, x in enumerate(points) for j, y in enumerate(points) if i != j]
        return sum(pairs) / len(pairs)

    xs, ys = real.tolist(), fake.tolist()
    return mean_of_others(xs) + mean_of_others(ys) - 2 * sum(k(x, y) for x in xs for y in ys) / (len(xs) * len(ys))


def test_agrees_with_a_double_loop() -> None:
    real, fake = normal(0, 12, 3), normal(1, 9, 3) + 1
    assert kernel.kernel_distance(real, fake) == pytest.approx(naive(real, fake), rel=1e-10)


def test_agrees_with_sklearn() -> None:
    real, fake = normal(0, 300), normal(1, 200) * 1.2 + 0.3
    assert kernel.kernel_distance(real, fake) == pytest.approx(by_sklearn(real, fake), rel=1e-10)


@pytest.mark.parametrize("block", [1, 7, 100, 5000])
def test_the_block_does_not_matter(block: int) -> None:
    real, fake = normal(0, 100), normal(1, 90) + 0.3
    assert kernel.kernel_distance(real, fake, block) == pytest.approx(kernel.kernel_distance(real, fake), rel=1e-10)


def test_blind_to_order() -> None:
    real, fake = normal(0, 100), normal(1, 90) + 0.3
    assert kernel.kernel_distance(real.flip(0), fake) == pytest.approx(kernel.kernel_distance(real, fake), rel=1e-10)


def test_two_draws_of_one_distribution_average_to_zero() -> None:
    """Unbiased also for few images, where the Fréchet distance is far from zero."""
    distances = torch.tensor([kernel.kernel_distance(normal(2 * s, 30), normal(2 * s + 1, 30)) for s in range(200)])
    assert abs(float(distances.mean())) < 3 * float(distances.std()) / 200**0.5
    assert float(distances.min()) < 0 < float(distances.max())


def test_grows_with_the_shift() -> None:
    real, fake = normal(0, 400), normal(1, 400)
    distances = [kernel.kernel_distance(real, fake + shift) for shift in (0.0, 0.2, 0.5, 1.0)]
    assert distances == sorted(distances)


def test_inputs_are_left_alone() -> None:
    real, fake = normal(0, 20).double(), normal(1, 20).double()
    before = real.clone(), fake.clone()
    kernel.kernel_distance(real, fake)
    assert torch.equal(real, before[0])
    assert torch.equal(fake, before[1])


def test_measure(make_evidence: Callable[..., Evidence]) -> None:
    evidence = make_evidence()
    values = kernel.measure(evidence)
    assert values.keys() == kernel.BETTER.keys()
    assert values["kernel_distance"] == kernel.kernel_distance(evidence.test.features, evidence.fake.features)
