"""How far reconstructions are from their images: one number that all models with a decoder share."""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Part

BETTER: Final[Mapping[str, str]] = {"mse": "lower"}
SCALE: Final[Mapping[str, str]] = {"mse": "log"}
BLOCK: Final = 256  # images at a time, which bounds the memory


def squared_errors(reconstructed: Tensor, originals: Tensor) -> Tensor:
    """Mean of squared differences over channels and pixels, (N,) float64; both (N, C, H, W), pixels in [0, 1]."""
    blocks = zip(reconstructed.split(BLOCK), originals.split(BLOCK), strict=True)
    return torch.cat([(one - other).square().flatten(1).mean(1) for one, other in blocks]).double()


def of_parts(evidence: Evidence, parts: Sequence[Part]) -> list[dict[str, float]]:
    """What `measure` says of each part."""
    found = evidence.reconstructed
    if found is None:
        return [{} for _ in parts]
    errors = squared_errors(found, evidence.test.images)
    return [{"mse": float(errors[part.test].mean())} for part in parts]


def measure(evidence: Evidence) -> dict[str, float]:
    """mse of held-out images, whichever range the model itself works in. Empty for a model without an encoder."""
    return of_parts(evidence, [evidence.whole()])[0]
