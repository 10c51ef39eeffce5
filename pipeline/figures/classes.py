"""What a conditional model makes of a condition, and what of the latent."""

import torch
from matplotlib.figure import Figure

from pipeline.figures import style
from pipeline.view import View

COLUMNS = 10
MOST = 12  # labels that mix: where there are more, `single_objects` and `conditions` show them


def draw(view: View) -> Figure | None:
    """A row a class, a column a random latent, the same in all rows.

    None for a model that heeds no labels, and where more than 12 labels can hold together.
    """
    names = view.test.classes
    if not view.model.conditional or (not view.test.exclusive and len(names) > MOST):
        return None
    latents = view.model.prior(COLUMNS, view.noise("classes")).repeat(len(names), 1)
    labels = view.one_hot(torch.arange(len(names), device=view.device)).repeat_interleave(COLUMNS, 0)
    return style.image_grid(
        view.generate(latents, labels),
        COLUMNS,
        view.title("classes"),
        view.caption("each column: one latent, every class"),
        row_labels=names,
        row_title="class",
        column_title="random latents",
    )
