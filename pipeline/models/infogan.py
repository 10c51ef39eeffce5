"""InfoGAN (Chen et al. 2016) with one categorical code: images in classes that nobody named.

A latent is noise z and a code c, one of C. One trunk feeds the discriminator's head, D(x) = sigmoid(d(x)), and the
recogniser's, Q(c | x). D descends -log D(x) - log(1 - D(G(z, c))); the recogniser -log Q(c | G(z, c)); the generator
-log D(G(z, c)) - lambda log Q(c | G(z, c)); its second term bounds the mutual information I(c; G(z, c)) (eq. 5).
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Generator, Tensor, nn

from pipeline.contracts.model import Averaged, Batch, Drawer, GenerativeModel, Player, standard_normal
from pipeline.contracts.network import Network
from pipeline.ground.params import LARGEST, Size, Strict


class Settings(Strict):
    """latent: of z. codes: C. embedding: units of a learned embedding through which the code joins z; 0: it joins as it
    is, one-hot. information: lambda. moving_average: decay of the average of G's weights, by update. drawn_by: which of
    the two draws.
    """

    latent: Size
    codes: int = Field(ge=2, le=LARGEST)
    embedding: int = Field(default=0, ge=0, le=LARGEST)
    information: float = Field(default=1.0, gt=0)
    moving_average: float = Field(ge=0, lt=1)
    drawn_by: Literal["generator", "average"]


class CodedGenerator(nn.Module):
    """From latents (B, Z + C), z and then the code's shares, to image logits (B, C, H, W)."""

    def __init__(self, network: Network, settings: Settings) -> None:
        super().__init__()
        self.codes = settings.codes
        self.embedding = nn.Linear(self.codes, settings.embedding, bias=False) if settings.embedding else nn.Identity()
        self.decoder = network.decoder(settings.latent + (settings.embedding or self.codes), 0)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        noise, code = latents[:, : -self.codes], latents[:, -self.codes :]
        return self.decoder(torch.cat([noise, self.embedding(code)], 1), labels)


class Infogan(GenerativeModel):
    """Images in [-1, 1]; a latent (B, Z + C) is noise and code. See `Settings`."""

    def __init__(self, settings: Settings, network: Network) -> None:
        super().__init__()
        self.settings = settings
        self.codes = settings.codes
        self.latent, self.conditional, self.pixels = settings.latent + settings.codes, False, "symmetric"
        self.drawn_by: Drawer = settings.drawn_by
        self.generator = Averaged(CodedGenerator(network, settings), settings.moving_average)
        self.trunk = network.trunk()
        self.real = network.head(1)
        self.recogniser = network.head(settings.codes)

    def players(self) -> Sequence[Player]:
        return (
            Player(
                "discriminator",
                (self.trunk, self.real),
                self.discriminate,
                observed=frozenset({"real_accuracy", "fake_accuracy"}),
            ),
            Player("recogniser", (self.trunk, self.recogniser), self.find, observed=frozenset({"fake_accuracy"})),
            Player("generator", (self.generator.current,), self.deceive, after=self.generator.follow),
        )

    def discriminate(self, batch: Batch) -> dict[str, Tensor]:
        fakes = self._fakes(batch)[0].detach()
        real, fake = (self.real(self.trunk(images)).float()[:, 0] for images in (batch.images, fakes))
        return {
            "real": F.softplus(-real).mean(),  # -log D(x)
            "fake": F.softplus(fake).mean(),  # -log(1 - D(G(z, c)))
            "real_accuracy": (real > 0).float().mean(),
            "fake_accuracy": (fake < 0).float().mean(),
        }

    def find(self, batch: Batch) -> dict[str, Tensor]:
        fakes, code = self._fakes(batch)
        logits = self.recogniser(self.trunk(fakes.detach())).float()
        return {
            "code": F.cross_entropy(logits, code),  # -log Q(c | G(z, c)); the softmax is in it
            "fake_accuracy": (logits.argmax(1) == code).float().mean(),
        }

    def deceive(self, batch: Batch) -> dict[str, Tensor]:
        fakes, code = self._fakes(batch)
        batch.drawn.clear()  # this update makes them old
        features = self.trunk(fakes)
        return {
            "adversarial": F.softplus(-self.real(features).float()).mean(),  # -log D(G(z, c))
            "code": self.settings.information * F.cross_entropy(self.recogniser(features).float(), code),
        }

    def _fakes(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The iteration's fakes (B, C, H, W), which all players look at until the generator moves, and the number of
        each one's code (B,).
        """
        if "fakes" not in batch.drawn:
            latents = self.prior(len(batch.images), batch.generator)
            batch.drawn["codes"] = latents[:, -self.codes :].argmax(1)
            batch.drawn["fakes"] = torch.tanh(self.generator.current(latents, batch.labels))
        return batch.drawn["fakes"], batch.drawn["codes"]

    def prior(self, count: int, generator: Generator) -> Tensor:
        noise = standard_normal(count, self.settings.latent, generator)
        drawn = torch.randint(self.codes, (count,), generator=generator, device=generator.device)
        return torch.cat([noise, F.one_hot(drawn, self.codes).float()], 1)

    def coded(self, latents: Tensor, codes: Tensor) -> Tensor:
        return torch.cat([latents[:, : -self.codes], codes], 1)

    def recognise(self, images: Tensor) -> Tensor:
        return self.recogniser(self.trunk(images)).float().log_softmax(1)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generator.draw(self.drawn_by, latents, labels)

    def generate_by(self, drawer: Drawer, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generator.draw(drawer, latents, labels)


def build(settings: Settings, network: Network, classes: int) -> GenerativeModel:
    return Infogan(settings, network)
