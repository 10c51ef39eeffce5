"""Variational autoencoder (Kingma & Welling 2014) and conditional VAE (Sohn et al. 2015).

-ELBO = E_q(z|x)[-log p(x | z)] + KL(q(z | x) || N(0, I)), in nats per image.

Trained with the KL in another weight, beta (Higgins et al. 2017), or one that rises from 0 (Bowman et al. 2016), it is
the same model, and its likelihood is measured as it is.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from pipeline.contracts.mixture import Mixture
from pipeline.contracts.model import Batch, GenerativeModel, Player, Posterior, standard_normal
from pipeline.contracts.network import Network
from pipeline.ground.errors import InputError
from pipeline.ground.params import LARGEST, MOST, Size, Strict

OURS = {"mixture": "fitted Gaussians", "beta": "a weight of the KL"}  # what departs from the reports


class Settings(Strict):
    """latent: Z. conditional: labels join both networks' inputs. likelihood: `bernoulli` (images in [0, 1], sigmoid) or
    `gaussian` (images normalised to [-1, 1], tanh); sigma: the Gaussian's standard deviation, in units of [-1, 1].

    beta: weight of the KL in training; beta_warmup: updates in which it rises to that, evenly, from 0.
    mixture: Gaussians fitted after training to the latents of training images, from which samples are drawn; 0: they
    are drawn from N(0, I). Likelihoods have N(0, I) for a prior either way, as training has.
    """

    latent: Size
    conditional: bool
    likelihood: Literal["bernoulli", "gaussian"]
    sigma: float = Field(default=0.5, gt=0)
    beta: float = Field(default=1.0, ge=0)
    beta_warmup: int = Field(default=0, ge=0, le=MOST)
    mixture: int = Field(default=0, ge=0, le=LARGEST)


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
    """Encoder and decoder are one network's two directions; see `Settings`.

    updates: how many there were, up to now, (); only where beta warms up.
    """

    updates: Tensor

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
        self.beta, self.beta_warmup = settings.beta, settings.beta_warmup
        self.weighted = self.beta != 1 or self.beta_warmup > 0
        if settings.beta_warmup:  # part of the state, so that a run that was killed goes on with the same weight
            self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.mixture = Mixture(settings.latent, settings.mixture) if settings.mixture else None
        if self.mixture:
            self.latents = self.mixture.words

    def players(self) -> Sequence[Player]:
        modules = (self.encoder, self.decoder)
        observed = frozenset({"kl"} if self.weighted else ())
        return (Player("vae", modules, self.terms, after=self.count, observed=observed),)

    def terms(self, batch: Batch) -> dict[str, Tensor]:
        posterior = self.encode(batch.images, batch.labels)
        latents = posterior.sample(batch.generator)
        reconstruction = self.reconstruction(batch.images, latents, batch.labels).mean()
        kl = posterior.kl().mean()
        if not self.weighted:
            return {"reconstruction": reconstruction, "kl": kl}
        return {"reconstruction": reconstruction, "kl": kl, "weighted_kl": self.weight() * kl}

    def weight(self) -> Tensor | float:
        """Of the KL in the next update's loss; as a tensor where it changes, so that nobody waits for its value."""
        if not self.beta_warmup:
            return self.beta
        return self.beta * (self.updates / self.beta_warmup).clamp(max=1)

    def count(self) -> None:
        """After an update."""
        if self.beta_warmup:
            self.updates.add_(1)

    def settle(self, batches: Iterable[Batch]) -> None:
        """Fits the Gaussians, if any. Raises InputError where a posterior's mean is not finite."""
        if self.mixture:
            codes = torch.cat([self.code(batch.images, batch.labels).cpu() for batch in batches])
            if bad := int((~codes.isfinite()).any(1).sum()):
                raise InputError(f"posterior means of {bad} of {len(codes)} training images are not finite")
            self.mixture.fit(codes)

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
        if self.mixture:
            return self.mixture.draw(count, generator)
        return standard_normal(count, self.latent, generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        outputs = self.decoder(latents, labels).float()
        return torch.sigmoid(outputs) if self.bernoulli else torch.tanh(outputs)


def build(settings: Settings, network: Network, classes: int) -> GenerativeModel:
    return Vae(settings, network, classes)
