"""Metrics over one or two parameters that vary, as a picture: dots with intervals, or heat maps."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from pipeline.comparison.grid import Field
from pipeline.comparison.words import ARROWS, places, said
from pipeline.ground.errors import InputError
from pipeline.ground.files import replacing
from pipeline.statistics.intervals import Estimate
from pipeline.statistics.measurements import Better

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The look of pipeline/figures/common/style.py, which is not imported as it needs torch.
DPI: Final = 200
FONT: Final = "DejaVu Sans"
TITLE_SIZE, TEXT_SIZE, SMALL_SIZE = 11.0, 9.0, 8.0  # points
INK, GREY, FAINT, PAPER, BLUE = "#1a1a1a", "#595959", "#e0e0e0", "#ffffff", "#0072b2"

CELL: Final = (1.05, 0.62)  # inches, with the gap to the next one
GAP: Final = 0.08  # of a cell's side, on each of its sides
MARGIN: Final = 0.12  # inches of paper around everything
LEGEND: Final = 0.45  # inches that a legend takes
COLOURS: Final[Mapping[Better, str]] = {"higher": "viridis", "lower": "viridis_r", "neither": "Blues"}
PAGE: Final = 11.0  # inches that panels side by side take at most
PANELS: Final = 200  # of which one picture can be read, and is drawn within a minute
PIXELS: Final = 65_000  # of a side, above which Matplotlib draws no picture


def draw(fields: Sequence[Field], base: str, names: Mapping[str, str], path: Path) -> None:
    """Writes a PNG with a panel for each field, all over the same parameters.

    base: the revision's name. names: what to call the parameters, by their keys. Raises InputError for more fields, or
    values of the parameters, than a picture holds.
    """
    if len(fields) > PANELS:
        raise InputError(
            f"--heatmap: expected at most {PANELS} metrics, found {len(fields)}; choose some with --metric"
        )
    figure = _heat_maps(fields, base, names) if fields[0].across[0] else _intervals(fields, base, names)
    with replacing(path) as beside:
        figure.savefig(beside, format="png", dpi=DPI, metadata={"Software": None})


def _heat_maps(fields: Sequence[Field], base: str, names: Mapping[str, str]) -> "Figure":
    (down, rows), (across, columns) = fields[0].down, fields[0].across
    size = (max(3.0, len(columns) * CELL[0] + 1.3), len(rows) * CELL[1] + 0.75)
    caption = "Mean over seeds ± half its 95 % interval. Brighter is better"
    if any(field.column.better == "neither" for field in fields):
        caption += "; blue where no direction is"
    caption += f". Solid frame: the best mean. Dashed: not told apart from it. B: the base, {base}."
    figure, panels = _panels(fields, size, f"{names[down]} by {names[across]}", caption)
    for axes, field in zip(panels, fields, strict=True):
        _heat_map(figure, axes, field, names)
    return figure


def _heat_map(figure: "Figure", axes: "Axes", field: Field, names: Mapping[str, str]) -> None:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.patches import Rectangle

    (down, rows), (across, columns), column = field.down, field.across, field.column
    scale = Normalize(*span([run.scores[column].value for run in field.cells.values()]))
    colours = colormaps[COLOURS[column.better]]
    for row in range(len(rows)):
        for place in range(len(columns)):
            corner, side = (place - 0.5 + GAP, row - 0.5 + GAP), 1 - 2 * GAP
            run = field.cells.get((row, place))
            if run is None:
                axes.add_patch(Rectangle(corner, side, side, fill=False, ec=FAINT, lw=1))
                _write(axes, (place, row), "not run", SMALL_SIZE, GREY)
                continue
            score = run.scores[column]
            red, green, blue, _ = colour = colours(scale(score.value.value))
            axes.add_patch(Rectangle(corner, side, side, fc=colour, lw=0))
            ink = INK if 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 > 0.18 else PAPER
            decimals, (low, value, high) = places(score.value), (score.value.low, score.value.value, score.value.high)
            known = low is not None and high is not None
            _write(axes, (place, row - (0.13 if known else 0)), f"{value:.{decimals}f}", TEXT_SIZE, ink, "bold")
            if low is not None and high is not None:
                _write(axes, (place, row + 0.18), f"± {(high - low) / 2:.{decimals}f}", SMALL_SIZE, ink)
            if (row, place) == field.base:
                _write(axes, (place - 0.34, row - 0.27), "B", SMALL_SIZE, ink, "bold")
            if score.best or score.tied:
                line: dict[str, Any] = {"lw": 2.2} if score.best else {"lw": 1.4, "ls": (0, (3, 2))}
                box = Rectangle((place - 0.46, row - 0.46), 0.92, 0.92, fill=False, ec=INK, joinstyle="miter", **line)
                axes.add_patch(box)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_yticks(range(len(rows)), [said(value) for value in rows])
    axes.spines[:].set_visible(False)
    _dress(axes, columns, names[across], names[down])
    axes.tick_params(length=0)
    bar = figure.colorbar(ScalarMappable(scale, colours), ax=axes, fraction=0.05, pad=0.03, aspect=14)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL_SIZE, labelcolor=INK, color=GREY, labelfontfamily=FONT)
    bar.set_label(column.metric.replace("_", " "), size=SMALL_SIZE, color=INK, family=FONT)


def _intervals(fields: Sequence[Field], base: str, names: Mapping[str, str]) -> "Figure":
    from matplotlib.lines import Line2D

    key, values = fields[0].down
    size = (max(3.2, 0.7 * len(values) + 1.2), 2.5)
    line: dict[str, Any] = {"linewidth": 1.6, "markersize": 6, "solid_capstyle": "butt"}
    caption = "Mean over seeds with its 95 % interval."
    if any(field.column.better == "neither" for field in fields):
        caption += " Black where no direction is better."
    figure, panels = _panels(fields, size, names[key], caption, LEGEND)
    for axes, field in zip(panels, fields, strict=True):
        for place, run in field.cells.items():
            score, x = run.scores[field.column], place[0]
            directed = field.column.better != "neither"
            value, low, high = score.value.value, score.value.low, score.value.high
            look = {**line, "color": BLUE if score.best or score.tied else GREY if directed else INK}
            if low is not None and high is not None:
                axes.plot([x, x], [low, high], **look)
            face = look["color"] if score.best else PAPER
            axes.plot([x], [value], "s" if place == field.base else "o", markerfacecolor=face, **look)
        axes.set_xlim(-0.5, len(values) - 0.5)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GREY)
        axes.grid(color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        _dress(axes, values, names[key], field.column.metric.replace("_", " "))
    keys = [
        Line2D([], [], color=BLUE, marker="o", label="the best mean", **line),
        Line2D([], [], color=BLUE, marker="o", markerfacecolor=PAPER, label="not told apart from it", **line),
        Line2D([], [], color=GREY, marker="o", markerfacecolor=PAPER, label="worse than it", **line),
        Line2D(
            [], [], color=INK, marker="s", markerfacecolor=PAPER, ls="", markersize=6, label=f"square: the base, {base}"
        ),
    ]
    look = {"frameon": False, "borderaxespad": 0.6, "handlelength": 2.0, "prop": {"family": FONT, "size": SMALL_SIZE}}
    figure.legend(handles=keys, loc="lower left", ncols=2, **look)
    return figure


def span(estimates: Sequence[Estimate]) -> tuple[float, float]:
    """What the colours reach over: all values, and no less than an interval is wide, lest noise look like a pattern."""
    values = [estimate.value for estimate in estimates]
    widths = [each.high - each.low for each in estimates if each.low is not None and each.high is not None]
    reach = max(max(values) - min(values), median(widths) if widths else 0.0) or 1.0
    middle = (max(values) + min(values)) / 2
    return middle - reach / 2, middle + reach / 2


def _panels(
    fields: Sequence[Field], size: tuple[float, float], title: str, caption: str, below: float = 0.0
) -> tuple["Figure", list["Axes"]]:
    """An empty panel for each field, of `size` inches, labels included, under a heading and with its own title.

    `below` inches stay free under them.
    """
    from matplotlib.figure import Figure

    experiments = list(dict.fromkeys(field.column.experiment for field in fields))
    several, count = len(experiments) > 1, len(fields)
    if any(run.scores[field.column].value.leaves_out_seeds for field in fields for run in field.cells.values()):
        caption += " Where there is one seed, the interval leaves out what another would change."
    title = title if several else f"{experiments[0]}: {title}"
    size = size[0], size[1] + (0.17 if several else 0)
    columns = math.ceil(count / math.ceil(count / max(1, int(PAGE / size[0]))))
    rows = math.ceil(count / columns)
    width = columns * size[0]
    lines = wrap(caption, int((width - 2 * MARGIN) / (0.008 * SMALL_SIZE)))
    heading = MARGIN + 0.25 + 0.16 * len(lines)
    height = heading + rows * size[1] + below
    if (pixels := max(width, height) * DPI) > PIXELS:
        raise InputError(
            f"--heatmap: expected a picture of at most {PIXELS:,} pixels a side, found {pixels:,.0f}; "
            "choose fewer metrics with --metric, or fewer revisions"
        )
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    text: dict[str, Any] = {"ha": "left", "va": "top", "family": FONT, "x": MARGIN / width, "linespacing": 1.15}
    figure.text(y=1 - MARGIN / height, s=title, size=TITLE_SIZE, weight="bold", color=INK, **text)
    figure.text(y=1 - (MARGIN + 0.24) / height, s="\n".join(lines), size=SMALL_SIZE, color=GREY, **text)
    box = (0.0, below / height, 1.0, 1 - (heading + below) / height)
    figure.set_layout_engine("constrained", rect=box, w_pad=0.08, h_pad=0.06)
    panels = [figure.add_subplot(rows, columns, panel + 1) for panel in range(count)]
    for axes, field in zip(panels, fields, strict=True):
        label = f"{field.column.metric.replace('_', ' ')}{ARROWS[field.column.better]}"
        label = f"{field.column.experiment}\n{label}" if several else label
        axes.set_title(label, loc="left", size=TEXT_SIZE, weight="bold", color=INK, family=FONT)
    return figure, panels


def _dress(axes: "Axes", values: Sequence[Any], x: str, y: str) -> None:
    """A panel's labels, and what stands under its columns."""
    axes.set_xticks(range(len(values)), [said(value) for value in values])
    axes.set_xlabel(x, size=TEXT_SIZE, color=INK, family=FONT)
    axes.set_ylabel(y, size=TEXT_SIZE, color=INK, family=FONT)
    axes.tick_params(labelsize=SMALL_SIZE, labelcolor=INK, color=GREY, labelfontfamily=FONT)


def _write(axes: "Axes", at: tuple[float, float], text: str, size: float, colour: str, weight: str = "normal") -> None:
    axes.text(*at, text, size=size, color=colour, weight=weight, family=FONT, ha="center", va="center")
