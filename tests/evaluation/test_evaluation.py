"""Evidence is what it says."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from pipeline.contracts.images import Kind
from pipeline.contracts.model import GenerativeModel, LikelihoodModel, Player, Posterior
from pipeline.evaluation import collect
from pipeline.evaluation.collect import Settings
from pipeline.evaluation.evidence import Judged
from pipeline.evaluation.metrics import likelihood
from pipeline.judges.panel import Opinion

SETTINGS = Settings(
    samples=40, real_images=96, likelihood_images=50, importance_samples=2000, metrics=("frechet",), seed=0
)


class Linear(GenerativeModel):
    """x = z b + s e with one latent: everything about it is known in closed form. Its posterior is not quite exact."""

    pixels = "unit"
    conditional = True
    latent = 1
    comparable = True
    s = 0.5

    def __init__(self) -> None:
        super().__init__()
        self.b = torch.linspace(-1, 1, 16)

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.randn(count, 1, generator=generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        """The label's number in the first pixel, so that a test sees what was asked for."""
        images = (latents * self.b).view(-1, 1, 4, 4)
        images[:, 0, 0, 0] = labels.argmax(1) / 10
        return images

    def encode(self, images: Tensor, labels: Tensor) -> Posterior:
        precision = 1 + self.b.square().sum() / self.s**2
        mean = images.flatten(1) @ self.b / self.s**2 / precision
        return Posterior(mean[:, None] * 0.9, (2.0 / precision).log().expand(len(images), 1))

    def reconstruction(self, images: Tensor, latents: Tensor, labels: Tensor) -> Tensor:
        normal = torch.distributions.Normal(latents * self.b, self.s)
        return -normal.log_prob(images.flatten(1)).sum(1)

    def log_likelihood(self, images: Tensor) -> Tensor:
        covariance = torch.outer(self.b, self.b) + self.s**2 * torch.eye(16)
        return torch.distributions.MultivariateNormal(torch.zeros(16), covariance).log_prob(images.flatten(1))


@pytest.fixture(scope="module")
def test() -> Judged:
    noise = Generator().manual_seed(0)
    images = torch.rand(96, 1, 4, 4, generator=noise)
    labels = torch.nn.functional.one_hot(torch.arange(96) % 10, 10).to(torch.uint8)
    return Judged(images, torch.rand(96, 3), torch.rand(96, 10), labels, torch.arange(96))


def test_the_importance_weighted_likelihood_is_the_known_one(test: Judged) -> None:
    model = Linear()
    assert isinstance(model, LikelihoodModel)
    found, rebuilt = collect.likelihoods(model, test, SETTINGS, Generator().manual_seed(1))
    truth = model.log_likelihood(test.images[:50]).mean().item()
    assert found.log_weights.shape == (50, 2000)
    assert likelihood.importance_nll(found.log_weights) == pytest.approx(-truth, abs=0.01)
    # a posterior of twice the variance leaves the ELBO below by (2 - 1 - log 2) / 2, and its wrong mean by some more
    elbo = found.log_weights.mean().item()
    assert elbo < truth - 0.15
    assert -(found.reconstruction + found.kl)[:50].mean().item() == pytest.approx(elbo, abs=0.5)
    assert found.posterior_means.shape == (96, 1)
    assert rebuilt.shape == test.images.shape
    assert rebuilt.min() >= 0


def test_labels_asked_for_are_drawn_as_the_test_images_are_and_obeyed(test: Judged) -> None:
    found = collect.evidence(Linear(), pixel("classes"), test, test, SETTINGS, Generator().manual_seed(0))
    assert found.fake.images.shape == (40, 1, 4, 4)
    asked = found.fake.labels.argmax(1)
    torch.testing.assert_close(found.fake.images[:, 0, 0, 0], asked / 10)
    assert len(set(asked.tolist())) > 5
    again = collect.evidence(Linear(), pixel("classes"), test, test, SETTINGS, Generator().manual_seed(0))
    assert torch.equal(found.fake.features, again.fake.features)
    assert found.fake.recognised is not None
    torch.testing.assert_close(found.fake.recognised + 0.4, found.fake.logits)  # each in its own column


class Pixel:
    """A panel that reads attribute k off pixel k: it holds where the pixel is brighter than one half, and is recognised
    where it is brighter than nine tenths.
    """

    def __init__(self, kind: Kind = "attributes") -> None:
        self.kind = kind

    def name(self, images: Tensor) -> tuple[Tensor]:
        return (images.flatten(1) - 0.5,)

    def look(self, images: Tensor) -> Opinion:
        pixels = images.flatten(1)
        return Opinion(pixels - 0.5, pixels, pixels - 0.9, pixels)


def pixel(kind: Kind = "attributes") -> Any:
    """In the place of a `Panel`."""
    return Pixel(kind)


