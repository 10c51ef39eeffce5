"""Learning curves: whether training has settled, and how far seeds agree."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pipeline.figures import style
from pipeline.models.base import LikelihoodModel
from pipeline.training.curves import POSITION
from pipeline.view import View

COLUMNS = 3
_WRITTEN = {"kl": "KL"}


def draw(view: View) -> Figure | None:
    """A panel a term of the training loss: a thin line a seed, and in bold their mean. None without curves."""
    curves = list(view.curves.values())
    if not curves:
        return None
    found = terms(curves)
    epochs = np.array([row["epoch"] for row in curves[0]])
    seeds = "1 seed" if len(curves) == 1 else f"{len(curves)} seeds"
    facts = f"training images, each point the mean of {curves[0][0]['iteration']:.0f} iterations"
    caption = f"{view.test.source} · {seeds} · {facts}"
    if any(beyond(values) for values in found.values()):
        caption += " · ↑ ↓ extremes beyond the axis"
    figure, panels = style.chart(len(found), COLUMNS, view.title("learning curves"), caption, (2.9, 2.4))
    unit = "nats per image" if isinstance(view.model, LikelihoodModel) else "loss"
    for axes, (term, values) in zip(panels, found.items(), strict=True):
        style.dress(axes, " ".join(_WRITTEN.get(word, word) for word in term.split("_")), "epoch", unit)
        bold = axes.plot(epochs, values.mean(0), color=style.PALETTE[0], linewidth=1.8, zorder=3)
        thin = axes.plot(epochs, values.T, color=style.PALETTE[5], linewidth=0.8) if len(curves) > 1 else []
        axes.set_xlim(0, epochs[-1])
        axes.set_ylim(*limits(values))
        axes.set_title(beyond(values), loc="right", size=style.SMALL_SIZE, color=style.GREY, family=style.FONT)
    if thin:
        figure.legend(
            [thin[0], bold[0]],
            ["one seed", "mean of seeds"],
            loc="outside lower left",
            ncols=2,
            frameon=False,
            borderaxespad=0.9,
            prop={"family": style.FONT, "size": style.SMALL_SIZE},
        )
    return figure


def terms(curves: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, NDArray[np.float64]]:
    """Each loss term's values (seeds, points), totals first; no total that only repeats a single term."""
    names = sorted((name for name in curves[0][0] if name not in POSITION), key=lambda name: not name.endswith("loss"))
    found: dict[str, NDArray[np.float64]] = {}
    for name in names:
        values = np.array([[row[name] for row in curve] for curve in curves])
        if not any(np.array_equal(values, other) for other in found.values()):
            found[name] = values
    return found


def limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Limits of the vertical axis that a few outliers, such as the first points, do not stretch."""
    low, high = (float(value) for value in np.percentile(values, (2, 98)))
    reach = (high - low) / 5
    low, high = max(low - reach, float(values.min())), min(high + reach, float(values.max()))
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def beyond(values: NDArray[np.float64]) -> str:
    """The extremes that `limits` cuts off, such as a GAN's spikes: not drawn, but not kept silent."""
    low, high = limits(values)
    above = [f"↑ {values.max():.4g}"] if values.max() > high else []
    below = [f"↓ {values.min():.4g}"] if values.min() < low else []
    return " ".join(above + below)
