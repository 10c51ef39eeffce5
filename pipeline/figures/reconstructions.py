"""What of an image passes through the latent."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from pipeline.data.images import ImageSet, scale
from pipeline.figures import style
from pipeline.models.base import EncoderModel
from pipeline.view import View

COUNT = 10
BATCH = 500


def draw(view: View) -> Figure | None:
    """Test images over their reconstructions, from the latent of each. None for a model without an encoder."""
    model = view.model
    if not isinstance(model, EncoderModel):
        return None
    shown = view.test.take(chosen(view.test))
    originals, rebuilt = both(view, model, shown)
    parts = (both(view, model, view.test.take(part)) for part in torch.arange(len(view.test)).split(BATCH))
    total = sum(float((there - here).square().sum(dtype=torch.float64)) for here, there in parts)
    error, errors = float((rebuilt - originals).square().mean()), total / view.test.images.numel()
    return style.image_grid(
        torch.cat([originals, rebuilt]),
        len(shown),
        view.title("reconstructions"),
        view.caption(
            "test images",
            f"mean squared error per pixel in [0, 1]: of these {len(shown)} {error:.4f}, "
            f"of all {len(view.test)} test images {errors:.4f}",
        ),
        row_labels=["original", "reconstruction"],
    )


def both(view: View, model: EncoderModel, images: ImageSet) -> tuple[Tensor, Tensor]:
    """Images and their reconstructions: (N, C, H, W) each, in [0, 1]."""
    labels = images.labels.float()
    rebuilt = view.generate(model.code(scale(images.images, model.pixels), labels), labels)
    return scale(images.images, "unit"), rebuilt


def chosen(test: ImageSet) -> Tensor:
    """Indices (M,), M at most 10: the first image of each class, in order, or the first images where labels mix."""
    if test.exclusive:
        there = test.labels.bool().any(0)
        return test.labels.argmax(0)[there][:COUNT]  # of equal values, argmax finds the first
    return torch.arange(min(COUNT, len(test)), device=test.images.device)
