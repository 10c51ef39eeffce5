"""Quality against training: whether more of it would help, and whether averaged weights draw better."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from pipeline.contracts.model import AdversarialModel
from pipeline.contracts.training_progress import Moment
from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs

COLUMNS = 3
_DRAWERS = {  # name, then colours of the mean and of one seed, and the marker
    "generator": ("weights as they were", style.PALETTE[0], style.PALETTE[5], "o"),
    "average": ("their moving average", style.PALETTE[1], style.PALETTE[4], "s"),
}
_WRITTEN = {
    "frechet_distance": ("Fréchet distance", "lower is better"),
    "diversity": ("diversity", "1 is as real images"),
    "recognised": ("recognised", "share of labels asked for"),
    "condition_accuracy": ("condition accuracy", "share right"),
}
_ACCURACY = "_accuracy"
_STEEP = 10.0  # times from the least to the greatest value from which a distance has a logarithmic axis


def draw(inputs: Inputs) -> Figure | None:
    """A panel a value, a marker a moment: a thin line a seed, in bold their mean. None where no moments are kept."""
    seeds = [moments for moments in inputs.progress.values() if moments]
    if not seeds:
        return None
    names = list(seeds[0][0].values)
    table = "on fewer samples than the table"
    if isinstance(inputs.model, AdversarialModel):
        table += f", which is of the {_DRAWERS[inputs.model.drawn_by][0].removeprefix('their ')}"
    facts: tuple[str, ...] = (f"{len(seeds)} seeds" if len(seeds) > 1 else "1 seed", cadence(seeds[0]), table)
    if any(name.endswith(_ACCURACY) for name in names):
        facts += (inputs.yardstick,)
    caption = " · ".join((inputs.test.source, *facts))
    figure, panels = style.chart(len(names), COLUMNS, inputs.title("progress"), caption, (2.9, 2.4))
    for axes, name in zip(panels, names, strict=True):
        title, unit = written(name)
        style.dress(axes, title, "thousand images seen", unit)
        for drawer, (_, bold, thin, marker) in _DRAWERS.items():
            lines = [line(moments, drawer, name) for moments in seeds]
            if len(seeds) > 1:
                for points in lines:
                    axes.plot(list(points), list(points.values()), color=thin, linewidth=0.8)
            mean = {x: np.mean([points[x] for points in lines]) for x in lines[0] if all(x in each for each in lines)}
            axes.plot(list(mean), list(mean.values()), color=bold, linewidth=1.8, marker=marker, markersize=4, zorder=3)
        _scale(axes, name, np.array([moment.values[name] for moments in seeds for moment in moments]))
        axes.set_xlim(0, None)
    style.legend(figure, _keys(seeds, names))
    return figure


def line(moments: Sequence[Moment], drawer: str, name: str) -> dict[float, float]:
    """A value by thousands of images seen, of one drawer."""
    return {moment.images_seen / 1000: moment.values[name] for moment in moments if moment.drawer == drawer}


def cadence(moments: Sequence[Moment]) -> str:
    """How often and how far apart one seed's moments are, the beginning of training being no moment."""
    at = sorted({moment.iteration for moment in moments})
    apart = {after - before for before, after in zip((0, *at), at, strict=False)}
    if len(at) == 1:
        return f"measured once, after {at[0]:,} iterations"
    if len(apart) == 1:
        return f"measured at {len(at)} moments, every {at[0]:,} iterations"
    return f"measured at {len(at)} moments, every {min(apart):,} to {max(apart):,} iterations"


def written(name: str) -> tuple[str, str]:
    """A panel's title and its vertical axis' label."""
    if name in _WRITTEN:
        return _WRITTEN[name]
    if name.endswith(_ACCURACY):
        return f"accuracy on {name.removesuffix(_ACCURACY).replace('_', ' ')}", "share right"
    return name.replace("_", " "), "value"


def _scale(axes: Axes, name: str, values: np.ndarray) -> None:
    """A vertical axis that makes panels comparable and hides no change."""
    if name.endswith(_ACCURACY) or name == "recognised":
        axes.set_ylim(0, 1.03)
    elif name == "diversity":
        axes.axhline(1, color=style.INK, linewidth=1, linestyle=":")
        axes.set_ylim(0, 1.08 * max(1, values.max()))
    elif name == "frechet_distance" and values.min() > 0 and values.max() > _STEEP * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylabel(f"{axes.get_ylabel()} (log)")
    elif values.min() >= 0:
        axes.set_ylim(0, 1.08 * values.max() or 1)


def _keys(seeds: Sequence[Sequence[Moment]], names: Sequence[str]) -> Mapping[str, Line2D]:
    there = {moment.drawer for moments in seeds for moment in moments}
    keys = {
        words: Line2D([], [], color=bold, linewidth=1.8, marker=marker, markersize=4)
        for drawer, (words, bold, _, marker) in _DRAWERS.items()
        if drawer in there
    }
    if len(seeds) > 1:
        keys["one seed"] = Line2D([], [], color=style.GREY, linewidth=0.8)
        keys["mean of seeds"] = Line2D([], [], color=style.GREY, linewidth=1.8)
    if "diversity" in names:
        keys["real images"] = Line2D([], [], color=style.INK, linewidth=1, linestyle=":")
    return keys
