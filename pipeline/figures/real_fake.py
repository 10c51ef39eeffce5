"""Real images beside drawn ones: what still tells them apart."""

import torch
from matplotlib.figure import Figure

from pipeline.data.images import scale
from pipeline.figures import style
from pipeline.view import View

ROWS = SIDE = 4


def draw(view: View) -> Figure:
    """4 x 4 random test images, and beside them as many samples, of a conditional model with the same labels."""
    noise = view.noise("real_fake")
    real = view.test.take(torch.randperm(len(view.test), generator=noise, device=view.device)[: ROWS * SIDE])
    fakes = view.generate(view.model.prior(len(real), noise), real.labels.float())
    both = torch.cat([scale(real.images, "unit").unflatten(0, (-1, SIDE)), fakes.unflatten(0, (-1, SIDE))], 1)
    facts = ["random test images, and samples", view.model.latents]
    if view.model.conditional:
        facts.append("each fake has the labels of the real image in its place")
    return style.image_grid(
        both.flatten(0, 1),
        2 * SIDE,
        view.title("real and fake"),
        view.caption(*facts),
        column_labels=["real", "fake"],
        group=SIDE,
    )
