"""Losses of the GAN family against their formulas, its players, and its moving average."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline.contracts.model import AdversarialModel, Batch
from pipeline.models import gan, wgan
from pipeline.networks import dcgan

SHAPE, CLASSES = (3, 16, 16), 5


def _model(**changes: Any) -> gan.Gan:
    torch.manual_seed(0)
    known = {"latent": 6, "conditional": True, "loss": "bce", "moving_average": 0.9, "drawn_by": "generator"}
    network = dcgan.build(dcgan.Settings(width=4, embedding=3), SHAPE)
    return gan.Gan(gan.Settings.model_validate(known | changes), network, CLASSES)


def _wgan(**changes: Any) -> wgan.Wgan:
    known = {"latent": 6, "conditional": False, "critic_steps": 5, "constraint": "clip", "strength": 0.01}
    network = dcgan.build(dcgan.Settings(width=4), SHAPE)
    return wgan.Wgan(wgan.Settings.model_validate(known | {"drawn_by": "generator"} | changes), network, CLASSES)


def _batch(n: int = 8, seed: int = 0) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    labels = torch.eye(CLASSES)[torch.randint(CLASSES, (n,), generator=draw)]
    return Batch(torch.rand(n, *SHAPE, generator=draw) * 2 - 1, labels, draw)


SCORES = torch.tensor([-3.0, -0.5, 0.0, 2.0], dtype=torch.float64)


def test_cross_entropies_of_the_scores_match_their_algebra() -> None:
    d = torch.sigmoid(SCORES)
    torch.testing.assert_close(gan.real_loss(SCORES, "bce"), -d.log().mean())
    torch.testing.assert_close(gan.fake_loss(SCORES, "bce"), -(1 - d).log().mean())
    torch.testing.assert_close(gan.generator_loss(SCORES, "bce"), -d.log().mean())


def test_hinge_losses_match_their_algebra() -> None:
    assert gan.real_loss(SCORES, "hinge").item() == pytest.approx((4 + 1.5 + 1 + 0) / 4)
    assert gan.fake_loss(SCORES, "hinge").item() == pytest.approx((0 + 0.5 + 1 + 3) / 4)
    assert gan.generator_loss(SCORES, "hinge").item() == pytest.approx((3 + 0.5 + 0 - 2) / 4)


def test_losses_of_huge_scores_are_finite() -> None:
    huge = torch.tensor([-1e4, 1e4])
    for loss in (gan.real_loss, gan.fake_loss, gan.generator_loss):
        assert loss(huge, "bce").item() == pytest.approx(5e3)


def test_the_halved_loss_is_half_the_summed_one() -> None:
    terms = [_model(halved=halved).discriminate(_batch()) for halved in (False, True)]
    for name in ("real", "fake"):
        torch.testing.assert_close(terms[1][name], terms[0][name] / 2)


class _Seen(nn.Module):
    """Stands in for a discriminator and keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.calls: list[tuple[Tensor, Tensor]] = []

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        self.calls.append((images, labels))
        return self.weight * images.flatten(1).mean(1, keepdim=True)


def test_fakes_are_asked_for_with_the_batchs_own_labels_and_reach_the_discriminator_detached() -> None:
    model, batch = _model(), _batch()
    model.discriminator = _Seen()
    model.discriminate(batch)
    (real, real_labels), (fake, fake_labels) = model.discriminator.calls
    assert torch.equal(real, batch.images)
    assert torch.equal(real_labels, batch.labels)
    assert torch.equal(fake_labels, batch.labels)
    assert not fake.requires_grad
    assert fake.shape == real.shape
    assert fake.abs().max() <= 1


