"""The Fréchet distance between real and generated features, each taken for a Gaussian."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.needs import at_least, different

BETTER: Final[Mapping[str, str]] = {"frechet_distance": "lower"}
SCALE: Final[Mapping[str, str]] = {"frechet_distance": "log"}
LEAST: Final = 2  # test images: a covariance is told from them


class Gaussian(NamedTuple):
    """mean (D,) and covariance (D, D), float64, of any rank; root: the symmetric root of the covariance."""

    mean: Tensor
    covariance: Tensor
    root: Tensor


def _root(covariance: Tensor) -> Tensor:
    """The symmetric square root. A rank-deficient matrix has eigenvalues that rounding puts just below zero."""
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root


def gaussian(mean: Tensor, covariance: Tensor) -> Gaussian:
    return Gaussian(mean, covariance, _root(covariance))


def fitted(features: Tensor) -> Gaussian:
    """Mean and unbiased covariance of features (N, D), N at least 2: fewer raise InputError. Of no more than D the
    covariance has not its full rank, and is used as it is.
    """
    at_least(2, len(features), "images to tell a covariance from")
    features = features.double()
    mean = features.mean(0)
    centred = features - mean
    return gaussian(mean, centred.T @ centred / (len(features) - 1))


def gaussian_distance(a: Gaussian, b: Gaussian) -> float:
    """|mean_a - mean_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2): the squared distance, in squared feature units.

    A and B are the covariances. Dowson and Landau 1982; Heusel et al. 2017, eq. (6).
    """
    # A^1/2 B A^1/2 = R R^T with R = A^1/2 B^1/2, so the trace of its root is the sum of R's singular values.
    # Taking them of R, instead of roots of eigenvalues of R R^T, keeps the zero ones of a low rank at zero.
    trace_root = torch.linalg.svdvals(a.root @ b.root).sum()
    trace = a.covariance.trace() + b.covariance.trace() - 2 * trace_root
    return float(((a.mean - b.mean).square().sum() + trace).clamp_min(0))


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """The distance between the Gaussians fitted to real (N, D) and fake (M, D) features, N and M at least 2.

    It is biased upwards, the more the fewer the images: compare only numbers from equally many. The features are our
    own referee's, so this is not an FID.
    """
    return gaussian_distance(fitted(real), fitted(fake))


def measure(evidence: Evidence) -> dict[str, float]:
    """frechet_distance of the samples from the test images. Samples that are all alike have a distance; test images
    that are raise InputError.
    """
    at_least(2, len(evidence.test.features), "test images")
    different(evidence.test.features, "test images")
    return {"frechet_distance": frechet_distance(evidence.test.features, evidence.fake.features)}
