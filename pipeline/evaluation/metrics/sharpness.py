"""How sharp the samples are, compared with real images."""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Part
from pipeline.ground.errors import InputError

# One is as sharp as real: below lies blur, above lies noise.
BETTER: Final[Mapping[str, str]] = {"sharpness": "neither"}
SCALE: Final[Mapping[str, str]] = {"sharpness": "log"}


def laplacian_variance(images: Tensor, block: int = 64) -> Tensor:
    """Of each image (N, C, H, W) the variance, over the inner pixels, of the grey image's Laplacian: (N,).

    Grey is the channels' mean; the Laplacian is the four neighbours' sum minus four times the pixel. Flat images and
    linear ramps give 0; contrast times c gives c^2 times the value. H and W at least 3. Pech-Pacheco et al. 2000.
    """
    values = []
    for part in torch.split(images, block):
        grey = part.mean(1)  # (B, H, W)
        inner = grey[:, 1:-1, 1:-1]
        sides = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
        values.append((sides - 4 * inner).flatten(1).var(1, correction=0))
    return torch.cat(values).double()


def of_parts(evidence: Evidence, parts: Sequence[Part]) -> list[dict[str, float]]:
    """What `measure` says of each part."""
    fake, real = (laplacian_variance(side.images) for side in (evidence.fake, evidence.test))
    shown = [float(real[part.test].mean()) for part in parts]
    if not all(shown):
        raise InputError("expected test images with some detail, found none but flat ones")
    return [{"sharpness": float(fake[part.fake].mean()) / of_real} for part, of_real in zip(parts, shown, strict=True)]


def measure(evidence: Evidence) -> dict[str, float]:
    """sharpness: the samples' mean Laplacian variance over the test images', which must not all be flat, or InputError
    is raised.

    It measures fine detail of any kind: noise and patterns raise it as edges do, so that it does not tell whether
    samples are blurred; blurriness does.
    """
    return of_parts(evidence, [evidence.whole()])[0]
