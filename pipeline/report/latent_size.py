"""How many latent dimensions do I need? What the training images and the trained models say.

Report A's advice, drawn: look at the singular values of the training data, try several Z, and see how many are used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from pipeline.figures.common import style
from pipeline.statistics.measurements import Measurements

SHARES = (0.95, 0.9, 0.8)  # of the variance, descending
_LEFT = (
    "Left: the variance of the training images that their first principal components carry. A guide from above: a "
    "network bends where components are straight, and needs fewer."
)
_RIGHT = (
    "Right: of the latent dimensions Z a model has, those it uses, that is, whose posterior mean varies from image to "
    "image. Where some stay idle, a larger Z adds nothing."
)
_NLL = "In brackets: negative log-likelihood of test images, nats per image; lower is better."
_ROW = 0.22  # inches a run
_LINE = 7  # per cent of variance from one label down to the next, at least, so that they never overlap


@dataclass(frozen=True)
class AdviceRun:
    """A trained experiment. latent: Z; active_units: of them, mean over seeds.

    nll: -log p(x) of test images, nats per image; None where it does not compare with the others'.
    """

    name: str
    latent: int
    active_units: float
    conditional: bool
    nll: float | None


def runs(experiments: Mapping[str, Mapping[str, Any]], found: Mapping[str, Measurements], role: str) -> list[AdviceRun]:
    """The runs at hand: experiments on a role's images that have a latent size and a count of active units."""
    return [
        AdviceRun(
            name,
            block["latent"],
            found[name].metrics["active_units"].mean,
            bool(block.get("conditional")),
            found[name].metrics["nll"].mean if "nll" in found[name].metrics else None,
        )
        for name, block in experiments.items()
        if block["data"] == role and "latent" in block and "active_units" in found[name].metrics
    ]


def singular_values(images: Tensor) -> Tensor:
    """Singular values of the centred training images (N, C, H, W) uint8, as pixels in [0, 1]: (C * H * W,), descending.

    Roots of the eigenvalues of the D x D scatter matrix, D = C * H * W, in float64. In units of bytes the sums over
    images are whole numbers, and exact; eigenvalues below rounding count as zero.
    """
    flat = images.flatten(1)
    d = flat.shape[1]
    scatter = torch.zeros(d, d, dtype=torch.float64, device=images.device)
    total = torch.zeros(d, dtype=torch.float64, device=images.device)
    for part in flat.split(2000):
        x = part.double()
        scatter.addmm_(x.T, x)
        total += x.sum(0)
    scatter -= torch.outer(total, total) / len(flat)
    return torch.linalg.eigvalsh(scatter).clamp(min=0).flip(0).sqrt() / 255


def needed(explained: Tensor, share: float) -> int:
    """How many first components carry at least this share; explained (D,): cumulative shares of the variance."""
    return int((explained < share).sum()) + 1


def draw(singular_values: Tensor, runs: Sequence[AdviceRun]) -> Figure:
    """Left: cumulative explained variance by components, from singular values (D,) in descending order.

    Right, unless there are no runs: a bar a run, as long as Z, filled as far as latent dimensions are used. Bars, not
    points over Z: experiments that share a Z would lie on each other, and their names too.
    """
    variances = singular_values.double().cpu().square()
    size = (4.6, max(3.2, 1.1 + _ROW * len(runs)))
    caption = " ".join(
        [_LEFT, *([_RIGHT] if runs else []), *([_NLL] if any(run.nll is not None for run in runs) else [])]
    )
    figure, panels = style.chart(2 if runs else 1, 2, "How many latent dimensions do I need?", caption, size)
    _explained(panels[0], variances.cumsum(0) / variances.sum())
    if runs:
        _used(figure, panels[1], sorted(runs, key=lambda run: (run.conditional, run.latent, run.name)))
    return figure


def _explained(axes: Axes, explained: Tensor) -> None:
    style.dress(axes, "Training images", "principal components", "variance explained, %")
    last = min(len(explained), max(2 * needed(explained, SHARES[0]), 10))
    counts = np.arange(last + 1)
    axes.plot(counts, [0, *(100 * explained[:last]).tolist()], color=style.PALETTE[0], linewidth=1.8)
    line = 100.0 + _LINE
    for share in SHARES:
        count = needed(explained, share)
        height = 100 * float(explained[count - 1])
        axes.plot([count, count], [0, height], color=style.GREY, linewidth=0.8, linestyle=":")
        axes.plot(count, height, "o", color=style.PALETTE[0], markersize=5)
        axes.annotate(
            f"{share:.0%}: {count}",
            (count, line := min(height, line - _LINE)),
            (5, -4),
            textcoords="offset points",
            va="top",
            size=style.SMALL_SIZE,
            color=style.INK,
            family=style.FONT,
            bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 0.5},
        )
    axes.set_xlim(0, last)
    axes.set_ylim(0, 102)


def _used(figure: Figure, axes: Axes, runs: Sequence[AdviceRun]) -> None:
    style.dress(axes, "Models", "latent dimensions", "experiment")
    rows = range(len(runs))
    colours = [style.PALETTE[1] if run.conditional else style.PALETTE[0] for run in runs]
    axes.barh(rows, [run.latent for run in runs], height=0.62, color=style.FAINT)
    axes.barh(rows, [run.active_units for run in runs], height=0.62, color=colours)
    for row, run in enumerate(runs):
        used = f"{run.active_units:.1f}".removesuffix(".0")
        nll = "" if run.nll is None else f" ({run.nll:.1f})"
        axes.annotate(
            f"{used} of {run.latent}{nll}",
            (run.latent, row),
            (4, 0),
            textcoords="offset points",
            va="center_baseline",
            size=style.SMALL_SIZE,
            color=style.INK,
            family=style.FONT,
        )
    axes.set_yticks(rows, [run.name for run in runs])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.set_ylim(len(runs) - 0.5, -0.5)
    axes.set_xlim(0, 1.5 * max(run.latent for run in runs))  # room for what is written beyond the longest bar
    kinds = {run.conditional: colour for run, colour in zip(runs, colours, strict=True)}
    names = {False: "used, unconditional", True: "used, conditional"}
    handles = [Patch(color=colour, label=names[kind]) for kind, colour in kinds.items()]
    figure.legend(
        handles=[*handles, Patch(color=style.FAINT, label="idle")],
        loc="outside lower right",
        ncols=3,
        frameon=False,
        borderaxespad=0.9,
        handlelength=1,
        handleheight=0.9,
        prop={"family": style.FONT, "size": style.SMALL_SIZE},
    )
