"""Variational autoencoder (Kingma & Welling 2014) and conditional VAE (Sohn et al. 2015).

-ELBO = E_q(z|x)[-log p(x | z)] + KL(q(z | x) || N(0, I)), in nats per image.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from pipeline.contracts.model import Batch, GenerativeModel, Player, Posterior, standard_normal
from pipeline.contracts.network import Network
from pipeline.ground.params import Strict


class Settings(Strict):
    """latent: Z. conditional: labels join both networks' inputs. likelihood: `bernoulli` (images in [0, 1], sigmoid) or
    `gaussian` (images normalised to [-1, 1], tanh); sigma: the Gaussian's standard deviation, in units of [-1, 1]."""

    latent: int = Field(ge=1)
    conditional: bool
    likelihood: Literal["bernoulli", "gaussian"]
    sigma: float = Field(default=0.5, gt=0)


class _CrossEntropy(torch.autograd.Function):
    """Cross-entropy of sigmoid(logits) and images, with its short gradient: sigmoid(logits) - images.

    torch's own is slow on a CPU, where log1p is ten times slower than log; where they differ, a pixel's term is below
    1e-7 nats.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, images: Tensor) -> Tensor:
        ctx.save_for_backward(logits, images)
        # max(l, 0) - x l + log(1 + exp(-|l|))
        terms = logits.abs().neg_().exp_().add_(1).log_().add_(logits.clamp(min=0)).addcmul_(images, logits, value=-1)
        return terms.flatten(1).sum(1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        logits, images = ctx.saved_tensors
        (gradient,) = gradients
        return (torch.sigmoid(logits) - images) * gradient.view(-1, *[1] * (logits.ndim - 1)), None


def bernoulli_nll(logits: Tensor, images: Tensor) -> Tensor:
    """-log p(x | z), (B,), nats per image: cross-entropy of images in [0, 1] and sigmoid(logits), summed."""
    nll: Tensor = _CrossEntropy.apply(logits, images)
    return nll


def gaussian_nll(means: Tensor, images: Tensor, sigma: float) -> Tensor:
    """-log N(x; mean, sigma^2), (B,), nats per image, summed over pixels. A density: it may be negative."""
    squares = ((images - means) / sigma).square()
    return (0.5 * squares + math.log(sigma) + 0.5 * math.log(2 * math.pi)).flatten(1).sum(1)


class Vae(GenerativeModel):
    """Encoder and decoder are one network's two directions; see `Settings`."""

    def __init__(self, settings: Settings, network: Network, classes: int) -> None:
        super().__init__()
        self.latent = settings.latent
        self.conditional = settings.conditional
        self.bernoulli = settings.likelihood == "bernoulli"
        self.comparable = self.bernoulli
        self.pixels = "unit" if self.bernoulli else "symmetric"
        self.sigma = settings.sigma
        condition = classes if settings.conditional else 0
        self.encoder = network.encoder(2 * settings.latent, condition)
        self.decoder = network.decoder(settings.latent, condition)

    def players(self) -> Sequence[Player]:
        return (Player("vae", (self.encoder, self.decoder), self.terms),)

    def terms(self, batch: Batch) -> dict[str, Tensor]:
        posterior = self.encode(batch.images, batch.labels)
        latents = posterior.sample(batch.generator)
        return {
            "reconstruction": self.reconstruction(batch.images, latents, batch.labels).mean(),
            "kl": posterior.kl().mean(),
        }

    def encode(self, images: Tensor, labels: Tensor) -> Posterior:
        # exp and sums need float32 also where autocast made the layers' outputs bfloat16
        mean, logvar = self.encoder(images, labels).float().chunk(2, dim=1)
        return Posterior(mean, logvar)

    def code(self, images: Tensor, labels: Tensor) -> Tensor:
        return self.encode(images, labels).mean

    def reconstruction(self, images: Tensor, latents: Tensor, labels: Tensor) -> Tensor:
        outputs = self.decoder(latents, labels).float()
        if self.bernoulli:
            return bernoulli_nll(outputs, images)
        return gaussian_nll(torch.tanh(outputs), images, self.sigma)

    def prior(self, count: int, generator: Generator) -> Tensor:
        return standard_normal(count, self.latent, generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        outputs = self.decoder(latents, labels).float()
        return torch.sigmoid(outputs) if self.bernoulli else torch.tanh(outputs)


def build(settings: Settings, network: Network, classes: int) -> GenerativeModel:
    return Vae(settings, network, classes)
