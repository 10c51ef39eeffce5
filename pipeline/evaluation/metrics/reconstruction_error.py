"""How far reconstructions are from their images: one number that all models with a decoder share."""

from collections.abc import Mapping
from typing import Final

from torch import Tensor

from pipeline.evaluation.evidence import Evidence

BETTER: Final[Mapping[str, str]] = {"mse": "lower"}


def mean_squared_error(reconstructed: Tensor, originals: Tensor) -> float:
    """Mean of squared differences over images, channels and pixels; both (N, C, H, W), pixels in [0, 1]."""
    per_image = (reconstructed - originals).square().flatten(1).mean(1)  # (N,)
    return float(per_image.double().mean())


def measure(evidence: Evidence) -> dict[str, float]:
    """mse of held-out images, whichever range the model itself works in. Empty for a model without an encoder."""
    found = evidence.reconstructed
    return {} if found is None else {"mse": mean_squared_error(found, evidence.test.images)}
