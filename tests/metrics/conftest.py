from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pipeline.evidence import Evidence, Judged, Likelihoods

N, FEATURES, CLASSES, LATENT = 40, 6, 4, 5


def judged(seed: int, variants: int | None = None, *, multi_hot: bool = False) -> Judged:
    draw = torch.Generator().manual_seed(seed)
    labels = torch.eye(CLASSES, dtype=torch.uint8)[torch.arange(N) % CLASSES]
    if multi_hot:
        labels |= labels.roll(1, 1)
    return Judged(
        images=torch.rand(N, 3, 8, 8, generator=draw),
        features=torch.randn(N, FEATURES, generator=draw),
        logits=torch.randn(N, CLASSES, generator=draw),
        labels=labels,
        originals=None if variants is None else torch.arange(N) // variants,
    )


@pytest.fixture
def likelihoods() -> Likelihoods:
    """Of random numbers, with nothing in it that a metric would have to agree about."""
    draw = torch.Generator().manual_seed(3)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=draw)

    return Likelihoods(
        reconstruction=90 + rand(N),
        kl=20 + rand(N),
        log_weights=rand(N // 2, 8) - 105,
        posterior_means=rand(N, LATENT),
        reconstructed=rand(N, 3, 8, 8),
        originals=rand(N, 3, 8, 8),
        comparable=True,
    )


@pytest.fixture
def make_evidence() -> Callable[..., Evidence]:
    """Evidence of random numbers; by default of an unconditional model without likelihood, on exclusive labels."""

    def make(*, conditional: bool = False, exclusive: bool = True, likelihoods: Likelihoods | None = None) -> Evidence:
        train, test = judged(0, 2, multi_hot=not exclusive), judged(1, 2, multi_hot=not exclusive)
        return Evidence(train, test, judged(2, multi_hot=not exclusive), conditional, exclusive, likelihoods)

    return make
