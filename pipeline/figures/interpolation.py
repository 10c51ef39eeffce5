"""From one latent to another: whether images change smoothly, and pass through images on the way."""

import torch
from matplotlib.figure import Figure

from pipeline.figures import style
from pipeline.view import View

ROWS = STEPS = 12


def draw(view: View) -> Figure:
    """12 rows of 12 steps, each on a straight line between two random latents; of a conditional model, one class each.

    Classes are in order, and begin again when all were shown.
    """
    ends = view.model.prior(2 * ROWS, view.noise("interpolation")).unflatten(0, (2, ROWS, 1))  # (2, ROWS, 1, Z)
    latents = torch.lerp(ends[0], ends[1], torch.linspace(0, 1, STEPS, device=view.device)[:, None]).flatten(0, 1)
    labels = view.one_hot(torch.arange(ROWS, device=view.device)).repeat_interleave(STEPS, 0)
    images = view.generate(latents, labels)
    title, columns = view.title("interpolation"), "from one random latent to another, in equal steps"
    if not view.model.conditional:
        return style.image_grid(
            images, STEPS, title, view.caption("each row: two latents of its own"), column_title=columns
        )
    names = view.test.classes
    return style.image_grid(
        images,
        STEPS,
        title,
        view.caption("each row: two latents of its own, one class"),
        row_labels=[names[row % len(names)] for row in range(ROWS)],
        row_title="class",
        column_title=columns,
    )
