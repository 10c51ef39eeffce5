"""What the model draws, not chosen: latents as it draws them, random labels."""

import torch
from matplotlib.figure import Figure

from pipeline.figures import style
from pipeline.view import View

COLUMNS = 8
LARGE = 64  # pixels from which on fewer are shown


def draw(view: View) -> Figure:
    """8 x 8 random samples, or 4 rows of 8 large ones. A conditional model is asked for random test images' labels."""
    noise = view.noise("samples")
    count = COLUMNS * (4 if view.test.shape[1] >= LARGE else 8)
    asked = torch.randint(len(view.test), (count,), generator=noise, device=view.device)
    images = view.generate(view.model.prior(count, noise), view.test.labels[asked].float())
    facts = [view.model.latents]
    if view.model.conditional:
        facts.append("random classes" if view.test.exclusive else "labels of random test images")
    return style.image_grid(images, COLUMNS, view.title("samples"), view.caption(*facts))