class Face(GenerativeModel):
    """Paints attribute k at pixel k, but attribute 3 wherever its latent is positive, and rebuilds images darker."""

    pixels = "unit"
    conditional = True
    latent = 1
    codes = 2

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.randn(count, 1, generator=generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        painted = labels.clone()
        painted[:, 3] = (latents[:, 0] > 0).float()
        return painted.view(-1, 1, 2, 2)

    def code(self, images: Tensor, labels: Tensor) -> Tensor:
        return images.flatten(1).sum(1, keepdim=True)

    def coded(self, latents: Tensor, codes: Tensor) -> Tensor:
        return latents.abs() * (2 * codes[:, :1] - 1)  # the code decides the sign

    def recognise(self, images: Tensor) -> Tensor:
        seen = images[:, 0, 1, 1:]
        return torch.cat([seen, 1 - seen], 1).log()


def _people() -> Tensor:
    """Attributes 0 and 1 exclude each other; 2 and 3 are independent."""
    combined = torch.cartesian_prod(torch.arange(3), torch.arange(2), torch.arange(2))
    return torch.stack([combined[:, 0] == 0, combined[:, 0] == 1, combined[:, 1] == 0, combined[:, 2] == 0], 1).to(
        torch.uint8
    )


def test_flips_ask_for_one_attribute_more_of_the_same_latent() -> None:
    found = collect.flips(Face(), pixel(), _people(), 30, Generator().manual_seed(0))
    assert found.without.shape == found.asked.shape == (4, 30, 4)
    assert found.here.shape == found.elsewhere.shape == (30, 4)
    without, asked = found.without > 0, found.asked > 0
    for k in range(3):  # what the model obeys
        assert not without[k, :, k].any()
        assert asked[k, :, k].all()
        others = [j for j in range(4) if j != k]
        assert torch.equal(without[k][:, others], asked[k][:, others])
    assert not asked[0, :, 1].any()  # they exclude each other
    assert torch.equal(without[3], asked[3])  # of the latent alone
    assert torch.equal(without[3, :, 3], without[0, :, 3])  # the same latents throughout
    assert torch.equal(found.here[:, :3], found.elsewhere[:, :3])
    assert not torch.equal(found.here[:, 3], found.elsewhere[:, 3])


def test_codes_are_judged_one_after_the_other_with_the_same_latents() -> None:
    found = collect.codes(Face(), pixel(), 4, 10, Generator().manual_seed(0))
    assert found.features.shape == (2, 10, 4)
    assert (found.logits[0, :, 3] > 0).all()
    assert not (found.logits[1, :, 3] > 0).any()
    assert not (found.logits[:, :, :3] > 0).any()  # asked for no label
    assert found.recognised.argmax(2).tolist() == [[0] * 10, [1] * 10]
    assert found.mixed.shape == (1, 10, 2)  # mixed evenly, the two signs cancel
    assert found.mixed.argmax(2).tolist() == [[1] * 10]


def test_an_encoder_without_a_posterior_rebuilds_the_test_images() -> None:
    images, labels = torch.rand(5, 1, 2, 2), _people()[:5]
    shown = Judged(images, images.flatten(1), images.flatten(1), labels, torch.arange(5))
    rebuilt = collect.rebuild(Face(), shown, torch.device("cpu"))
    model = Face()
    assert torch.equal(rebuilt, model.generate(model.code(images, labels.float()), labels.float()))
    found = collect.evidence(Face(), pixel(), shown, shown, SETTINGS, Generator().manual_seed(0))
    assert found.likelihoods is None
    assert found.reconstructed is not None
    assert torch.equal(found.reconstructed, rebuilt)


def test_the_work_told_is_the_work_planned(test: Judged) -> None:
    """Of a model with a likelihood, and of one of attributes with a code, an encoder and lists of label sets."""
    linear, done = Linear(), list[int]()
    collect.evidence(linear, pixel("classes"), test, test, SETTINGS, Generator().manual_seed(0), done.append)
    assert sum(done) == collect.planned(linear, test, 0, "classes", SETTINGS)

    face, told, noise = Face(), list[int](), Generator().manual_seed(0)
    images, labels = torch.rand(12, 1, 2, 2), _people()
    shown = Judged(images, images.flatten(1), images.flatten(1), labels)
    settings = SETTINGS.model_copy(update={"pairs": 70, "draws": 3})
    collect.evidence(face, pixel(), shown, shown, settings, noise, told.append)
    collect.flips(face, pixel(), labels, settings.pairs, noise, told.append)
    collect.codes(face, pixel(), 4, settings.pairs, noise, told.append)
    collect.answers(face, pixel(), labels[:5], set(), settings.draws, noise, told.append)
    assert sum(told) == collect.planned(face, shown, 5, "attributes", settings)


def test_more_images_at_once_are_the_same_numbers(test: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a GPU takes: the draws of the latents do not depend on it."""
    few = collect.likelihoods(Linear(), test, SETTINGS, Generator().manual_seed(1))[0]
    monkeypatch.setattr(collect, "at_once", lambda device, most: most)
    many = collect.likelihoods(Linear(), test, SETTINGS, Generator().manual_seed(1))[0]
    for name in ("reconstruction", "kl", "log_weights", "posterior_means"):
        torch.testing.assert_close(getattr(few, name), getattr(many, name))
