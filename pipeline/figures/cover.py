"""What stands for a model where many stand side by side: a few of its images, without words, as they come."""

from pipeline.figures.common.inputs import Inputs
from pipeline.figures.common.plain import Plain, sheet

LARGE = 64  # pixels from which on fewer are shown
GAP = 2


def draw(inputs: Inputs) -> Plain:
    """4 x 4 images of random latents, or 3 x 3 large ones, pixel by pixel."""
    noise = inputs.noise("cover")
    side = inputs.test.shape[2]
    columns = 3 if side >= LARGE else 4
    labels = inputs.orders(columns * columns, noise)
    return sheet(inputs.generate(inputs.model.prior(len(labels), noise), labels), columns, side, GAP)
