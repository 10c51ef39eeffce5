from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pipeline.contracts.images import Kind
from pipeline.contracts.training_progress import Moment
from pipeline.evaluation.evidence import Answers, Codes, Evidence, Flips, Judged, Likelihoods
from pipeline.judges.spoiling import SPOILINGS

N, SIDE, FEATURES, CLASSES, LATENT = 40, 16, 6, 4, 5
NAMES = ("red cube", "blue cube", "red sphere", "blue cylinder")
ATTRIBUTES = ("Smiling", "Black_Hair", "Young", "Blond_Hair")


def judged(seed: int, variants: int | None = None, *, multi_hot: bool = False) -> Judged:
    draw = torch.Generator().manual_seed(seed)
    labels = torch.eye(CLASSES, dtype=torch.uint8)[torch.arange(N) % CLASSES]
    if multi_hot:
        labels |= labels.roll(1, 1)
    return Judged(
        stored=torch.rand(N, 3, SIDE, SIDE, generator=draw),
        features=torch.randn(N, FEATURES, generator=draw),
        logits=torch.randn(N, CLASSES, generator=draw),
        labels=labels,
        originals=None if variants is None else torch.arange(N) // variants,
        recognised=torch.randn(N, CLASSES, generator=draw),
        degrees=torch.rand(N, len(SPOILINGS), generator=draw),
    )


def answers(seed: int) -> Answers:
    """Two drawings of six sets of one to three labels, five of the sets shown in training."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.tensor([[1, 0, 0, 0], [0, 0, 1, 0], [1, 1, 0, 0], [0, 1, 0, 1], [1, 1, 1, 0], [0, 1, 1, 1]])
    logits, recognised = torch.randn(2, 2, 6, CLASSES, generator=draw)
    return Answers(labels.to(torch.uint8), logits, torch.arange(6) != 4, recognised)


def moments(conditional: bool) -> list[Moment]:
    """Of a generator that collapses, and of its average."""

    def moment(iteration: int, drawer: str, distance: float, diversity: float) -> Moment:
        values = {"frechet_distance": distance, "diversity": diversity}
        if conditional:
            values |= {"recognised": 0.5, "test_accuracy": 1 / distance, "new_test_accuracy": 0.25}
        return Moment(iteration, 32 * iteration, drawer, values)

    return [
        moment(100 * i, drawer, distance, 1 / distance)
        for i, distance in enumerate([9.0, 3.0, 2.0, 7.0, 8.0], 1)
        for drawer in ("generator", "average")
    ]


def flips() -> Flips:
    """Of twelve pairs."""
    draw = torch.Generator().manual_seed(6)
    without, asked = torch.randn(2, CLASSES, 12, CLASSES, generator=draw)
    here, elsewhere = torch.randn(2, 12, CLASSES, generator=draw)
    return Flips(without, asked, here, elsewhere)


def codes() -> Codes:
    """Twelve latents under each of three codes."""
    draw = torch.Generator().manual_seed(7)
    features, logits = torch.randn(3, 12, FEATURES, generator=draw), torch.randn(3, 12, CLASSES, generator=draw)
    recognised, mixed = torch.randn(2, 3, 12, 3, generator=draw).log_softmax(3)
    return Codes(features, logits, recognised, mixed)


def curve() -> list[dict[str, float]]:
    """Twenty points; at the fourth, the discriminator's loss is 50 for an iteration."""
    draw = torch.Generator().manual_seed(8)
    losses = 0.5 + 0.1 * torch.rand(20, 2, generator=draw).double()
    return [
        {
            "iteration": 10 * i,
            "epoch": i / 10,
            "images_seen": 320 * i,
            "seconds": i,
            "discriminator_loss": float(own),
            "generator_loss": float(other),
            "loss": float(other),
            "discriminator_peak": 50.0 if i == 4 else float(own) + 0.2,
            "generator_peak": float(other) + 0.2,
        }
        for i, (own, other) in enumerate(losses, 1)
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
        comparable=True,
    )


@pytest.fixture
def make_evidence() -> Callable[..., Evidence]:
    """Evidence of random numbers; by default of an unconditional model without likelihood, on classes.

    A conditional model has answers and, of attributes, flips; an adversarial one has moments and a curve with peaks, a
    coded one codes, one with likelihoods reconstructions.
    """

    def make(
        *,
        conditional: bool = False,
        kind: Kind = "classes",
        likelihoods: Likelihoods | None = None,
        adversarial: bool = False,
        coded: bool = False,
    ) -> Evidence:
        train, test = (judged(seed, 2, multi_hot=kind != "classes") for seed in (0, 1))
        rebuilt = torch.rand(N, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(9))
        return Evidence(
            train,
            test,
            judged(2, multi_hot=kind != "classes"),
            conditional,
            kind,
            likelihoods,
            None if likelihoods is None else rebuilt,
            ATTRIBUTES if kind == "attributes" else NAMES,
            answers={"test": answers(4), "new_test": answers(5)} if conditional else {},
            moments=moments(conditional) if adversarial else (),
            drawn_by="generator" if adversarial else None,
            flips=flips() if conditional and kind == "attributes" else None,
            codes=codes() if coded else None,
            curve=curve() if adversarial else (),
        )

    return make
