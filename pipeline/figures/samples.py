"""What the model draws, not chosen: random latents, random labels."""

import torch
from matplotlib.figure import Figure

from pipeline.figures import style
from pipeline.view import View

SIDE = 8


def draw(view: View) -> Figure:
    """8 x 8 random samples. A conditional model is asked for the labels of random test images."""
    noise = view.noise("samples")
    asked = torch.randint(len(view.test), (SIDE * SIDE,), generator=noise, device=view.device)
    images = view.generate(view.model.prior(SIDE * SIDE, noise), view.test.labels[asked].float())
    facts = ["random latents"]
    if view.model.conditional:
        facts.append("random classes" if view.test.exclusive else "labels of random test images")
    return style.image_grid(images, SIDE, view.title("samples"), view.caption(*facts))
