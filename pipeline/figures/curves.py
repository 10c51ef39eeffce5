"""Learning curves: whether training has settled, and how far seeds agree."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from pipeline.figures import style
from pipeline.models.base import LikelihoodModel
from pipeline.training.curves import POSITION
from pipeline.view import View

COLUMNS = 3
SIZE = (2.9, 2.4)  # inches of a panel
_BESIDE = 0.8  # inches at most for ticks and labels at the left of a panel
_WRITTEN = {"kl": "KL"}
# Of the mean and of one seed, for the first player, the second and so on.
_COLOURS = tuple((style.PALETTE[bold], style.PALETTE[thin]) for bold, thin in ((0, 5), (1, 4), (2, 3)))


def draw(view: View) -> Figure | None:
    """A panel a term of the training loss: a thin line a seed, and in bold their mean. None without curves.

    Where players learn against each other, the first panel has the losses of all.
    """
    curves = list(view.curves.values())
    if not curves:
        return None
    names = players(curves)
    found = panels(curves)
    epochs = np.array([row["epoch"] for row in curves[0]])
    seeds = "1 seed" if len(curves) == 1 else f"{len(curves)} seeds"
    facts = f"training images, each point the mean of {curves[0][0]['iteration']:.0f} iterations"
    caption = f"{view.test.source} · {seeds} · {facts}"
    if any(beyond(np.stack(list(lines.values()))) for lines in found.values()):
        caption += " · ↑ ↓ extremes beyond the axis"
    figure, axes_of = style.chart(len(found), COLUMNS, view.title("learning curves"), caption, SIZE)
    # Where some title leaves no room for the extremes at its right, all have them below.
    below = "" if all(room(title, np.stack(list(lines.values()))) for title, lines in found.items()) else "\n"
    unit = "nats per image" if isinstance(view.model, LikelihoodModel) else "loss"
    for axes, (title, lines) in zip(axes_of, found.items(), strict=True):
        style.dress(axes, title + below, "epoch", unit)
        for name, values in lines.items():
            bold, thin = _COLOURS[names.index(name) % len(_COLOURS) if name in names else 0]
            axes.plot(epochs, values.mean(0), color=bold, linewidth=1.8, zorder=3)
            if len(curves) > 1:
                axes.plot(epochs, values.T, color=thin, linewidth=0.8)
        together = np.stack(list(lines.values()))
        axes.set_xlim(0, epochs[-1])
        axes.set_ylim(*limits(together))
        axes.set_title(beyond(together), loc="right", size=style.SMALL_SIZE, color=style.GREY, family=style.FONT)
    one, mean = (style.GREY, style.GREY) if names else (_COLOURS[0][1], _COLOURS[0][0])
    keys = {name: Line2D([], [], color=bold, linewidth=1.8) for name, (bold, _) in zip(names, _COLOURS, strict=False)}
    if len(curves) > 1:
        keys["one seed"] = Line2D([], [], color=one, linewidth=0.8)
        keys["mean of seeds"] = Line2D([], [], color=mean, linewidth=1.8)
    style.legend(figure, keys)
    return figure


def players(curves: Sequence[Sequence[Mapping[str, float]]]) -> list[str]:
    """The names of players that learn against each other: what stands before `_loss`; none where there is one loss."""
    names = [name.removesuffix("_loss") for name in curves[0][0] if name.endswith("_loss")]
    return names if len(names) > 1 else []


def panels(curves: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """What each panel shows, by its title: lines (seeds, points) by player, or by "" where there is one loss."""
    names, found = players(curves), terms(curves)
    shown: dict[str, dict[str, NDArray[np.float64]]] = {}
    if names:
        shown["loss of each player"] = {name: found.pop(f"{name}_loss") for name in names}
    for term, values in found.items():
        title = " ".join(_WRITTEN.get(word, word) for word in term.split("_"))
        shown[title] = {next((name for name in names if term.startswith(f"{name}_")), ""): values}
    return shown


def terms(curves: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, NDArray[np.float64]]:
    """Each loss term's values (seeds, points), totals first; no total that only repeats a single term.

    Of players that learn against each other, every one's total is there, whatever repeats it.
    """
    totals = [f"{name}_loss" for name in players(curves)]
    others = sorted((name for name in curves[0][0] if name not in POSITION), key=lambda name: not name.endswith("loss"))
    found: dict[str, NDArray[np.float64]] = {}
    for name in dict.fromkeys([*totals, *others]):
        values = np.array([[row[name] for row in curve] for curve in curves])
        if name in totals or not any(np.array_equal(values, other) for other in found.values()):
            found[name] = values
    return found


def limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Limits of the vertical axis that a few outliers, such as the first points, do not stretch."""
    low, high = (float(value) for value in np.percentile(values, (2, 98)))
    reach = (high - low) / 5
    low, high = max(low - reach, float(values.min())), min(high + reach, float(values.max()))
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def room(title: str, values: NDArray[np.float64]) -> bool:
    """Whether a panel is wide enough for its title and the extremes beside each other."""
    left, right = style.text_width(title, style.TEXT_SIZE, "bold"), style.text_width(beyond(values), style.SMALL_SIZE)
    return left + right + 0.1 < SIZE[0] - _BESIDE


def beyond(values: NDArray[np.float64]) -> str:
    """The extremes that `limits` cuts off, such as a GAN's spikes: not drawn, but not kept silent."""
    low, high = limits(values)
    above = [f"↑ {values.max():.4g}"] if values.max() > high else []
    below = [f"↓ {values.min():.4g}"] if values.min() < low else []
    return " ".join(above + below)
