"""What a model's latent code means, which nobody told it, and what is between two codes."""

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure
from torch import Tensor

from pipeline.contracts.images import Kind
from pipeline.contracts.model import CodedModel
from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs
from pipeline.figures.common.style import Line

COUNT = 200  # drawings with each code that are judged
ROWS = 5  # of them shown
PAIRS, COLUMNS = 4, 4  # pairs of codes at most, and latents, that are shown mixed
NAMED = 2  # labels that a code is said to mean


def draw(inputs: Inputs) -> Mapping[str, Figure] | None:
    """`meaning`: every code; `mixed`: pairs of codes. None for a model without codes."""
    model = inputs.model
    if not isinstance(model, CodedModel):
        return None
    return {"meaning": meaning(inputs, model), "mixed": mixed(inputs, model)}


def meaning(inputs: Inputs, model: CodedModel) -> Figure:
    """A row a latent, a column a code; below, what drawings with a code show more or less often than others."""
    one = torch.eye(model.codes, device=inputs.device)
    latents, labels = _draws(inputs, "codes meaning", COUNT)
    shown, shares = [], []
    for code in one:
        images = inputs.generate(model.coded(latents, code.expand(COUNT, -1)), labels)
        shown.append(images[:ROWS])
        shares.append(said(inputs.judge(images), inputs.test.kind).double().mean(0))
    frequencies = torch.stack(shares)  # (codes, K)
    differences = frequencies - frequencies.mean(0)
    facts = (
        "each row: one latent with every code",
        f"below: the {NAMED} {inputs.test.kind} whose share of {COUNT} drawings with a code, by the judge, differs "
        "most from its mean over codes, in percentage points",
        inputs.yardstick,
    )
    empty: list[list[Line]] = [[]] * ((ROWS - 1) * model.codes)
    named = [[Line(text) for text in written(inputs.test.classes, row)] for row in differences]
    return style.image_grid(
        torch.stack(shown, 1).flatten(0, 1),
        model.codes,
        inputs.title("codes"),
        inputs.caption(*facts),
        row_title="random latents",
        column_labels=[f"code {number + 1}" for number in range(model.codes)],
        lines=empty + named,
        possible=inputs.test.classes,
    )


def said(logits: Tensor, kind: Kind) -> Tensor:
    """The labels that a judge says hold: bool, (N, K) as the logits."""
    return logits > 0 if kind != "classes" else logits == logits.amax(1, keepdim=True)


def written(names: tuple[str, ...], differences: Tensor) -> list[str]:
    """The labels with the largest differences (K,), either way, each on two lines."""
    largest = differences.abs().argsort(descending=True, stable=True)[:NAMED].tolist()
    points = [(names[label], round(100 * float(differences[label]))) for label in largest]
    return [line for name, value in points for line in (name, f"{'−' if value < 0 else '+'}{abs(value)} %")]


def mixed(inputs: Inputs, model: CodedModel) -> Figure:
    """A row two codes: for each latent one of them, half of each, and the other."""
    count = min(model.codes // 2, PAIRS)
    one = torch.eye(model.codes, device=inputs.device)[: 2 * count].unflatten(0, (count, 2))
    shares = torch.stack([one[:, 0], one.mean(1), one[:, 1]], 1)  # (pairs, 3, codes)
    latents, labels = _draws(inputs, "codes mixed", COLUMNS)
    latents, labels = (each.repeat_interleave(3, 0).repeat(count, 1) for each in (latents, labels))
    wanted = shares[:, None].expand(-1, COLUMNS, -1, -1).flatten(0, 2)
    facts = (
        "each row: two codes, the first, half of each, and the second",
        f"{COLUMNS} random latents, the same in every row",
    )
    return style.image_grid(
        inputs.generate(model.coded(latents, wanted), labels),
        3 * COLUMNS,
        inputs.title("codes mixed"),
        inputs.caption(*facts),
        row_labels=[f"codes\n{2 * number + 1} and {2 * number + 2}" for number in range(count)],
        column_labels=["first", "half", "second"] * COLUMNS,
        group=3,
    )


def _draws(inputs: Inputs, name: str, count: int) -> tuple[Tensor, Tensor]:
    """Latents (N, Z), and the labels (N, K) of random test images."""
    noise = inputs.noise(name)
    labels = inputs.test.labels[torch.randint(len(inputs.test), (count,), generator=noise, device=inputs.device)]
    return inputs.model.prior(count, noise), labels.float()
