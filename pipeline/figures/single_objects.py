"""What a conditional model makes of each single object, from the same latent."""

import torch
from matplotlib.figure import Figure

from pipeline.figures import style
from pipeline.figures.conditions import unasked, verdict
from pipeline.scores import highest
from pipeline.view import View


def draw(view: View) -> Figure | None:
    """A row a shape, a column a colour, one latent throughout.

    None for a model that heeds no labels, and unless labels mix and are named "colour shape", all pairs of them.
    """
    found = table(view.test.classes)
    if not view.model.conditional or view.test.kind != "objects" or not found:
        return None
    shapes, colours, numbers = found
    count = len(numbers)
    labels = view.one_hot(torch.tensor(numbers, device=view.device))
    latents = view.model.prior(1, view.noise("single_objects")).expand(count, -1)
    images = view.generate(latents, labels)
    pairs = list(zip(labels.bool().tolist(), highest(view.judge(images), labels).tolist(), strict=True))
    wrong = [number for number, (asked, seen) in enumerate(pairs) if asked != seen]
    facts = [
        "one latent, every single object",
        f"right by the judge: {count - len(wrong)} of {count}, {1 - len(wrong) / count:.2f}",
        view.yardstick,
    ]
    if wrong:
        facts.append("framed: the judge's highest score is another object's, the one it “saw”")
    return style.image_grid(
        images,
        len(colours),
        view.title("single objects"),
        view.caption(*facts),
        row_labels=shapes,
        column_labels=colours,
        lines=[verdict(view.test.classes, asked, seen)[1:] for asked, seen in pairs],
        possible=[unasked(name) for name in view.test.classes],
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