def test_the_generators_loss_reaches_the_generator() -> None:
    model = _model()
    gradients = torch.autograd.grad(model.deceive(_batch())["adversarial"], list(model.generator.current.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_generator_steps_are_the_players_repeats() -> None:
    """Report C: four generator steps an iteration, each with fresh latents."""
    model = _model(generator_steps=4)
    discriminator, generator = model.players()
    assert (discriminator.repeat, generator.repeat) == (1, 4)
    batch = _batch()
    first, second = (generator.terms(batch)["adversarial"] for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("family", ["gan", "wgan"])
@torch.no_grad()
def test_the_average_follows_its_recursion(family: str) -> None:
    """Weights and norms' statistics alike; it starts from the weights as they are drawn."""
    model = _model(moving_average=0.9) if family == "gan" else _wgan(moving_average=0.9)
    names = ("layers.0.convolution.weight", "layers.1.running_mean", "layers.1.running_var")
    expected = {name: model.generator.current.state_dict()[name].clone() for name in names}
    assert all(torch.equal(model.generator.average.state_dict()[name], tensor) for name, tensor in expected.items())
    model.train()
    after = model.players()[-1].after
    for _ in range(3):
        model.generator.current(torch.randn(16, 6), torch.zeros(16, CLASSES))  # moves the statistics
        for weight in model.generator.current.parameters():
            weight.add_(torch.randn_like(weight))
        after()
        for name in names:
            expected[name] = 0.9 * expected[name] + 0.1 * model.generator.current.state_dict()[name]
            torch.testing.assert_close(model.generator.average.state_dict()[name], expected[name])


def test_no_gradient_is_computed_for_the_average() -> None:
    assert not any(weight.requires_grad for weight in _model().generator.average.parameters())


@torch.no_grad()
def test_samples_come_from_the_drawer_asked_for() -> None:
    labels, latents = torch.eye(CLASSES), torch.randn(CLASSES, 6)
    for drawn_by, other in (("generator", "average"), ("average", "generator")):
        model = _model(drawn_by=drawn_by).eval()
        assert isinstance(model, AdversarialModel)
        for weight in model.generator.current.parameters():
            weight.mul_(3)
        images = model.generate(latents, labels)
        assert torch.equal(images, model.generate_by(model.drawn_by, latents, labels))
        assert not torch.equal(images, model.generate_by(other, latents, labels))  # type: ignore[arg-type]


@torch.no_grad()
def test_labels_matter_only_to_a_conditional_model() -> None:
    latents, labels = torch.randn(2, 6), torch.eye(CLASSES)[:2]
    for conditional in (True, False):
        model = _model(conditional=conditional).eval()
        same = torch.equal(model.generate(latents, labels), model.generate(latents, labels.flip(0)))
        assert same is not conditional


def test_the_label_loss_takes_logits_and_sums_over_labels() -> None:
    """The known fault: a sigmoid or softmax in front of cross-entropy."""
    logits, labels = torch.randn(6, 4), torch.eye(4)[torch.arange(6) % 4]
    p = torch.sigmoid(logits)
    summed = -(labels * p.log() + (1 - labels) * (1 - p).log()).sum(1).mean()
    torch.testing.assert_close(gan.label_loss(logits, labels), summed)


def test_the_auxiliary_classifier_learns_from_real_images_and_teaches_the_generator() -> None:
    model, batch = _model(auxiliary=2.0), _batch()
    assert [player.name for player in model.players()] == ["discriminator", "classifier", "generator"]
    assert set(model.classify(batch)) == {"label"}
    seen = _Labels()
    model.classifier = seen
    terms = model.classify(batch)
    assert torch.equal(seen.images[0], batch.images)
    torch.testing.assert_close(terms["label"], gan.label_loss(torch.zeros(8, CLASSES), batch.labels))
    taught = model.deceive(batch)
    assert set(taught) == {"adversarial", "label"}
    torch.testing.assert_close(taught["label"], 2 * gan.label_loss(torch.zeros(8, CLASSES), batch.labels))


def test_rejection_teaches_the_classifier_to_see_nothing_in_fakes() -> None:
    model, batch = _model(auxiliary=1.0, rejection=0.25), _batch()
    seen = _Labels(bias=1.5)
    model.classifier = seen
    terms = model.classify(batch)
    real, fake = seen.images
    assert torch.equal(real, batch.images)
    assert not fake.requires_grad
    # of K labels, each -log(1 - sigmoid(1.5))
    expected = 0.25 * CLASSES * torch.nn.functional.softplus(torch.tensor(1.5))
    torch.testing.assert_close(terms["fake"], expected)


def test_without_auxiliary_loss_there_is_no_classifier_but_its_optimiser_may_stay() -> None:
    model = _model()
    assert [player.name for player in model.players()] == ["discriminator", "generator"]
    assert model.classifier is None
    assert model.resting == ("classifier",)
    assert _model(auxiliary=1.0).resting == ()


class _Labels(nn.Module):
    """Stands in for a classifier: the same logits for every image, which it keeps."""

    def __init__(self, bias: float = 0.0) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor(bias))
        self.images: list[Tensor] = []

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        self.images.append(images)
        return self.bias.expand(len(images), CLASSES)
