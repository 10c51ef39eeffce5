"""From one latent to another: whether images change smoothly, and pass through images on the way."""

import itertools

import torch
from matplotlib.figure import Figure

from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs
from pipeline.figures.common.words import first_of

ROWS = STEPS = 12


def draw(inputs: Inputs) -> Figure:
    """12 rows of 12 steps, each on a straight line between two random latents.

    Of a conditional model, a row is asked for one class, in order and beginning again when all were shown (of more than
    12 the others are not), or, where labels mix, for all labels of one random test image. Attributes, which are many,
    are not named.
    """
    noise = inputs.noise("interpolation")
    ends = inputs.model.prior(2 * ROWS, noise).unflatten(0, (2, ROWS, 1))  # (2, ROWS, 1, Z)
    latents = torch.lerp(ends[0], ends[1], torch.linspace(0, 1, STEPS, device=inputs.device)[:, None]).flatten(0, 1)
    if inputs.test.exclusive:
        asked, fact, row_title = inputs.one_hot(torch.arange(ROWS, device=inputs.device)), "one class", "class"
        if left_out := first_of(ROWS, len(inputs.test.classes), "classes"):
            fact = f"one of {left_out}"
    else:
        random = torch.randint(len(inputs.test), (ROWS,), generator=noise, device=inputs.device)
        asked, fact, row_title = inputs.test.labels[random].float(), "labels of one random test image", "labels"
    images = inputs.generate(latents, asked.repeat_interleave(STEPS, 0))
    title, columns = inputs.title("interpolation"), "from one random latent to another, in equal steps"
    named: list[str] = []
    each = "each row: two latents of its own"
    if inputs.model.conditional:
        each = f"{each}, {fact}"
        if inputs.test.kind != "attributes":
            named = ["\n".join(itertools.compress(inputs.test.classes, row)) for row in asked.bool().tolist()]
    return style.image_grid(
        images,
        STEPS,
        title,
        inputs.caption(each),
        row_labels=named,
        row_title=row_title if named else "",
        column_title=columns,
    )
