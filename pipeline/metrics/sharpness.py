"""How sharp the samples are, compared with real images."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evidence import Evidence

# One is as sharp as real: below lies blur, above lies noise.
BETTER: Final[Mapping[str, str]] = {"sharpness": "neither"}


def laplacian_variance(images: Tensor, block: int = 1024) -> float:
    """Mean over images (N, C, H, W) of the variance, over the inner pixels, of the grey image's Laplacian.

    Grey is the channels' mean; the Laplacian is the four neighbours' sum minus four times the pixel. Flat images and
    linear ramps give 0; contrast times c gives c^2 times the value. H and W at least 3. Pech-Pacheco et al. 2000.
    """
    values = []
    for part in torch.split(images, block):
        grey = part.mean(1)  # (B, H, W)
        inner = grey[:, 1:-1, 1:-1]
        sides = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
        values.append((sides - 4 * inner).flatten(1).var(1, correction=0))
    return float(torch.cat(values).double().mean())


def measure(evidence: Evidence) -> dict[str, float]:
    """sharpness: the samples' Laplacian variance over that of the test images, which must not all be flat.

    It measures fine detail of any kind: noise raises it as edges do, so read it next to precision.
    """
    return {"sharpness": laplacian_variance(evidence.fake.images) / laplacian_variance(evidence.test.images)}
