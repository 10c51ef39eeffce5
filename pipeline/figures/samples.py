"""What the model draws, not chosen: latents as it draws them, random labels."""

import torch
from matplotlib.figure import Figure

from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs

COLUMNS = 8
LARGE = 64  # pixels from which on fewer are shown


def draw(inputs: Inputs) -> Figure:
    """8 x 8 random samples, or 4 rows of 8 large ones. A conditional model is asked for random test images' labels."""
    noise = inputs.noise("samples")
    count = COLUMNS * (4 if inputs.test.shape[1] >= LARGE else 8)
    asked = torch.randint(len(inputs.test), (count,), generator=noise, device=inputs.device)
    images = inputs.generate(inputs.model.prior(count, noise), inputs.test.labels[asked].float())
    facts = [inputs.model.latents]
    if inputs.model.conditional:
        facts.append("random classes" if inputs.test.exclusive else "labels of random test images")
    return style.image_grid(images, COLUMNS, inputs.title("samples"), inputs.caption(*facts))
