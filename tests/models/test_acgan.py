"""ACGAN: who learns what from which images."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.contracts.model import AdversarialModel, Batch
from pipeline.models import acgan
from pipeline.networks import dcgan

SHAPE, CLASSES = (3, 16, 16), 4


def _model(**changes: Any) -> acgan.Acgan:
    torch.manual_seed(0)
    known = {"latent": 6, "moving_average": 0.9, "drawn_by": "generator"} | changes
    return acgan.Acgan(acgan.Settings.model_validate(known), dcgan.build(dcgan.Settings(width=4), SHAPE), CLASSES)


def _batch(n: int = 8) -> Batch:
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (n, CLASSES), generator=draw).float()
    return Batch(torch.rand(n, *SHAPE, generator=draw) * 2 - 1, labels, draw)


class _Brightness(nn.Module):
    """Stands in for the trunk: keeps what it is shown and tells its mean."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.images.append(images)
        return images.flatten(1).mean(1, keepdim=True)


class _Constant(nn.Module):
    """Stands in for a head: the same logits for every image."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, features: Tensor) -> Tensor:
        return self.logits.expand(len(features), -1) + 0 * features


def test_the_label_loss_is_the_sum_of_each_labels_cross_entropy() -> None:
    """The known fault: a sigmoid or softmax in front of cross-entropy."""
    logits, labels = torch.randn(6, CLASSES), _batch(6).labels
    p = torch.sigmoid(logits)
    summed = -(labels * p.log() + (1 - labels) * (1 - p).log()).sum(1).mean()
    torch.testing.assert_close(acgan.label_loss(logits, labels), summed)


def test_three_players_share_one_trunk() -> None:
    model = _model()
    discriminator, classifier, generator = model.players()
    assert [p.name for p in model.players()] == ["discriminator", "classifier", "generator"]
    assert discriminator.modules == (model.trunk, model.real)
    assert classifier.modules == (model.trunk, model.labels)
    assert generator.modules == (model.generator.current,)
    assert isinstance(model, AdversarialModel)
    assert model.conditional


def test_losses_and_accuracies_of_known_answers() -> None:
    model, batch = _model(label_fakes=0.5, auxiliary=3.0), _batch()
    trunk = model.trunk = _Brightness()
    model.real = _Constant(2.0)  # all images are real
    model.labels = _Constant(1.0, 1.0, -1.0, -1.0)
    found = model.discriminate(batch)
    assert torch.equal(trunk.images[0], batch.images)
    assert not trunk.images[1].requires_grad
    torch.testing.assert_close(found["real"], -torch.sigmoid(torch.tensor(2.0)).log())
    torch.testing.assert_close(found["fake"], -(1 - torch.sigmoid(torch.tensor(2.0))).log())
    assert found["real_accuracy"] == 1
    assert found["fake_accuracy"] == 0

    expected = acgan.label_loss(torch.tensor([1.0, 1, -1, -1]).expand(8, -1), batch.labels)
    right = (batch.labels == torch.tensor([1.0, 1, 0, 0])).float().mean()
    found = model.classify(batch)
    assert torch.equal(trunk.images[2], batch.images)
    assert not trunk.images[3].requires_grad
    torch.testing.assert_close(found["real"], expected)
    torch.testing.assert_close(found["fake"], 0.5 * expected)
    torch.testing.assert_close(found["real_accuracy"], right)
    torch.testing.assert_close(found["fake_accuracy"], right)

    found = model.deceive(batch)
    torch.testing.assert_close(found["adversarial"], F.softplus(torch.tensor(-2.0)))
    torch.testing.assert_close(found["label"], 3 * expected)


@pytest.mark.parametrize("score", [-2.0, -0.5, 0.5, 2.0])
def test_hinge_losses_of_known_answers(score: float) -> None:
    """And the labels' losses as ever."""
    model, batch = _model(loss="hinge"), _batch()
    model.trunk = _Brightness()
    model.real, model.labels = _Constant(score), _Constant(1.0, 1.0, -1.0, -1.0)
    found = model.discriminate(batch)
    assert found["real"].item() == pytest.approx(max(0, 1 - score))
    assert found["fake"].item() == pytest.approx(max(0, 1 + score))
    taught, label = model.deceive(batch), model.classify(batch)["real"]
    assert taught["adversarial"].item() == pytest.approx(-score)
    torch.testing.assert_close(taught["label"], label)


def test_accuracies_are_no_part_of_any_loss() -> None:
    for player in _model().players():
        terms = player.terms(_batch())
        assert {name for name in terms if name.endswith("accuracy")} == set(player.observed)


def test_without_weight_the_classifiers_loss_on_fakes_is_recorded_only() -> None:
    _, classifier, _ = _model(label_fakes=0.0).players()
    assert "fake" in classifier.observed
    terms = [_model(label_fakes=weight).classify(_batch())["fake"] for weight in (0.0, 1.0, 0.5)]
    torch.testing.assert_close(terms, [terms[0], terms[0], terms[0] / 2])


def test_fakes_are_asked_for_with_the_batchs_labels() -> None:
    model = _model().train()
    seen = []
    hook = model.generator.current.register_forward_hook(lambda _, inputs, __: seen.append(inputs[1]))
    for player in model.players():
        player.terms(_batch())
    hook.remove()
    assert len(seen) == 3
    assert all(torch.equal(labels, _batch().labels) for labels in seen)


def test_the_generators_loss_reaches_all_its_weights() -> None:
    model = _model()
    for name in ("adversarial", "label"):
        gradients = torch.autograd.grad(model.deceive(_batch())[name], list(model.generator.current.parameters()))
        assert all(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize("drawn_by", ["generator", "average"])
@torch.no_grad()
def test_each_label_changes_the_image_of_a_latent(drawn_by: str) -> None:
    model = _model(drawn_by=drawn_by).eval()
    images = model.generate(torch.ones(CLASSES, 6), torch.eye(CLASSES))
    assert all(not torch.equal(images[0], other) for other in images[1:])
    assert images.abs().max() <= 1
