"""What a conditional model makes of a condition, and what of the latent."""

import torch
from matplotlib.figure import Figure

from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs

COLUMNS = 10
MOST = {"objects": 12, "attributes": 15}  # where there are more, `single_objects`, `conditions` and `flips` show them


def draw(inputs: Inputs) -> Figure | None:
    """A row a class, a column a random latent, the same in all rows.

    Where labels mix, a row is asked for that label alone. None for a model that heeds no labels, and for more than 12
    objects or 15 attributes.
    """
    names = inputs.test.classes
    if not inputs.model.conditional or len(names) > MOST.get(inputs.test.kind, len(names)):
        return None
    of = {"classes": "class", "objects": "object", "attributes": "attribute"}[inputs.test.kind]
    latents = inputs.model.prior(COLUMNS, inputs.noise("classes")).repeat(len(names), 1)
    labels = inputs.one_hot(torch.arange(len(names), device=inputs.device)).repeat_interleave(COLUMNS, 0)
    return style.image_grid(
        inputs.generate(latents, labels),
        COLUMNS,
        inputs.title("classes"),
        inputs.caption(f"each column: one latent, every {of}" + ("" if inputs.test.exclusive else ", alone")),
        row_labels=names,
        row_title=of,
        column_title="random latents",
    )
