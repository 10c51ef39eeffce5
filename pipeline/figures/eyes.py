"""The two eyes of drawn faces, enlarged, beside those of real ones: whether they match."""

import torch
from matplotlib.figure import Figure

from pipeline.contracts.images import scale
from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs

ROWS, SIDE = 4, 2
LEAST = 32  # pixels of an image: in smaller ones there are no eyes to see
# Where the eyes of a centred face are, as CelebA's and ours: from which to which height, and how far to either side of
# the middle, in shares of height and width.
BAND, REACH = (0.36, 0.64), 0.3


def draw(inputs: Inputs) -> Figure | None:
    """4 x 2 pairs of eyes of samples, and as many of random test images. None for what has no attributes, as faces do.

    A conditional model is asked for the labels of the test images.
    """
    _, high, wide = inputs.test.shape
    if inputs.test.kind != "attributes" or min(high, wide) < LEAST:
        return None
    noise = inputs.noise("eyes")
    real = inputs.test.take(torch.randperm(len(inputs.test), generator=noise, device=inputs.device)[: ROWS * SIDE])
    fakes = inputs.generate(inputs.model.prior(len(real), noise), real.labels.float())
    both = [eyes(images).unflatten(0, (-1, SIDE)) for images in (fakes, scale(real.images, "unit"))]
    facts = ["the eyes of samples, and of random test images", inputs.model.latents]
    return style.image_grid(
        torch.cat(both, 1).flatten(0, 1),
        2 * SIDE,
        inputs.title("eyes"),
        inputs.caption(*facts),
        column_labels=["drawn", "real"],
        group=SIDE,
    )


def eyes(images: torch.Tensor) -> torch.Tensor:
    """The part of faces (N, C, H, W) in which both eyes lie."""
    high, wide = images.shape[2:]
    top, bottom = (round(share * high) for share in BAND)
    reach = round(REACH * wide)
    return images[:, :, top:bottom, wide // 2 - reach : wide // 2 + reach]
