"""How sharp the samples are, compared with real images."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence

# One is as sharp as real: below lies blur, above lies noise.
BETTER: Final[Mapping[str, str]] = {"sharpness": "neither"}


def laplacian_variance(images: Tensor, block: int = 1024) -> Tensor:
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


def measure(evidence: Evidence) -> dict[str, float]:
    """sharpness: the samples' mean Laplacian variance over the test images', which must not all be flat.

    It measures fine detail of any kind: noise raises it as edges do, so read it next to precision.
    """
    fake, real = (float(side.per_image(laplacian_variance).mean()) for side in (evidence.fake, evidence.test))
    return {"sharpness": fake / real}
