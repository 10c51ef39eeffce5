"""InfoGAN: the code's place in the latent, its loss, and what it is used for."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.contracts.model import AdversarialModel, Batch, CodedModel, EncoderModel
from pipeline.models import infogan
from pipeline.networks import dcgan

SHAPE, NOISE, CODES = (3, 16, 16), 6, 3


def _model(**changes: Any) -> infogan.Infogan:
    torch.manual_seed(0)
    known = {"latent": NOISE, "codes": CODES, "moving_average": 0.9, "drawn_by": "generator"} | changes
    return infogan.Infogan(infogan.Settings.model_validate(known), dcgan.build(dcgan.Settings(width=4), SHAPE))


def _batch(n: int = 8) -> Batch:
    draw = torch.Generator().manual_seed(0)
    return Batch(torch.rand(n, *SHAPE, generator=draw) * 2 - 1, torch.zeros(n, 5), draw)


class _Telling(nn.Module):
    """Stands in for a generator that paints its code into the first pixels, and for a trunk that reads it there."""

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        images = torch.zeros(len(latents), *SHAPE)
        images[:, 0, 0, :CODES] = latents[:, NOISE:] * 9  # tanh(9) is nearly 1
        return images


class _Reading(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images[:, 0, 0, :CODES]


class _Scaled(nn.Module):
    """Stands in for the head of Q."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, features: Tensor) -> Tensor:
        return self.scale * features


def test_a_latent_is_noise_and_then_a_code_drawn_evenly() -> None:
    model = _model()
    latents = model.prior(3000, torch.Generator().manual_seed(0))
    assert latents.shape == (3000, model.latent) == (3000, NOISE + CODES)
    noise, code = latents.split([NOISE, CODES], 1)
    assert noise.mean().abs() < 0.03
    assert noise.std() == pytest.approx(1, abs=0.03)
    assert torch.equal(code.sum(1), torch.ones(3000))
    assert set(code.unique().tolist()) == {0, 1}
    assert code.mean(0).tolist() == pytest.approx([1 / 3] * CODES, abs=0.03)


@pytest.mark.parametrize("scale", [0.0, 2.0, 30.0])
def test_the_code_loss_is_the_cross_entropy_of_each_images_own_code(scale: float) -> None:
    """The known faults: slicing the batch in place of the code's columns, and a softmax in front of cross-entropy."""
    model, batch = _model(information=2.0), _batch()
    model.generator.current, model.trunk = _Telling(), _Reading()
    model.recogniser, model.real = _Scaled(scale), nn.Linear(CODES, 1)
    one = math.tanh(9)
    expected = math.log(math.exp(scale * one) + CODES - 1) - scale * one
    found = model.find(batch)
    assert found["code"].item() == pytest.approx(expected, abs=1e-5)
    assert model.deceive(batch)["code"].item() == pytest.approx(2 * expected, abs=1e-5)
    if scale:
        assert found["fake_accuracy"] == 1
        latents = model.coded(model.prior(CODES, batch.generator), torch.eye(CODES))
        images = model.generate(latents, torch.zeros(CODES, 0))
        found_codes = model.recognise(images)
        torch.testing.assert_close(found_codes.exp().sum(1), torch.ones(CODES))
        assert found_codes.argmax(1).tolist() == list(range(CODES))


def test_the_recogniser_learns_from_fakes_alone_and_moves_no_generator() -> None:
    model, batch = _model(), _batch()
    discriminator, recogniser, generator = model.players()
    assert [player.name for player in model.players()] == ["discriminator", "recogniser", "generator"]
    assert recogniser.modules == (model.trunk, model.recogniser)
    seen: list[Tensor] = []
    hook = model.trunk.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    recogniser.terms(batch)
    assert len(seen) == 1
    assert not seen[0].requires_grad
    discriminator.terms(batch)
    hook.remove()
    assert torch.equal(seen[1], batch.images)
    assert not seen[2].requires_grad
    for name in ("adversarial", "code"):
        gradients = torch.autograd.grad(generator.terms(batch)[name], list(model.generator.current.parameters()))
        assert all(gradient.abs().sum() > 0 for gradient in gradients)
    for player in model.players():
        assert {name for name in player.terms(batch) if name.endswith("accuracy")} == set(player.observed)


def test_adversarial_losses_match_their_algebra() -> None:
    model, batch = _model(), _batch()
    model.trunk, model.real, model.recogniser = _Reading(), _Scaled(0.0), _Scaled(1.0)
    for name in ("real", "fake"):
        assert model.discriminate(batch)[name].item() == pytest.approx(math.log(2))
    assert model.deceive(_batch())["adversarial"].item() == pytest.approx(F.softplus(torch.tensor(0.0)).item())


@pytest.mark.parametrize("embedding", [0, 5])
@torch.no_grad()
def test_codes_change_the_image_and_mix(embedding: int) -> None:
    """Shares of two codes give neither's image; embedded, the mixture of both embeddings is what the decoder sees."""
    model = _model(embedding=embedding).eval()
    assert isinstance(model, CodedModel)
    assert isinstance(model, AdversarialModel)
    assert not isinstance(model, EncoderModel)
    assert not model.conditional
    latents = model.prior(1, torch.Generator().manual_seed(1)).expand(3, -1)
    shares = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0.5, 0.5, 0]])
    coded = model.coded(latents, shares)
    assert torch.equal(coded[:, :NOISE], latents[:, :NOISE])
    first, second, mixed = model.generate(coded, torch.zeros(3, 0))
    assert not torch.equal(first, second)
    assert not torch.equal(first, mixed)
    assert not torch.equal(second, mixed)
    joined: list[Tensor] = []
    decoder = model.generator.current.decoder
    assert isinstance(decoder, nn.Module)
    decoder.register_forward_hook(lambda _, inputs, __: joined.append(inputs[0]))
    model.generate(coded, torch.zeros(3, 0))
    codes = joined[0][:, NOISE:]
    assert codes.shape == (3, embedding or CODES)
    torch.testing.assert_close(codes[2], (codes[0] + codes[1]) / 2)
