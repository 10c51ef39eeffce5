"""What a conditional model makes of a condition, and what of the latent."""

import torch
from matplotlib.figure import Figure

from pipeline.figures import style
from pipeline.view import View

COLUMNS = 10
MOST = {"objects": 12, "attributes": 15}  # where there are more, `single_objects`, `conditions` and `flips` show them


def draw(view: View) -> Figure | None:
    """A row a class, a column a random latent, the same in all rows.

    Where labels mix, a row is asked for that label alone. None for a model that heeds no labels, and for more than 12
    objects or 15 attributes.
    """
    names = view.test.classes
    if not view.model.conditional or len(names) > MOST.get(view.test.kind, len(names)):
        return None
    of = {"classes": "class", "objects": "object", "attributes": "attribute"}[view.test.kind]
    latents = view.model.prior(COLUMNS, view.noise("classes")).repeat(len(names), 1)
    labels = view.one_hot(torch.arange(len(names), device=view.device)).repeat_interleave(COLUMNS, 0)
    return style.image_grid(
        view.generate(latents, labels),
        COLUMNS,
        view.title("classes"),
        view.caption(f"each column: one latent, every {of}" + ("" if view.test.exclusive else ", alone")),
        row_labels=names,
        row_title=of,
        column_title="random latents",
    )
