"""How many latent dimensions a likelihood model uses."""

from collections.abc import Mapping
from typing import Final

from torch import Tensor

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.needs import at_least

BETTER: Final[Mapping[str, str]] = {"active_units": "neither"}
SCALE: Final[Mapping[str, str]] = {"active_units": "plain"}
LEAST: Final = 2  # test images: a variance is told from them
THRESHOLD: Final = 0.01  # Burda et al. 2016; the variances fall into two groups far to either side of it


def active_units(posterior_means: Tensor) -> int:
    """Latent dimensions whose posterior mean varies from image to image: Cov_x(E[z | x]) > 0.01.

    posterior_means (N, Z), N at least 2: fewer raise InputError. Where nothing varies none is active, 0. Burda et al.
    2016, section 5.2.
    """
    at_least(2, len(posterior_means), "images")
    return int((posterior_means.double().var(0) > THRESHOLD).sum())


def measure(evidence: Evidence) -> dict[str, float]:
    """active_units, between 0 and Z. Empty for a model without likelihood."""
    found = evidence.likelihoods
    return {} if found is None else {"active_units": float(active_units(found.posterior_means))}
