"""Autoencoder (Rumelhart, Hinton & Williams 1986): the code that rebuilds images with the least squared error.

It has no prior. To sample, it draws its codes from a Gaussian, or several, fitted to those of the training images.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from pipeline.contracts.mixture import Mixture
from pipeline.contracts.model import Batch, GenerativeModel, Player, standard_normal
from pipeline.contracts.network import Network
from pipeline.ground.errors import InputError
from pipeline.ground.params import Size, Strict


class Settings(Strict):
    """latent: Z. mixture: Gaussians fitted to the training images' codes, from which samples are drawn."""

    latent: Size
    mixture: Size = 1


class Autoencoder(GenerativeModel):
    """Encoder and decoder are one network's two directions; images in [-1, 1].

    mean (Z,) and root (Z, Z), the covariance's symmetric square root, are the fitted Gaussian's, where there is one.
    """

    latents = "latents from a Gaussian fitted to the training images'"
    mean: Tensor
    root: Tensor

    def __init__(self, settings: Settings, network: Network) -> None:
        super().__init__()
        self.latent, self.conditional, self.pixels = settings.latent, False, "symmetric"
        self.encoder = network.encoder(settings.latent, 0)
        self.decoder = network.decoder(settings.latent, 0)
        self.mixture = Mixture(settings.latent, settings.mixture) if settings.mixture > 1 else None
        if self.mixture:
            self.latents = self.mixture.words
        else:
            self.register_buffer("mean", torch.zeros(settings.latent))
            self.register_buffer("root", torch.eye(settings.latent))

    def players(self) -> Sequence[Player]:
        return (Player("autoencoder", (self.encoder, self.decoder), self.terms),)

    def terms(self, batch: Batch) -> dict[str, Tensor]:
        rebuilt = self.generate(self.code(batch.images, batch.labels), batch.labels)
        return {"reconstruction": F.mse_loss(rebuilt, batch.images)}

    def settle(self, batches: Iterable[Batch]) -> None:
        """Fits the Gaussian; in float64 on the CPU, where it exists. Raises InputError where a code is not finite."""
        codes = torch.cat([self.code(batch.images, batch.labels).cpu() for batch in batches]).double()
        if bad := int((~codes.isfinite()).any(1).sum()):
            raise InputError(f"codes of {bad} of {len(codes)} training images are not finite")
        if self.mixture:
            self.mixture.fit(codes)
            return
        variances, axes = torch.linalg.eigh(torch.atleast_2d(codes.T.cov(correction=0)))
        self.mean.copy_(codes.mean(0))
        self.root.copy_(axes * variances.clamp_min(0).sqrt() @ axes.T)  # below 0 by rounding only

    def code(self, images: Tensor, labels: Tensor) -> Tensor:
        return self.encoder(images, labels).float()

    def prior(self, count: int, generator: Generator) -> Tensor:
        if self.mixture:
            return self.mixture.draw(count, generator)
        return self.mean + standard_normal(count, self.latent, generator) @ self.root

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return torch.tanh(self.decoder(latents, labels).float())


def build(settings: Settings, network: Network, classes: int) -> GenerativeModel:
    return Autoencoder(settings, network)
