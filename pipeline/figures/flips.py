"""Whether a conditional model changes the one attribute it is asked to change, and what else changes with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from pipeline.contracts.labels import pair
from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs
from pipeline.figures.common.style import Line

COUNT = 100  # pairs that are looked at
LARGE, SMALL = 10, 5  # pairs that are shown of one attribute, and of each of all
FIRST = "Smiling"  # the attribute that is shown alone, if there


@dataclass(frozen=True)
class Flip:
    """Pairs without and with one attribute. images: (2, 10, C, H, W), of the first pairs; right: (2, N) bool, whether
    the referee sees in each image what it was asked for.
    """

    images: Tensor
    right: Tensor


def draw(inputs: Inputs) -> Mapping[str, Figure] | None:
    """`pairs`: one attribute; `all`: every one. None for a model that heeds no labels, and without attributes."""
    names = inputs.test.classes
    if not inputs.model.conditional or inputs.test.kind != "attributes":
        return None
    noise = inputs.noise("flips")
    latents = inputs.model.prior(COUNT, noise)
    labels = inputs.test.labels[torch.randint(len(inputs.test), (COUNT,), generator=noise, device=inputs.device)]
    flips = [flip(inputs, latents, pair(labels, which, inputs.test.labels), which) for which in range(len(names))]
    which = names.index(FIRST) if FIRST in names else 0
    return {"pairs": large(inputs, names[which], flips[which]), "all": small(inputs, flips)}


def flip(inputs: Inputs, latents: Tensor, sets: tuple[Tensor, Tensor], which: int) -> Flip:
    """Drawings of label sets without and with an attribute, both from the latents (N, Z), and what is seen."""
    labels = torch.cat(sets)
    images = inputs.generate(latents.repeat(2, 1), labels.float())
    right = (inputs.referee(images)[:, which] > 0) == labels[:, which].bool()
    return Flip(images.unflatten(0, (2, -1))[:, :LARGE], right.unflatten(0, (2, -1)))


def large(inputs: Inputs, name: str, found: Flip) -> Figure:
    """Columns of one latent and the labels of a random test image, above without and below with the attribute."""
    right = found.right[:, :LARGE]
    facts = (
        f"each column: one latent, and a random test image's labels but for {name}, and what it excludes or needs",
        f"below: whether the referee recognises it; ✓ as asked: {int(right.sum())} of {right.numel()}, "
        f"{right.double().mean():.2f}",
        inputs.recognised,
        "✗, framed: not as asked",
    )
    return style.image_grid(
        found.images.flatten(0, 1),
        LARGE,
        inputs.title(f"flips: {name}"),
        inputs.caption(*facts),
        row_labels=[f"without\n{name}", f"with\n{name}"],
        lines=[[verdict(wanted, there)] for wanted, row in enumerate(right.tolist()) for there in row],
        possible=[verdict(False, False).text, verdict(True, False).text],
        framed=(~right).flatten().nonzero().flatten().tolist(),
    )


def verdict(wanted: bool | int, right: bool) -> Line:
    """Whether the attribute is recognised, marked right or wrong."""
    answer = "yes" if bool(wanted) == right else "no"
    return Line(f"✓ {answer}") if right else Line(f"✗ {answer}", style.WRONG)


def small(inputs: Inputs, flips: Sequence[Flip]) -> Figure:
    """A row an attribute: pairs of columns without and with it, and how often both of a pair are right."""
    shown = torch.stack([found.images[:, :SMALL].transpose(0, 1) for found in flips])  # (K, 5, 2, C, H, W)
    rates = [float(found.right.all(0).double().mean()) for found in flips]
    facts = (
        "each pair of columns: one latent, and a random test image's labels but for one attribute, and what it excludes"
        " or needs",
        f"follow: share of {COUNT} such pairs in which the referee does not see it without, and recognises it with",
        inputs.recognised,
    )
    return style.image_grid(
        shown.flatten(0, 2),
        2 * SMALL,
        inputs.title("flips: all attributes"),
        inputs.caption(*facts),
        row_labels=[f"{name}\n{rate:.2f} follow" for name, rate in zip(inputs.test.classes, rates, strict=True)],
        column_labels=["without", "with"] * SMALL,
        group=2,
    )
