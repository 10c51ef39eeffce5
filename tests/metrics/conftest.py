from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pipeline.evidence import Answers, Evidence, Judged, Likelihoods, Moment

N, FEATURES, CLASSES, LATENT = 40, 6, 4, 5
NAMES = ("red cube", "blue cube", "red sphere", "blue cylinder")


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


def answers(seed: int) -> Answers:
    """Two drawings of six sets of one to three labels, five of the sets shown in training."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.tensor([[1, 0, 0, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 1, 0, 1], [1, 1, 1, 0], [0, 1, 1, 1]])
    return Answers(labels.to(torch.uint8), torch.randn(2, 6, CLASSES, generator=draw), torch.arange(6) != 4)


def moments(conditional: bool) -> list[Moment]:
    """Of a generator that collapses, and of its average."""

    def moment(iteration: int, drawer: str, distance: float, diversity: float) -> Moment:
        values = {"frechet_distance": distance, "diversity": diversity}
        if conditional:
            values |= {"condition_accuracy": 0.5, "test_accuracy": 1 / distance, "new_test_accuracy": 0.25}
        return Moment(iteration, 32 * iteration, drawer, values)

    return [
        moment(100 * i, drawer, distance, 1 / distance)
        for i, distance in enumerate([9.0, 3.0, 2.0, 7.0, 8.0], 1)
        for drawer in ("generator", "average")
    ]


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
    """Evidence of random numbers; by default of an unconditional model without likelihood, on exclusive labels.

    A conditional model has answers, an adversarial one has moments.
    """

    def make(
        *,
        conditional: bool = False,
        exclusive: bool = True,
        likelihoods: Likelihoods | None = None,
        adversarial: bool = False,
    ) -> Evidence:
        train, test = judged(0, 2, multi_hot=not exclusive), judged(1, 2, multi_hot=not exclusive)
        return Evidence(
            train,
            test,
            judged(2, multi_hot=not exclusive),
            conditional,
            exclusive,
            likelihoods,
            NAMES,
            answers={"test": answers(4), "new_test": answers(5)} if conditional else {},
            moments=moments(conditional) if adversarial else (),
            drawn_by="generator" if adversarial else None,
        )

    return make
