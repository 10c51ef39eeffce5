"""How probable held-out images are under a likelihood model, in nats per image."""

import math
from collections.abc import Mapping
from typing import Final

from torch import Tensor

from pipeline.evidence import Evidence

# kl is how much of the code is used, neither good nor bad by itself.
BETTER: Final[Mapping[str, str]] = {"elbo": "higher", "reconstruction": "lower", "kl": "neither", "nll": "lower"}


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

    Only kl where the nats are not a Bernoulli's: a density's nats depend on the unit of the pixels, and a column that
    mixes them with the others' would invite a comparison that means nothing. Empty for a model without likelihood.
    """
    found = evidence.likelihoods
    if found is None:
        return {}
    values = {"kl": float(found.kl.double().mean())}
    if found.comparable:
        values["elbo"] = elbo(found.reconstruction, found.kl)
        values["reconstruction"] = float(found.reconstruction.double().mean())
        values["nll"] = importance_nll(found.log_weights)
    return values
