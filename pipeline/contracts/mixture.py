"""A mixture of Gaussians fitted to the latents of training images, for a decoder that N(0, I) does not suit.

Ex-post density estimation (Ghosh et al. 2020): what an encoder makes of images seldom fills the prior evenly, and a
decoder has learned nothing of the gaps.
"""

import warnings

import torch
from torch import Generator, Tensor, nn

from pipeline.contracts.model import standard_normal

AXES = 32  # at most: beyond them no more was seen in images, and a covariance takes the square of their number


class Mixture(nn.Module):
    """K Gaussians in the A first principal axes of latents (N, Z); what lies beyond these axes stays at its mean.

    mean: (Z,). axes: (Z, A), orthonormal. shares: (K,). centres: (K, A), about the mean. roots: (K, A, A), R with
    R R^T the covariance of each. Unfitted, it is N(0, I) of its axes.
    """

    mean: Tensor
    axes: Tensor
    shares: Tensor
    centres: Tensor
    roots: Tensor

    def __init__(self, latent: int, components: int) -> None:
        super().__init__()
        axes = min(latent, AXES)
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("axes", torch.eye(latent, axes))
        self.register_buffer("shares", torch.full((components,), 1 / components))
        self.register_buffer("centres", torch.zeros(components, axes))
        self.register_buffer("roots", torch.eye(axes).repeat(components, 1, 1))

    @property
    def words(self) -> str:
        """What it draws, see `GenerativeModel.latents`."""
        return f"latents from {len(self.shares)} Gaussians fitted to the training images'"

    def fit(self, latents: Tensor) -> None:
        """By expectation maximisation, in float64 on the CPU; with fewer images than Gaussians some stay unused."""
        from sklearn.mixture import GaussianMixture  # slow, and what draws does without

        latents = latents.cpu().double()
        mean = latents.mean(0)
        variances, axes = torch.linalg.eigh(torch.atleast_2d(latents.T.cov(correction=0)))
        axes = axes.flip(1)[:, : self.axes.shape[1]]  # by variance, descending
        unit = variances[-1].clamp_min(torch.finfo(torch.float64).tiny).sqrt()
        used = min(len(self.shares), len(latents))
        fitted = GaussianMixture(used, init_params="k-means++", random_state=0)  # "kmeans" sums in any order
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where it stops after its hundred steps it is good enough to draw from
            fitted.fit(((latents - mean) @ axes / unit).numpy())
        self.mean.copy_(mean)
        self.axes.copy_(axes)
        self.shares.zero_()[:used] = torch.from_numpy(fitted.weights_)
        self.centres[:used] = torch.from_numpy(fitted.means_) * unit
        self.roots[:used] = torch.linalg.cholesky(torch.from_numpy(fitted.covariances_)) * unit

    def draw(self, count: int, generator: Generator) -> Tensor:
        """(count, Z), on the generator's device."""
        which = torch.multinomial(self.shares, count, replacement=True, generator=generator)
        noise = standard_normal(count, self.centres.shape[1], generator)
        return self.mean + (self.centres[which] + (self.roots[which] @ noise[:, :, None])[:, :, 0]) @ self.axes.T
