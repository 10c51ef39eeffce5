"""What a conditional model makes of a condition, and what of the latent."""

import torch
from matplotlib.figure import Figure

from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs
from pipeline.figures.common.words import first_of

COLUMNS = 10
MANY = 15  # classes from which on small images are shown at half their size, twice as many
LARGE = 64  # pixels that are shown as they are
MOST = {"objects": 12, "attributes": 15}  # where there are more, `single_objects`, `conditions` and `flips` show them
ROWS = 50  # classes that are shown


def draw(inputs: Inputs) -> Figure | None:
    """A row a class, a column a random latent, the same in all rows.

    Where labels mix, a row is asked for that label alone. None for a model that heeds no labels, and for more than 12
    objects or 15 attributes. Of more than 50 classes only the first are shown.
    """
    names = inputs.test.classes
    if not inputs.model.conditional or len(names) > MOST.get(inputs.test.kind, len(names)):
        return None
    of = {"classes": "class", "objects": "object", "attributes": "attribute"}[inputs.test.kind]
    shown = names[:ROWS]
    columns = 2 * COLUMNS if len(shown) > MANY and max(inputs.test.shape[1:]) < LARGE else COLUMNS
    latents = inputs.model.prior(columns, inputs.noise("classes")).repeat(len(shown), 1)
    labels = inputs.one_hot(torch.arange(len(shown), device=inputs.device)).repeat_interleave(columns, 0)
    facts = [f"each column: one latent, every {of}" + ("" if inputs.test.exclusive else ", alone")]
    if left_out := first_of(len(shown), len(names), "classes"):
        facts = [f"each column: one latent, each of {left_out}"]
    return style.image_grid(
        inputs.generate(latents, labels),
        columns,
        inputs.title("classes"),
        inputs.caption(*facts),
        row_labels=shown,
        row_title=of,
        column_title="random latents",
    )
