"""What of an image passes through the latent."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from pipeline.data.images import ImageSet, scale
from pipeline.figures import style
from pipeline.models.base import LikelihoodModel
from pipeline.view import View

COUNT = 10


def draw(view: View) -> Figure | None:
    """Test images over their reconstructions from the posterior's mean. None for a model without an encoder."""
    model = view.model
    if not isinstance(model, LikelihoodModel):
        return None
    shown = view.test.take(chosen(view.test))
    labels = shown.labels.float()
    originals = scale(shown.images, "unit")
    rebuilt = view.generate(model.encode(scale(shown.images, model.pixels), labels).mean, labels)
    error = float((rebuilt - originals).square().mean())
    return style.image_grid(
        torch.cat([originals, rebuilt]),
        len(shown),
        view.title("reconstructions"),
        view.caption("test images", f"mean squared error of these {len(shown)}: {error:.4f} per pixel in [0, 1]"),
        row_labels=["original", "reconstruction"],
    )


def chosen(test: ImageSet) -> Tensor:
    """Indices (M,), M at most 10: the first image of each class, in order, or the first images where labels mix."""
    if test.exclusive:
        there = test.labels.bool().any(0)
        return test.labels.argmax(0)[there][:COUNT]  # of equal values, argmax finds the first
    return torch.arange(min(COUNT, len(test)), device=test.images.device)
