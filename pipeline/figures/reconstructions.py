"""What of an image passes through the latent."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from pipeline.contracts.images import ImageSet, scale
from pipeline.contracts.model import EncoderModel
from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs
from pipeline.figures.common.words import first_of

COUNT = 10
BATCH = 500


def draw(inputs: Inputs) -> Figure | None:
    """Test images over their reconstructions, from the latent of each. None for a model without an encoder."""
    model = inputs.model
    if not isinstance(model, EncoderModel):
        return None
    shown = inputs.test.take(chosen(inputs.test))
    originals, rebuilt = both(inputs, model, shown)
    parts = (both(inputs, model, inputs.test.take(part)) for part in torch.arange(len(inputs.test)).split(BATCH))
    total = sum(float((there - here).square().sum(dtype=torch.float64)) for here, there in parts)
    error, errors = float((rebuilt - originals).square().mean()), total / inputs.test.images.numel()
    return style.image_grid(
        torch.cat([originals, rebuilt]),
        len(shown),
        inputs.title("reconstructions"),
        inputs.caption(
            f"test images{_of(inputs.test)}",
            f"mean squared error per pixel in [0, 1]: of these {len(shown)} {error:.4f}, "
            f"of all {len(inputs.test)} test images {errors:.4f}",
        ),
        row_labels=["original", "reconstruction"],
    )


def _of(test: ImageSet) -> str:
    """Of which classes images are shown, where not of all."""
    left_out = first_of(COUNT, len(test.classes), "classes") if test.exclusive else ""
    return f", one of each of {left_out}" if left_out else ""


def both(inputs: Inputs, model: EncoderModel, images: ImageSet) -> tuple[Tensor, Tensor]:
    """Images and their reconstructions: (N, C, H, W) each, in [0, 1]."""
    labels = images.labels.float()
    rebuilt = inputs.generate(model.code(scale(images.images, model.pixels), labels), labels)
    return scale(images.images, "unit"), rebuilt


def chosen(test: ImageSet) -> Tensor:
    """Indices (M,), M at most 10: the first image of each class, in order, or the first images where labels mix."""
    if test.exclusive:
        there = test.labels.bool().any(0)
        return test.labels.argmax(0)[there][:COUNT]  # of equal values, argmax finds the first
    return torch.arange(min(COUNT, len(test)), device=test.images.device)
