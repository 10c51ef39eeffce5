"""How probable held-out images are under a likelihood model, in nats per image."""

import math
from collections.abc import Mapping
from typing import Final

from torch import Tensor

from pipeline.evaluation.evidence import Evidence

_OF_A_MODEL: Final = {"elbo": "higher", "reconstruction": "lower", "nll": "lower"}
DENSITY: Final = "density_"  # before the name of a number in nats of a density
BETTER: Final[Mapping[str, str]] = {
    **_OF_A_MODEL,
    **{DENSITY + name: better for name, better in _OF_A_MODEL.items()},
    "kl": "neither",  # how much of the code is used, neither good nor bad by itself
}
SCALE: Final[Mapping[str, str]] = {name: "log" if name == "kl" else "plain" for name in BETTER}


def elbo(reconstruction: Tensor, kl: Tensor) -> float:
    """The evidence lower bound, E[log p(x | z)] - KL(q(z | x) || p(z)): usually negative, and never above log p(x).

    reconstruction (N,): -log p(x | z). kl (N,). All in nats per image. Kingma and Welling 2014, eq. (3).
    """
    return -float((reconstruction.double() + kl.double()).mean())


def importance_nll(log_weights: Tensor) -> float:
    """An upper bound of -log p(x) in nats per image, the tighter the more draws; with one draw, minus the ELBO.

    log_weights (M, S): log p(x, z_s) - log q(z_s | x), S draws for each of M images. Burda et al. 2016, eq. (8).
    """
    draws = log_weights.shape[1]
    # -mean_m log (1/S sum_s exp w_ms)
    return -float((log_weights.double().logsumexp(1) - math.log(draws)).mean())


def measure(evidence: Evidence) -> dict[str, float]:
    """Means over the held-out images: elbo, reconstruction, kl, and nll (over the images that have log_weights).

    Of a Gaussian likelihood the first two and the last are called density_elbo, density_reconstruction and density_nll:
    nats of a density of pixels in [-1, 1], which may have either sign and compare only between models of one sigma. A
    column that mixes them with a Bernoulli's would invite a comparison that means nothing. kl is in the same unit for
    all. Empty for a model without likelihood.
    """
    found = evidence.likelihoods
    if found is None:
        return {}
    prefix = "" if found.comparable else DENSITY
    return {
        "kl": float(found.kl.double().mean()),
        f"{prefix}elbo": elbo(found.reconstruction, found.kl),
        f"{prefix}reconstruction": float(found.reconstruction.double().mean()),
        f"{prefix}nll": importance_nll(found.log_weights),
    }
