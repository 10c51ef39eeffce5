"""Generative adversarial network (Goodfellow et al. 2014), conditional if asked for (Mirza & Osindero 2014).

The discriminator D tells real images from the generator G's; G learns what D takes for real. Losses:
- `bce`, with D(x) = sigmoid(d(x)): D descends -log D(x) - log(1 - D(G(z))); G descends -log D(G(z)), which does not
  saturate.
- `hinge` (Lim & Ye 2017): D descends max(0, 1 - d(x)) + max(0, 1 + d(G(z))); G descends -d(G(z)).
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

OURS = {"auxiliary": "an auxiliary label loss"}  # what departs from the reports


class Settings(Strict):
    """latent: Z. conditional: labels join both networks' inputs; a fake has its batch's own labels. loss: see above.

    halved: the discriminator descends half its loss. generator_steps: the generator's updates an iteration.
    auxiliary: weight of a label loss in G's, the cross-entropy, summed over labels, of a classifier that is a player of
    its own and learns on real images (after Odena et al. 2017, where it shares layers with D); 0 leaves both out.
    rejection: weight of that classifier's second term, by which it learns to see no label in fakes (after the class for
    fakes of Salimans et al. 2016): without it, the generator may paint patterns that only fool the classifier.
    moving_average: decay of the average of the generator's weights, by update. drawn_by: which of the two draws.
    """

    latent: Size
    conditional: bool
    loss: Literal["bce", "hinge"]
    halved: bool = False
    generator_steps: int = Field(default=1, ge=1, le=1000)
    auxiliary: float = Field(default=0.0, ge=0)
    rejection: float = Field(default=0.0, ge=0)
    moving_average: float = Field(ge=0, lt=1)
    drawn_by: Literal["generator", "average"]


def real_loss(scores: Tensor, kind: str) -> Tensor:
    """The discriminator's, mean over the scores d(x) (B,) of real images."""
    if kind == "bce":
        return F.softplus(-scores).mean()  # -log D(x)
    return F.relu(1 - scores).mean()


def fake_loss(scores: Tensor, kind: str) -> Tensor:
    """The discriminator's, mean over the scores d(G(z)) (B,) of fakes."""
    if kind == "bce":
        return F.softplus(scores).mean()  # -log(1 - D(G(z)))
    return F.relu(1 + scores).mean()


def generator_loss(scores: Tensor, kind: str) -> Tensor:
    """The generator's, mean over the scores d(G(z)) (B,) of its fakes."""
    if kind == "bce":
        return F.softplus(-scores).mean()  # -log D(G(z))
    return -scores.mean()


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of logits and labels (B, K): nats per image, summed over labels."""
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="sum") / len(logits)


class Gan(GenerativeModel):
    """Generator and discriminator are one network's two directions; images in [-1, 1]. See `Settings`."""

    def __init__(self, settings: Settings, network: Network, classes: int) -> None:
        super().__init__()
        self.settings = settings
        self.latent, self.conditional, self.pixels = settings.latent, settings.conditional, "symmetric"
        self.drawn_by: Drawer = settings.drawn_by
        condition = classes if settings.conditional else 0
        self.generator = Averaged(network.decoder(settings.latent, condition), settings.moving_average)
        self.discriminator = network.encoder(1, condition)
        self.classifier = network.classifier(classes) if settings.auxiliary else None
        self.resting = () if settings.auxiliary else ("classifier",)

    def players(self) -> Sequence[Player]:
        classifier = (Player("classifier", (self.classifier,), self.classify),) if self.classifier is not None else ()
        return (
            Player(
                "discriminator",
                (self.discriminator,),
                self.discriminate,
                observed=frozenset({"real_accuracy", "fake_accuracy"}),
            ),
            *classifier,
            Player(
                "generator",
                (self.generator.current,),
                self.deceive,
                repeat=self.settings.generator_steps,
                after=self.generator.follow,
            ),
        )

    def discriminate(self, batch: Batch) -> dict[str, Tensor]:
        kind, share = self.settings.loss, 0.5 if self.settings.halved else 1.0
        fakes = self._fakes(batch).detach()
        real, fake = self._score(batch.images, batch.labels), self._score(fakes, batch.labels)
        return {
            "real": share * real_loss(real, kind),
            "fake": share * fake_loss(fake, kind),
            "real_accuracy": (real > 0).float().mean(),
            "fake_accuracy": (fake < 0).float().mean(),
        }

    def classify(self, batch: Batch) -> dict[str, Tensor]:
        assert self.classifier is not None
        terms = {"label": label_loss(self.classifier(batch.images, batch.labels).float(), batch.labels)}
        if self.settings.rejection:
            fakes = self._fakes(batch).detach()
            nothing = label_loss(self.classifier(fakes, batch.labels).float(), torch.zeros_like(batch.labels))
            terms["fake"] = self.settings.rejection * nothing
        return terms

    def deceive(self, batch: Batch) -> dict[str, Tensor]:
        fakes = self._fakes(batch)
        batch.drawn.clear()  # this update makes them old
        terms = {"adversarial": generator_loss(self._score(fakes, batch.labels), self.settings.loss)}
        if self.classifier is not None:
            logits = self.classifier(fakes, batch.labels).float()
            terms["label"] = self.settings.auxiliary * label_loss(logits, batch.labels)
        return terms

    def _fakes(self, batch: Batch) -> Tensor:
        """The iteration's fakes (B, C, H, W), which all players look at until the generator moves."""
        if "fakes" not in batch.drawn:
            latents = self.prior(len(batch.labels), batch.generator)
            batch.drawn["fakes"] = torch.tanh(self.generator.current(latents, batch.labels))
        return batch.drawn["fakes"]

    def _score(self, images: Tensor, labels: Tensor) -> Tensor:
        """d(x), (B,), float32 also where autocast made it bfloat16."""
        return self.discriminator(images, labels).float()[:, 0]

    def prior(self, count: int, generator: Generator) -> Tensor:
        return standard_normal(count, self.latent, generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generator.draw(self.drawn_by, latents, labels)

    def generate_by(self, drawer: Drawer, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generator.draw(drawer, latents, labels)


def build(settings: Settings, network: Network, classes: int) -> GenerativeModel:
    return Gan(settings, network, classes)
