"""Wasserstein GAN (Arjovsky et al. 2017), by weight clipping or with a gradient penalty (Gulrajani et al. 2017).

The critic f, kept 1-Lipschitz, descends E f(G(z)) - E f(x), minus an estimate of the Wasserstein distance; the
generator G descends -E f(G(z)).
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from pipeline.contracts.model import Averaged, Batch, Drawer, GenerativeModel, Player, nothing, standard_normal
from pipeline.contracts.network import Network
from pipeline.ground.params import Size, Strict


class Settings(Strict):
    """latent: Z. conditional: labels join both networks' inputs. critic_steps: the critic's updates an iteration, each
    with a batch of its own. constraint: what keeps the critic Lipschitz: `clip`, its weights within +-strength, or
    `penalty`, (|gradient| - 1)^2 times strength. moving_average: decay of the average of the generator's weights, by
    update. drawn_by: which of the two draws the samples.
    """

    latent: Size
    conditional: bool
    critic_steps: int = Field(ge=1, le=1000)
    constraint: Literal["clip", "penalty"]
    strength: float = Field(gt=0)
    moving_average: float = Field(ge=0, lt=1)
    drawn_by: Literal["generator", "average"]


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """E (|grad f(x)| - 1)^2 at x = mix * real + (1 - mix) * fake: a scalar. Gulrajani et al. (2017), eq. 3.

    real, fake: (B, ...); mix: (B, 1, ...) in [0, 1]; critic: from (B, ...) to (B,). An image's norm is over all of its
    values. The result can be differentiated for the critic's weights; nothing flows back through real or fake.
    """
    points = (mix * real.detach() + (1 - mix) * fake.detach()).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


class Wgan(GenerativeModel):
    """Generator and critic are one network's two directions; images in [-1, 1]. See `Settings`."""

    def __init__(self, settings: Settings, network: Network, classes: int) -> None:
        super().__init__()
        self.settings = settings
        self.latent, self.conditional, self.pixels = settings.latent, settings.conditional, "symmetric"
        self.drawn_by: Drawer = settings.drawn_by
        condition = classes if settings.conditional else 0
        self.generator = Averaged(network.decoder(settings.latent, condition), settings.moving_average)
        self.critic = network.encoder(1, condition)
        if settings.constraint == "clip":
            self.clip()

    def players(self) -> Sequence[Player]:
        steps, clip = self.settings.critic_steps, self.clip if self.settings.constraint == "clip" else nothing
        return (
            Player("critic", (self.critic,), self.criticise, repeat=steps, fresh=True, after=clip),
            Player("generator", (self.generator.current,), self.deceive, after=self.generator.follow),
        )

    @torch.no_grad()
    def clip(self) -> None:
        """All of the critic's weights into [-strength, strength]. Arjovsky et al. (2017), algorithm 1."""
        for weight in self.critic.parameters():
            weight.clamp_(-self.settings.strength, self.settings.strength)

    def criticise(self, batch: Batch) -> dict[str, Tensor]:
        with torch.no_grad():
            fakes = self._fakes(batch)
        terms = {
            "real": -self._score(batch.images, batch.labels).mean(),
            "fake": self._score(fakes, batch.labels).mean(),
        }
        if self.settings.constraint == "penalty":
            sizes = (len(fakes), *[1] * (fakes.ndim - 1))
            mix = torch.rand(sizes, generator=batch.generator, device=fakes.device)
            penalty = gradient_penalty(lambda points: self._score(points, batch.labels), batch.images, fakes, mix)
            terms["penalty"] = self.settings.strength * penalty
        return terms

    def deceive(self, batch: Batch) -> dict[str, Tensor]:
        return {"adversarial": -self._score(self._fakes(batch), batch.labels).mean()}

    def _fakes(self, batch: Batch) -> Tensor:
        return torch.tanh(self.generator.current(self.prior(len(batch.labels), batch.generator), batch.labels))

    def _score(self, images: Tensor, labels: Tensor) -> Tensor:
        return self.critic(images, labels).float()[:, 0]

    def prior(self, count: int, generator: Generator) -> Tensor:
        return standard_normal(count, self.latent, generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generator.draw(self.drawn_by, latents, labels)

    def generate_by(self, drawer: Drawer, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generator.draw(drawer, latents, labels)


def build(settings: Settings, network: Network, classes: int) -> GenerativeModel:
    return Wgan(settings, network, classes)
