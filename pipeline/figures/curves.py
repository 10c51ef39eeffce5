"""Learning curves: whether training has settled, and how far seeds agree."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from pipeline.contracts.curves import POSITION
from pipeline.contracts.model import LikelihoodModel
from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs

COLUMNS = 3
SIZE = (2.9, 2.4)  # inches of a panel
PLAYERS = "loss of each player"
_BESIDE = 0.8  # inches at most for ticks and labels at the left of a panel
_WRITTEN = {"kl": "KL"}
_IMAGES = {"real": "real images", "fake": "fakes"}
# Of the mean and of one seed, for the first player, the second and so on.
_COLOURS = tuple((style.PALETTE[bold], style.PALETTE[thin]) for bold, thin in ((0, 5), (1, 4), (2, 3)))
Dash = Literal["-", "--", "-."]
_DASHES: tuple[Dash, ...] = ("-", "--", "-.")  # of a player's accuracies
# Of peaks: lines from spike to spike would hide all else.
_DOTS: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 2.2, "markeredgewidth": 0, "clip_on": False}
_PEAK, _ACCURACY = "_peak", "_accuracy"  # the ends of columns that hold no mean loss
_FAR = 2  # times the usual losses from which on peaks have a part of the axis of their own
_USUAL = 0.62  # of that axis for the usual losses

Values = NDArray[np.float64]


def draw(inputs: Inputs) -> Figure | None:
    """A panel a term of the training loss: a thin line a seed, and in bold their mean. None without curves.

    Where players learn against each other, the first panel has the losses of all, with their peaks, and each player's
    accuracies have a panel at the end.
    """
    curves = list(inputs.curves.values())
    if not curves:
        return None
    names, found, shares = players(curves), panels(curves), accuracies(curves)
    highest = {title: peaks(curves) if title == PLAYERS else {} for title in found}
    epochs = np.array([row["epoch"] for row in curves[0]])
    seeds = "1 seed" if len(curves) == 1 else f"{len(curves)} seeds"
    facts = f"training images, each point the mean of {curves[0][0]['iteration']:.0f} iterations"
    caption = f"{inputs.test.source} · {seeds} · {facts}"
    together = {title: np.stack(list(lines.values())) for title, lines in found.items()}
    reach = {title: limits(values, *highest[title].values()) for title, values in together.items()}
    remarks = {title: beyond(values, *reach[title]) for title, values in together.items()}
    if any(remarks.values()):
        caption += " · ↑ ↓ extremes beyond the axis"
    figure, axes_of = style.chart(len(found) + len(shares), COLUMNS, inputs.title("learning curves"), caption, SIZE)
    # Where some title leaves no room for the extremes at its right, all have them below.
    below = "" if all(room(*each) for each in remarks.items()) else "\n"
    unit = "nats per image" if isinstance(inputs.model, LikelihoodModel) else "loss"
    for axes, (title, lines) in zip(axes_of, found.items(), strict=False):
        style.dress(axes, title + below, "epoch", unit)
        for name, values in lines.items():
            _plot(axes, epochs, values, _colours(names, name))
        for name, peak in highest[title].items():
            axes.plot(epochs, peak, color=_colours(names, name)[0], **_DOTS)
        axes.set_xlim(0, epochs[-1])
        _scale(axes, limits(together[title]), reach[title])
        axes.set_title(remarks[title], loc="right", size=style.SMALL_SIZE, color=style.GREY, family=style.FONT)
    dashes = dict(zip(dict.fromkeys(term for lines in shares.values() for term in lines), _DASHES, strict=False))
    for axes, (name, lines) in zip(axes_of[len(found) :], shares.items(), strict=True):
        style.dress(axes, f"{name} accuracy{below}", "epoch", "share right")
        for term, values in lines.items():
            _plot(axes, epochs, values, _colours(names, name), dashes[term])
        axes.set_xlim(0, epochs[-1])
        axes.set_ylim(0, 1.03)
    style.legend(figure, _keys(names, len(curves), any(highest.values()), dashes))
    return figure


def _colours(names: Sequence[str], name: str) -> tuple[str, str]:
    """Of the mean and of one seed, of a player or, where there is only one, of all."""
    return _COLOURS[names.index(name) % len(_COLOURS) if name in names else 0]


def _plot(axes: Axes, epochs: Values, values: Values, colours: tuple[str, str], dash: Dash = "-") -> None:
    """A line a seed, values (seeds, points), and in bold their mean."""
    axes.plot(epochs, values.mean(0), color=colours[0], linewidth=1.8, linestyle=dash, zorder=3)
    if len(values) > 1:
        axes.plot(epochs, values.T, color=colours[1], linewidth=0.8, linestyle=dash)


def _keys(names: Sequence[str], seeds: int, peaks: bool, dashes: Mapping[str, Dash]) -> dict[str, Line2D]:
    bold, thin = (style.GREY, style.GREY) if names else _COLOURS[0]
    keys = {name: Line2D([], [], color=_colours(names, name)[0], linewidth=1.8) for name in names}
    if seeds > 1:
        keys["one seed"] = Line2D([], [], color=thin, linewidth=0.8)
        keys["mean of seeds"] = Line2D([], [], color=bold, linewidth=1.8)
    if peaks:
        keys["highest of a single iteration"] = Line2D([], [], color=style.GREY, **_DOTS)
    for term, dash in dashes.items():
        keys[f"accuracy on {_IMAGES.get(term, term)}"] = Line2D([], [], color=bold, linewidth=1.8, linestyle=dash)
    return keys


def players(curves: Sequence[Sequence[Mapping[str, float]]]) -> list[str]:
    """The names of players that learn against each other: what stands before `_loss`; none where there is one loss."""
    names = [name.removesuffix("_loss") for name in curves[0][0] if name.endswith("_loss")]
    return names if len(names) > 1 else []


def panels(curves: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, dict[str, Values]]:
    """What each panel of losses shows, by title: lines (seeds, points) by player, or by "" where there is one loss."""
    names, found = players(curves), terms(curves)
    shown: dict[str, dict[str, Values]] = {}
    if names:
        shown[PLAYERS] = {name: found.pop(f"{name}_loss") for name in names}
    for term, values in found.items():
        title = " ".join(_WRITTEN.get(word, word) for word in term.split("_"))
        shown[title] = {next((name for name in names if term.startswith(f"{name}_")), ""): values}
    return shown


def terms(curves: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, Values]:
    """Each loss term's values (seeds, points), totals first; no total that only repeats a single term.

    Of players that learn against each other, every one's total is there, whatever repeats it.
    """
    totals = [f"{name}_loss" for name in players(curves)]
    losses = [name for name in curves[0][0] if name not in POSITION and not name.endswith((_PEAK, _ACCURACY))]
    found: dict[str, Values] = {}
    for name in dict.fromkeys([*totals, *sorted(losses, key=lambda name: not name.endswith("loss"))]):
        values = _column(curves, name)
        if name in totals or not any(np.array_equal(values, other) for other in found.values()):
            found[name] = values
    return found


def peaks(curves: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, Values]:
    """Each player's highest loss of a single iteration, of all seeds: (points,); none where none were recorded."""
    there = [name for name in players(curves) if name + _PEAK in curves[0][0]]
    return {name: _column(curves, name + _PEAK).max(0) for name in there}


