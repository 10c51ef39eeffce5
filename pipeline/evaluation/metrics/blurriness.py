"""How blurred the samples are, to a referee that has seen blurred images, and noisy ones that were not blurred."""

from collections.abc import Mapping
from typing import Final

from torch import Tensor

from pipeline.evaluation.evidence import Evidence
from pipeline.judges.spoiling import SPOILINGS

BETTER: Final[Mapping[str, str]] = {"blurriness": "lower", "blurriness_real": "neither"}
SCALE: Final[Mapping[str, str]] = dict.fromkeys(BETTER, "log")
WHICH: Final = next(number for number, way in enumerate(SPOILINGS) if way.name == "blur")


def sigma(degrees: Tensor) -> float:
    """The mean sigma, in pixels, of the Gaussian blur that the degrees (N, S) tell of."""
    return float(degrees[:, WHICH].double().mean()) * SPOILINGS[WHICH].most


def measure(evidence: Evidence) -> dict[str, float]:
    """blurriness: the mean sigma of the Gaussian blur, in pixels, by which the samples seem to be blurred, at most 3.

    Noise and patterns do not hide it, as they do from the variance of the Laplacian (sharpness). blurriness_real: of
    real test images, the yardstick.
    """
    assert evidence.fake.degrees is not None
    assert evidence.test.degrees is not None
    return {"blurriness": sigma(evidence.fake.degrees), "blurriness_real": sigma(evidence.test.degrees)}
