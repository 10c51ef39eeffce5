"""Real images beside drawn ones: what still tells them apart."""

import torch
from matplotlib.figure import Figure

from pipeline.contracts.images import scale
from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs

ROWS = SIDE = 4


def draw(inputs: Inputs) -> Figure:
    """4 x 4 random test images, and beside them as many samples, of a conditional model with the same labels."""
    noise = inputs.noise("real_fake")
    real = inputs.test.take(torch.randperm(len(inputs.test), generator=noise, device=inputs.device)[: ROWS * SIDE])
    fakes = inputs.generate(inputs.model.prior(len(real), noise), real.labels.float())
    both = torch.cat([scale(real.images, "unit").unflatten(0, (-1, SIDE)), fakes.unflatten(0, (-1, SIDE))], 1)
    facts = ["random test images, and samples", inputs.model.latents]
    if inputs.model.conditional:
        facts.append("each fake has the labels of the real image in its place")
    return style.image_grid(
        both.flatten(0, 1),
        2 * SIDE,
        inputs.title("real and fake"),
        inputs.caption(*facts),
        column_labels=["real", "fake"],
        group=SIDE,
    )
