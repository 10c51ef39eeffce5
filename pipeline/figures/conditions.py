"""Whether a conditional model draws the objects it is asked for: one drawing of each label set in the role's lists."""

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor

from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs
from pipeline.figures.common.style import Line
from pipeline.judges.scores import accuracy

COLUMNS = 8
MOST = 32  # label sets of a list that are shown


def draw(inputs: Inputs) -> Mapping[str, Figure] | None:
    """A figure for each list. None where there are no lists and for a model that heeds no labels."""
    if not inputs.model.conditional or not inputs.test.conditions:
        return None
    return {name: figure(inputs, name, sets[:MOST], len(sets)) for name, sets in inputs.test.conditions.items()}


def figure(inputs: Inputs, name: str, sets: Tensor, listed: int) -> Figure:
    """Label sets (M, K), the first of so many listed: below each drawing what was asked for, and what is seen."""
    noise = inputs.noise(f"conditions {name}")
    images = inputs.generate(inputs.model.prior(len(sets), noise), sets.float())
    asked, seen = sets.bool(), inputs.referee(images) > 0
    right, wanted = int((asked & seen).sum()), int(asked.sum())
    highest = accuracy(inputs.judge(images), sets, "objects")
    facts = (
        f"{len(sets)} label sets" if len(sets) == listed else f"the first {len(sets)} of {listed} label sets",
        "a random latent each",
        f"✓ recognised by the referee: {right} of {wanted} objects, {right / max(wanted, 1):.2f}; {inputs.recognised}",
        "✗ is not, and “saw” is, but was not asked for",
        f"among the judge's k highest scores, k objects asked for: {highest:.2f}",
        inputs.yardstick,
        "framed: an image with faults",
    )
    pairs = list(zip(asked.tolist(), seen.tolist(), strict=True))
    return style.image_grid(
        images,
        COLUMNS,
        inputs.title(f"conditions: {name}"),
        inputs.caption(*facts),
        lines=[verdict(inputs.test.classes, *pair) for pair in pairs],
        possible=[unasked(name) for name in inputs.test.classes],
        framed=[number for number, (wanted_here, seen_here) in enumerate(pairs) if wanted_here != seen_here],
    )


def verdict(classes: tuple[str, ...], asked: list[bool], seen: list[bool]) -> list[Line]:
    """A line for each object asked for, marked right or missing, then one for each that is seen besides."""
    named = list(zip(classes, asked, seen, strict=True))
    lines = [Line(f"✓ {name}") if there else Line(f"✗ {name}", style.WRONG) for name, wanted, there in named if wanted]
    return lines + [Line(unasked(name), style.WRONG) for name, wanted, there in named if there and not wanted]


def unasked(name: str) -> str:
    """The line of an object that is seen and was not asked for; no other line of its name is longer."""
    return f"saw {name}"
