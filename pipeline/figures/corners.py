"""The plane between four latents: whether images change smoothly, and pass through images on the way."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs

SIDE = 8


def bilinear(corners: Tensor, side: int) -> Tensor:
    """Latents (side * side, Z) between four, (4, Z): top left, top right, bottom left, bottom right; rows first.

    z(s, t) = (1 - t) [(1 - s) z0 + s z2] + t [(1 - s) z1 + s z3], s down and t across, from 0 to 1; exact at corners.
    """
    steps = torch.linspace(0, 1, side, dtype=corners.dtype, device=corners.device)
    left = torch.lerp(corners[0], corners[2], steps[:, None])  # (side, Z)
    right = torch.lerp(corners[1], corners[3], steps[:, None])
    return torch.lerp(left[:, None], right[:, None], steps[:, None]).flatten(0, 1)


def draw(inputs: Inputs) -> Figure:
    """8 x 8 images between those of four random latents. A conditional model is asked for one class throughout."""
    noise = inputs.noise("corners")
    latents = bilinear(inputs.model.prior(4, noise), SIDE)
    asked = torch.randint(len(inputs.test.classes), (1,), generator=noise, device=inputs.device)
    images = inputs.generate(latents, inputs.one_hot(asked).expand(len(latents), -1))
    facts = ["between four random latents, one in each corner"]
    if inputs.model.conditional:
        facts.append(f"class {inputs.test.classes[int(asked)]} throughout")
    return style.image_grid(images, SIDE, inputs.title("corners"), inputs.caption(*facts))
