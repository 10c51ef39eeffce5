"""How many latent dimensions do I need? What the training images and the trained models say.

Report A's advice, drawn: look at the singular values of the training data; try several Z, and see how many are used;
or give the encoder a large Z, regularise it so that it uses what it needs, and see how many that are.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter
from torch import Tensor

from pipeline.figures.common import style
from pipeline.statistics.intervals import Estimate, between
from pipeline.statistics.measurements import Measurements
from pipeline.wording import numbers

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
_MARKED = "Squares: how many dimensions a large latent uses, regularised and not."
_REGULARISERS = {"beta": 1.0, "beta_warmup": 0}  # keys that make an encoder use fewer or others, and their defaults
_KINDS = {"unconditional": 0, "conditional": 1, "regularised": 2}  # of bars, by number in the palette
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_ROW = 0.22  # inches a run
_NAME = 1.6  # inches of an experiment's name, at most
_LINE = 7  # per cent of variance from one label down to the next, at least, so that they never overlap


@dataclass(frozen=True)
class AdviceRun:
    """A trained experiment. latent: Z; active_units: of them, mean over seeds.

    nll: -log p(x) of test images, nats per image; None where it does not compare with the others'. regularised: whether
    its KL has a weight or a schedule. series: the same for experiments that differ in nothing but that, their Z and
    seeds. found: all that was measured of it.
    """

    name: str
    latent: int
    active_units: float
    conditional: bool
    nll: float | None
    regularised: bool = False
    series: str = ""
    found: Measurements | None = field(default=None, compare=False, repr=False)

    @property
    def kind(self) -> str:
        return "regularised" if self.regularised else "conditional" if self.conditional else "unconditional"


def runs(experiments: Mapping[str, Mapping[str, Any]], found: Mapping[str, Measurements], role: str) -> list[AdviceRun]:
    """The runs at hand: experiments on a role's images that have a latent size and a count of active units."""
    return [
        AdviceRun(
            name,
            block["latent"],
            found[name].metrics["active_units"].mean,
            bool(block.get("conditional")),
            found[name].metrics["nll"].mean if "nll" in found[name].metrics else None,
            any(block.get(key, default) != default for key, default in _REGULARISERS.items()),
            json.dumps(
                {k: v for k, v in block.items() if k not in {"latent", "seeds", *_REGULARISERS}}, sort_keys=True
            ),
            found[name],
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


def largest(runs: Sequence[AdviceRun]) -> tuple[AdviceRun, AdviceRun] | None:
    """The regularised run with the largest Z, and the first one that has the same Z and is not; None without them."""
    for run in sorted(runs, key=lambda run: -run.latent):
        twins = [other for other in _plain(run, runs) if other.latent == run.latent]
        if run.regularised and twins:
            return run, twins[0]
    return None


def _plain(run: AdviceRun, runs: Sequence[AdviceRun]) -> list[AdviceRun]:
    """Those that differ from a run in being not regularised, and in Z."""
    return [other for other in runs if other.series == run.series and not other.regularised]


def advice(runs: Sequence[AdviceRun]) -> str:
    """Which Z we would choose, and why; empty where there is no large regularised latent to ask.

    Of the sizes tried, the likeliest; where that and the regularised one differ by no more than chance may, the
    smallest that holds as many dimensions as the regularised one uses.
    """
    pair = largest(runs)
    if pair is None:
        return ""
    run = pair[0]
    tried = [other for other in _plain(run, runs) if other.nll is not None and other.found]
    if run.nll is None or run.found is None or not tried:
        return ""
    best = min(tried, key=lambda other: other.nll or math.inf)
    gap = between(run.found, best.found, "nll") if best.found else Estimate(0.0, None, None, 0)
    used = f"{_count(run.active_units)} of its {run.latent} dimensions"
    told = numbers.text(abs(gap.value), *_turned(gap))
    if gap.high is not None and gap.high < 0:
        return (
            f"We would take Z = {run.latent} and regularise it: {run.name} uses {used}, and test images are likelier "
            f"under it than with any Z tried without, by {told} nats than with {best.latent}, the best of these."
        )
    if gap.low is not None and gap.low > 0:
        return (
            f"We would take Z = {best.latent}, with which test images are likeliest: by {told} nats than under "
            f"{run.name}, which uses {used}."
        )
    enough = min((other.latent for other in tried if other.latent >= run.active_units), default=run.latent)
    return (
        f"We would take Z = {enough}, the smallest tried that holds what a large regularised latent uses: {run.name} "
        f"uses {used}. Whether test images are likelier under that one or with Z = {best.latent}, the best without, "
        "cannot be told."
    )


def _turned(gap: Estimate) -> tuple[float | None, float | None]:
    """The interval of a difference's size, where it leaves out 0."""
    if gap.low is None or gap.high is None:
        return None, None
    return (gap.low, gap.high) if gap.value > 0 else (-gap.high, -gap.low)


def _count(units: float) -> str:
    """A mean over seeds, to a tenth."""
    return f"{units:.1f}".removesuffix(".0")


def write(images: Tensor, runs: Sequence[AdviceRun], path: Path) -> None:
    """The figure, see `draw`, as a PNG; images: (N, C, H, W), of training."""
    style.save(draw(singular_values(images), runs), path)


def draw(singular_values: Tensor, runs: Sequence[AdviceRun]) -> Figure:
    """Left: cumulative explained variance by components, from singular values (D,) in descending order, and how many
    dimensions a large latent uses, regularised and not.

    Right, unless there are no runs: a bar a run, as long as Z, filled as far as latent dimensions are used. Bars, not
    points over Z: experiments that share a Z would lie on each other, and their names too.
    """
    variances = singular_values.double().cpu().square()
    size = (4.6, max(3.2, 1.1 + _ROW * len(runs)))
    pair = largest(runs)
    parts = [advice(runs), _LEFT, _MARKED if pair else "", _RIGHT if runs else ""]
    parts += [_NLL] if any(run.nll is not None for run in runs) else []
    caption = " ".join(part for part in parts if part)
    figure, panels = style.chart(2 if runs else 1, 2, "How many latent dimensions do I need?", caption, size)
    _explained(panels[0], variances.cumsum(0) / variances.sum(), pair or ())
    if runs:
        _used(figure, panels[1], sorted(runs, key=lambda run: (run.conditional, run.latent, run.name)))
    return figure


def _explained(axes: Axes, explained: Tensor, marked: Sequence[AdviceRun]) -> None:
    style.dress(axes, "Training images", "principal components (log)", "variance explained, %")
    last = min(len(explained), max(2 * needed(explained, SHARES[0]), 10))
    axes.set_xscale("log")
    counts = np.arange(1, last + 1)
    axes.plot(counts, (100 * explained[:last]).tolist(), color=style.PALETTE[0], linewidth=1.8)
    line = 100.0 + _LINE
    for share in SHARES:
        count = needed(explained, share)
        height = 100 * float(explained[count - 1])
        axes.plot([count, count], [0, height], color=style.GREY, linewidth=0.8, linestyle=":")
        axes.plot(count, height, "o", color=style.PALETTE[0], markersize=5)
        line = min(height, line - _LINE)
        _label(axes, f"{share:.0%}: {count}", (count, line), style.INK)
    for place, run in enumerate(marked):
        at = min(max(run.active_units, 1), last)
        colour = style.PALETTE[_KINDS[run.kind]]
        height = 100 * float(np.interp(at, counts, explained[:last].cpu().numpy()))
        axes.plot([at, at], [0, height], color=colour, linewidth=1.2)
        axes.plot(at, height, "s", color=colour, markersize=5)
        name = style.fitted(run.name, _NAME, style.SMALL_SIZE)
        _label(axes, f"{_count(run.active_units)}: {name}", (last, (2 * place + 1) * _LINE), colour, "right")
    axes.set_xlim(1, last)
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    axes.set_ylim(0, 102)


def _label(
    axes: Axes, text: str, at: tuple[float, float], colour: str, side: Literal["left", "right"] = "left"
) -> None:
    """Beside a point of the axes, which lies at this side of the text; below the curve, which rises to the right."""
    axes.annotate(
        text,
        at,
        (5 if side == "left" else -5, -4),
        textcoords="offset points",
        ha=side,
        va="top",
        size=style.SMALL_SIZE,
        color=colour,
        family=style.FONT,
        bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 0.5},
    )


def _used(figure: Figure, axes: Axes, runs: Sequence[AdviceRun]) -> None:
    style.dress(axes, "Models", "latent dimensions", "experiment")
    rows = range(len(runs))
    colours = [style.PALETTE[_KINDS[run.kind]] for run in runs]
    axes.barh(rows, [run.latent for run in runs], height=0.62, color=style.FAINT)
    axes.barh(rows, [run.active_units for run in runs], height=0.62, color=colours)
    for row, run in enumerate(runs):
        nll = "" if run.nll is None else f" ({run.nll:.1f})"
        axes.annotate(
            f"{_count(run.active_units)} of {run.latent}{nll}",
            (run.latent, row),
            (4, 0),
            textcoords="offset points",
            va="center_baseline",
            size=style.SMALL_SIZE,
            color=style.INK,
            family=style.FONT,
        )
    axes.set_yticks(rows, [style.fitted(run.name, _NAME, style.TEXT_SIZE) for run in runs])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.set_ylim(len(runs) - 0.5, -0.5)
    axes.set_xlim(0, 1.5 * max(run.latent for run in runs))  # room for what is written beyond the longest bar
    there = {run.kind for run in runs}
    handles = [Patch(color=style.PALETTE[n], label=f"used, {kind}") for kind, n in _KINDS.items() if kind in there]
    figure.legend(
        handles=[*handles, Patch(color=style.FAINT, label="idle")],
        loc="outside lower right",
        ncols=4,
        frameon=False,
        borderaxespad=0.9,
        handlelength=1,
        handleheight=0.9,
        prop={"family": style.FONT, "size": style.SMALL_SIZE},
    )
