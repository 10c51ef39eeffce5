"""Auxiliary classifier GAN (Odena, Olah & Shlens 2017), for labels of which several may hold.

One trunk feeds two heads: the discriminator's, D(x) = sigmoid(d(x)), and the classifier's, P(c | x). D descends
-log D(x) - log(1 - D(G(z, c))), the classifier -log P(c | x) on real images and on fakes (eq. 3), and the generator G
-log D(G(z, c)) - log P(c | G(z, c)).

That is loss `bce`. With `hinge` (Lim & Ye 2017) D descends max(0, 1 - d(x)) + max(0, 1 + d(G(z, c))), and G has
-d(G(z, c)) in place of -log D(G(z, c)).
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Generator, Tensor

from pipeline.contracts.model import Averaged, Batch, Drawer, GenerativeModel, Player, standard_normal
from pipeline.contracts.network import Network
from pipeline.ground.params import Size, Strict

OURS = {"loss": "hinge losses"}  # what departs from report D


class Settings(Strict):
    """latent: Z. loss: see above. auxiliary: weight of the label loss in G's. label_fakes: weight of the classifier's
    loss on fakes, of the labels that G was asked for; at 0 it learns its labels from real images alone, and G cannot
    agree with it on others. moving_average: decay of the average of G's weights, by update. drawn_by: which of the two
    draws.
    """

    latent: Size
    loss: Literal["bce", "hinge"] = "bce"
    auxiliary: float = Field(default=1.0, gt=0)
    label_fakes: float = Field(default=1.0, ge=0)
    moving_average: float = Field(ge=0, lt=1)
    drawn_by: Literal["generator", "average"]


def real_loss(scores: Tensor, kind: str) -> Tensor:
    """The discriminator's, mean over the scores d(x) (B,) of real images."""
    if kind == "bce":
        return F.softplus(-scores).mean()  # -log D(x)
    return F.relu(1 - scores).mean()


def fake_loss(scores: Tensor, kind: str) -> Tensor:
    """The discriminator's, mean over the scores d(G(z, c)) (B,) of fakes."""
    if kind == "bce":
        return F.softplus(scores).mean()  # -log(1 - D(G(z, c)))
    return F.relu(1 + scores).mean()


def generator_loss(scores: Tensor, kind: str) -> Tensor:
    """The generator's, mean over the scores d(G(z, c)) (B,) of its fakes."""
    if kind == "bce":
        return F.softplus(-scores).mean()  # -log D(G(z, c))
    return -scores.mean()


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """-log P(c | x), labels being independent: nats per image, summed over labels; both (B, K)."""
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(logits)


def right(logits: Tensor, labels: Tensor) -> Tensor:
    """The share of answers, yes (a logit above 0) or no, that are right; both (B, K)."""
    return ((logits > 0) == (labels > 0)).float().mean()


class Acgan(GenerativeModel):
    """Images in [-1, 1]; the labels join the latent. See `Settings`."""

    def __init__(self, settings: Settings, network: Network, classes: int) -> None:
        super().__init__()
        self.settings = settings
        self.latent, self.conditional, self.pixels = settings.latent, True, "symmetric"
        self.drawn_by: Drawer = settings.drawn_by
        self.generator = Averaged(network.decoder(settings.latent, classes), settings.moving_average)
        self.trunk = network.trunk()
        self.real = network.head(1)
        self.labels = network.head(classes)

    def players(self) -> Sequence[Player]:
        watched = frozenset({"real_accuracy", "fake_accuracy"})
        unlearned = frozenset() if self.settings.label_fakes else frozenset({"fake"})
        return (
            Player("discriminator", (self.trunk, self.real), self.discriminate, observed=watched),
            Player("classifier", (self.trunk, self.labels), self.classify, observed=watched | unlearned),
            Player("generator", (self.generator.current,), self.deceive, after=self.generator.follow),
        )

    def discriminate(self, batch: Batch) -> dict[str, Tensor]:
        fakes = self._fakes(batch).detach()
        real, fake = (self.real(self.trunk(images)).float()[:, 0] for images in (batch.images, fakes))
        return {
            "real": real_loss(real, self.settings.loss),
            "fake": fake_loss(fake, self.settings.loss),
            "real_accuracy": (real > 0).float().mean(),
            "fake_accuracy": (fake < 0).float().mean(),
        }

    def classify(self, batch: Batch) -> dict[str, Tensor]:
        fakes = self._fakes(batch).detach()
        real, fake = (self.labels(self.trunk(images)).float() for images in (batch.images, fakes))
        return {
            "real": label_loss(real, batch.labels),
            "fake": (self.settings.label_fakes or 1.0) * label_loss(fake, batch.labels),  # at 0 it is recorded only
            "real_accuracy": right(real, batch.labels),
            "fake_accuracy": right(fake, batch.labels),
        }

    def deceive(self, batch: Batch) -> dict[str, Tensor]:
        features = self.trunk(self._fakes(batch))
        batch.drawn.clear()  # this update makes them old
        return {
            "adversarial": generator_loss(self.real(features).float()[:, 0], self.settings.loss),
            "label": self.settings.auxiliary * label_loss(self.labels(features).float(), batch.labels),
        }

    def _fakes(self, batch: Batch) -> Tensor:
        """The iteration's fakes (B, C, H, W), which all players look at until the generator moves."""
        if "fakes" not in batch.drawn:
            latents = self.prior(len(batch.labels), batch.generator)
            batch.drawn["fakes"] = torch.tanh(self.generator.current(latents, batch.labels))
        return batch.drawn["fakes"]

    def prior(self, count: int, generator: Generator) -> Tensor:
        return standard_normal(count, self.latent, generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generator.draw(self.drawn_by, latents, labels)

    def generate_by(self, drawer: Drawer, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generator.draw(drawer, latents, labels)


def build(settings: Settings, network: Network, classes: int) -> GenerativeModel:
    return Acgan(settings, network, classes)
