"""What a conditional model makes of each single object, from the same latent."""

import torch
from matplotlib.figure import Figure

from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs
from pipeline.figures.conditions import unasked, verdict

SAW = 2  # objects nobody asked for, named below an image at most


def draw(inputs: Inputs) -> Figure | None:
    """A row a shape, a column a colour, one latent throughout.

    None for a model that heeds no labels, and unless labels mix and are named "colour shape", all pairs of them.
    """
    found = table(inputs.test.classes)
    if not inputs.model.conditional or inputs.test.kind != "objects" or not found:
        return None
    shapes, colours, numbers = found
    count = len(numbers)
    labels = inputs.one_hot(torch.tensor(numbers, device=inputs.device))
    latents = inputs.model.prior(1, inputs.noise("single_objects")).expand(count, -1)
    images = inputs.generate(latents, labels)
    pairs = list(zip(labels.bool().tolist(), (inputs.referee(images) > 0).tolist(), strict=True))
    wrong = [number for number, (asked, seen) in enumerate(pairs) if asked != seen]
    facts = [
        "one latent, every single object",
        f"recognised by the referee, and nothing besides: {count - len(wrong)} of {count}, "
        f"{1 - len(wrong) / count:.2f}",
        inputs.recognised,
    ]
    if wrong:
        facts.append("framed: the referee cannot name the object, or “saw” another one")
    return style.image_grid(
        images,
        len(colours),
        inputs.title("single objects"),
        inputs.caption(*facts),
        row_labels=shapes,
        column_labels=colours,
        lines=[verdict(inputs.test.classes, asked, seen)[1:][:SAW] for asked, seen in pairs],
        possible=[unasked(name) for name in inputs.test.classes],
        framed=wrong,
    )


def table(classes: tuple[str, ...]) -> tuple[list[str], list[str], list[int]] | None:
    """Shapes, colours, and the class numbers of all their pairs, shape by shape; None if these are not all classes."""
    words = [name.split(" ") for name in classes]
    if any(len(pair) != 2 for pair in words):
        return None
    colours, shapes = (list(dict.fromkeys(column)) for column in zip(*words, strict=True))
    pairs = [f"{colour} {shape}" for shape in shapes for colour in colours]
    if sorted(pairs) != sorted(classes):
        return None
    return shapes, colours, [classes.index(pair) for pair in pairs]