def accuracies(curves: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, dict[str, Values]]:
    """Shares right (seeds, points) by player, then by what they are of: `real`, `fake`."""
    found: dict[str, dict[str, Values]] = {}
    for name in players(curves):
        for column in curves[0][0]:
            if column.startswith(f"{name}_") and column.endswith(_ACCURACY):
                term = column.removeprefix(f"{name}_").removesuffix(_ACCURACY)
                found.setdefault(name, {})[term] = _column(curves, column)
    return found


def _column(curves: Sequence[Sequence[Mapping[str, float]]], name: str) -> Values:
    """(seeds, points)."""
    return np.array([[row[name] for row in curve] for curve in curves])


def limits(values: Values, *peaks: Values) -> tuple[float, float]:
    """Limits of the vertical axis that a few outliers, such as the first points, do not stretch, but all peaks do."""
    low, high = (float(value) for value in np.percentile(values, (2, 98)))
    reach = (high - low) / 5
    low, high = max(low - reach, float(values.min())), min(high + reach, float(values.max()))
    margin = 0.05 * (high - low) or 0.5
    low, high = low - margin, high + margin
    top = max((float(each.max()) for each in peaks), default=high)
    return low, max(high, top + 0.05 * (top - low))


def _scale(axes: Axes, usual: tuple[float, float], reach: tuple[float, float]) -> None:
    """Where peaks reach far beyond the usual losses, the axis is logarithmic above these: both can be read."""
    size, (low, high) = max(map(abs, usual)), reach
    if high > _FAR * size:
        digits = 1 - math.floor(math.log10(size))
        bend = math.ceil(size * 10**digits) / 10**digits  # two digits
        decades = math.log10(high / bend)
        height = decades * _USUAL / (1 - _USUAL) * bend / (bend - low)  # from 0 to the bend, in decades
        axes.set_yscale("symlog", linthresh=bend, linscale=0.9 * height)  # matplotlib divides by 1 - 1 / 10
        linear = [tick for tick in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, bend) if low <= tick <= bend]
        steps = (1, 2, 5) if decades < 1.5 else (1,)
        above = [k * 10.0**n for n in range(-9, 19) for k in steps if 1.4 * bend < k * 10.0**n < high]
        axes.yaxis.set_major_locator(FixedLocator([*linear, *above]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.axhline(bend, color=style.GREY, linewidth=0.6)
        axes.set_ylabel(f"{axes.get_ylabel()} (log above {bend:g})")
    axes.set_ylim(low, high)


def room(title: str, remark: str) -> bool:
    """Whether a panel is wide enough for its title and a remark beside each other."""
    left, right = style.text_width(title, style.TEXT_SIZE, "bold"), style.text_width(remark, style.SMALL_SIZE)
    return left + right + 0.1 < SIZE[0] - _BESIDE


def beyond(values: Values, low: float, high: float) -> str:
    """The extremes that the axis cuts off: not drawn, but not kept silent."""
    above = [f"↑ {values.max():.4g}"] if values.max() > high else []
    below = [f"↓ {values.min():.4g}"] if values.min() < low else []
    return " ".join(above + below)
