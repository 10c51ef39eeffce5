"""One look for every picture: type sizes, colours, image grids, charts, and PNG files that repeat byte for byte.

Figures are made without pyplot, which is slow to import and keeps global state.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import matplotlib
import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pipeline.figures.common.lettering import settable, shortened
from pipeline.ground.files import replacing

matplotlib.rcParams["text.parse_math"] = False  # a class may be called $x$: what is set is names, never formulas

DPI: Final = 200  # pixels per inch: shown at half their size, pictures are sharp on screens of double density too
FONT: Final = "DejaVu Sans"  # comes with matplotlib, so that every machine sets the same type
TITLE_SIZE, TEXT_SIZE, SMALL_SIZE = 11.0, 9.0, 8.0  # points
INK, GREY, FAINT, PAPER = "#1a1a1a", "#595959", "#e0e0e0", "#ffffff"
# Okabe and Ito (2008): distinct for colour-blind eyes too. Their yellow is left out: too pale for lines on white.
PALETTE: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
WRONG: Final = "#b24700"  # the palette's second, darker, so that small type stands out from white

LABEL, NOTE = 2.2, 1.5  # inches of a label beside images or in a legend, and of a line below an image, at most
_COLUMN = 0.6  # inches of a label above images, at least

_MARGIN = 0.12  # inches of paper around everything
_GAP = 0.06  # inches between a text and what it belongs to
_LEADING = 1.35  # line height by type size
_GRID_WIDTH = 1150  # pixels that the images of a grid fill at most
_LEAST_SCALE = 2  # times that a grid's images are enlarged at least: pictures are shown at half their size
_TILE_GAP = 3  # pixels between the images of a grid
_GROUP_GAP = 28  # pixels more between groups of columns
_FRAME = 3  # pixels of a frame's line; as many of paper are between it and its image
_WHITE: Final = np.uint32(0xFFFFFFFF)  # a pixel's four bytes
_FRAMED_GAP = 4 * _FRAME + 6  # pixels between images where some have frames


@dataclass(frozen=True)
class Line:
    """A line of small type below an image."""

    text: str
    colour: str = INK


def image_grid(
    images: Tensor,
    columns: int,
    title: str,
    caption: str,
    *,
    row_labels: Sequence[str] = (),
    row_title: str = "",
    column_labels: Sequence[str] = (),
    column_title: str = "",
    group: int = 0,
    lines: Sequence[Sequence[Line]] = (),
    possible: Sequence[str] = (),
    framed: Collection[int] = (),
) -> Figure:
    """Images (N, C, H, W) in [0, 1], grey or RGB, row by row, `columns` a row.

    row_labels: one a row, on the left; row_title: what they are; column_labels: at the top, one a column, or fewer,
    each over as many columns as the others; column_title: what runs from left to right. group: how many columns stand
    together, apart from the next ones; 0: all. lines: below each image; possible: lines that there might have been, so
    that columns are always as wide as the longest needs. framed: the numbers of images to frame.
    Every pixel of an image becomes a square of whole pixels of the file, so that nothing is blurred.
    """
    lines = [[Line(fitted(each.text, NOTE, SMALL_SIZE), each.colour) for each in below] for below in lines]
    row_labels = ["\n".join(fitted(line, LABEL, TEXT_SIZE) for line in label.split("\n")) for label in row_labels]
    texts = {*(fitted(text, NOTE, SMALL_SIZE) for text in possible), *(line.text for each in lines for line in each)}
    room = math.ceil(max((text_width(text, SMALL_SIZE) for text in texts), default=0) * DPI)
    counts = [max(map(len, lines[start : start + columns]), default=0) for start in range(0, len(images), columns)]
    below = [math.ceil((2 * _GAP + count * _text_height(SMALL_SIZE)) * DPI) if count else 0 for count in counts]
    sheet = _sheet(images, columns, _FRAMED_GAP if framed or texts else _TILE_GAP, room, below, group)
    down, across, _ = sheet.picture.shape
    high, wide = sheet.tile
    label_height = _text_height(TEXT_SIZE) + _GAP
    beside = label_height if row_title else 0.0
    widths = (text_width(line, TEXT_SIZE) for label in row_labels for line in label.split("\n"))
    beside += max((width + _GAP for width in widths), default=0)
    under = label_height if column_title else 0.0
    above = label_height if column_labels else 0.0
    width = _MARGIN + beside + across / DPI + _MARGIN
    heading = _heading(title, caption, width)
    height = heading.height + above + down / DPI + under + _MARGIN

    figure = _figure(width, height, heading)
    # The picture stands on whole pixels of the file, each of its pixels on one of the file's.
    whole_width, whole_height = figure.bbox.size
    left, bottom = round((_MARGIN + beside) * DPI), round((under + _MARGIN) * DPI)
    box = (left / whole_width, bottom / whole_height, across / whole_width, down / whole_height)
    figure.add_artist(_Pixels(sheet.picture, (left, bottom)))
    axes = figure.add_axes(box, xlim=(0, across), ylim=(down, 0), facecolor="none")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=_GAP * 72, labelsize=TEXT_SIZE, labelcolor=INK, labelfontfamily=FONT)
    axes.tick_params("x", labelbottom=False, labeltop=True)
    span = columns // max(len(column_labels), 1)
    ends = [(sheet.lefts[n * span], sheet.lefts[(n + 1) * span - 1] + wide) for n in range(len(column_labels))]
    above_each = [
        fitted(label, max(_COLUMN, (end - start) / DPI), TEXT_SIZE)
        for label, (start, end) in zip(column_labels, ends, strict=True)
    ]
    axes.set_xticks([(start + end) / 2 for start, end in ends], above_each)
    axes.set_yticks([y + high / 2 for y in sheet.tops[: len(row_labels)]], row_labels, multialignment="right")
    text: dict[str, Any] = {"size": TEXT_SIZE, "color": GREY, "family": FONT, "labelpad": _GAP * 72}
    axes.set_xlabel(column_title, **text)
    axes.set_ylabel(row_title, **text)
    for number in range(len(images)):
        place = sheet.lefts[number % columns], sheet.tops[number // columns]
        _write_below(axes, place, sheet.tile, lines[number] if lines else ())
        if number in framed:
            _frame(axes, place, sheet.tile)
    return figure


def _write_below(axes: Axes, place: tuple[int, int], tile: tuple[int, int], lines: Sequence[Line]) -> None:
    """Lines under an image that begins at `place`, x and y from the top left, in pixels."""
    (x, y), (high, _) = place, tile
    for row, line in enumerate(lines):
        at = (x, y + high + (_GAP + row * _text_height(SMALL_SIZE)) * DPI)
        axes.text(*at, line.text, size=SMALL_SIZE, color=line.colour, family=FONT, va="top")


def _frame(axes: Axes, place: tuple[int, int], tile: tuple[int, int]) -> None:
    """A frame round an image that begins at `place`, x and y from the top left, in pixels."""
    (x, y), (high, wide), reach = place, tile, 1.5 * _FRAME
    look: dict[str, Any] = {"edgecolor": WRONG, "linewidth": _FRAME * 72 / DPI, "joinstyle": "miter"}
    box = ((x - reach, y - reach), wide + 2 * reach, high + 2 * reach)
    axes.add_patch(Rectangle(*box, fill=False, clip_on=False, antialiased=False, snap=False, **look))


def tiles(images: Tensor, columns: int) -> Tensor:
    """One picture (H', W', 3) uint8 of images (N, C, H, W) in [0, 1], enlarged by a whole number, with thin gaps.

    Raises ValueError unless C is 1 or 3. Places left over in the last row are white.
    """
    return torch.from_numpy(_sheet(images, columns, _TILE_GAP).picture[..., :3])


@final
class _Pixels(Artist):
    """A picture (H, W, 4) uint8 whose pixels become the file's as they are.

    Matplotlib's own images are resampled even where nothing changes, which takes several times as long.
    """

    def __init__(self, picture: NDArray[np.uint8], place: tuple[int, int]) -> None:
        """place: of its left and lower edge, in pixels from the figure's."""
        super().__init__()
        self.picture, self._place = picture, place

    def draw(self, renderer: RendererBase) -> None:
        renderer.draw_image(renderer.new_gc(), *self._place, self.picture[::-1])


@dataclass(frozen=True)
class _Sheet:
    """picture: (H, W, 4) uint8, opaque; tile: height and width of an image in it; lefts, tops: where columns and rows
    begin.
    """

    picture: NDArray[np.uint8]
    tile: tuple[int, int]
    lefts: Sequence[int]
    tops: Sequence[int]


def _sheet(images: Tensor, columns: int, gap: int, room: int = 0, below: Sequence[int] = (), group: int = 0) -> _Sheet:
    """Images (N, C, H, W), `gap` pixels apart, in columns of `room` pixels at least, with `below` each row more paper.

    Every `group` columns, if any, stand farther from the next ones.
    Raises ValueError unless C is 1 or 3. Places left over in the last row are white.
    """
    n, c, h, w = images.shape
    if c not in (1, 3):
        raise ValueError(f"images: expected 1 or 3 channels, found {c}")
    rows = math.ceil(n / columns)
    scale = max(_LEAST_SCALE, room // w, _GRID_WIDTH // (columns * w))
    high, wide = h * scale, w * scale
    lefts = [
        column * (max(wide, room) + gap) + (column // group * _GROUP_GAP if group else 0) for column in range(columns)
    ]
    tops = [0]
    for row in range(rows):
        tops.append(tops[-1] + high + (below[row] if below else 0) + gap)
    picture = np.full((tops.pop() - gap, lefts[-1] + max(wide, room)), _WHITE)
    values = images.detach().cpu().mul(255).round().to(torch.uint8).expand(n, 3, h, w).permute(0, 2, 3, 1)
    opaque = torch.cat([values, torch.full((n, h, w, 1), 255, dtype=torch.uint8)], 3).numpy()
    # Whole pixels are repeated, then whole rows: an order of magnitude faster than colour by colour.
    for number, image in enumerate(opaque.view(np.uint32)[..., 0].repeat(scale, 2)):
        x, y = lefts[number % columns], tops[number // columns]
        picture[y : y + high, x : x + wide] = image.repeat(scale, 0)
    return _Sheet(picture.view(np.uint8).reshape(*picture.shape, 4), (high, wide), lefts, tops)


def chart(panels: int, columns: int, title: str, caption: str, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure of empty panels of `size` inches each, labels included, at most `columns` a row."""
    rows = math.ceil(panels / columns)
    columns = math.ceil(panels / rows)  # four panels, at most three a row: two and two
    width = columns * size[0]
    heading = _heading(title, caption, width)
    height = heading.height + rows * size[1]
    figure = _figure(width, height, heading)
    side, top = _MARGIN / width, heading.height / height
    figure.set_layout_engine("constrained", rect=(side / 2, 0, 1 - side, 1 - top), w_pad=0.06, h_pad=0.06)
    return figure, [figure.add_subplot(rows, columns, panel + 1) for panel in range(panels)]


def dress(axes: Axes, title: str, x: str, y: str) -> None:
    """A panel's title, and its axes' labels with their units."""
    axes.set_title(settable(title), loc="left", size=TEXT_SIZE, weight="bold", color=INK, family=FONT)
    axes.set_xlabel(x, size=TEXT_SIZE, color=INK, family=FONT)
    axes.set_ylabel(y, size=TEXT_SIZE, color=INK, family=FONT)
    axes.tick_params(labelsize=SMALL_SIZE, labelcolor=INK, color=GREY, labelfontfamily=FONT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def legend(figure: Figure, keys: Mapping[str, Line2D]) -> None:
    """What lines mean, by its name, below a chart's panels, in as many rows as needed; nothing without keys."""
    if not keys:
        return
    names = [fitted(name, LABEL, SMALL_SIZE) for name in keys]
    # In ems, as matplotlib has them: a line and the gap to its text, and between columns
    line, between, em = 2.0 + 0.8, 2.0, SMALL_SIZE / 72
    widths = [text_width(name, SMALL_SIZE) + (line + between) * em for name in names]
    fits = (n for n in range(len(keys), 1, -1) if n * max(widths) < figure.get_figwidth() - 2 * _MARGIN)
    figure.legend(
        list(keys.values()),
        names,
        loc="outside lower left",
        ncols=len(keys) if sum(widths) < figure.get_figwidth() - 2 * _MARGIN else next(fits, 1),
        frameon=False,
        borderaxespad=0.9,
        handlelength=2.0,
        handletextpad=0.8,
        columnspacing=between,
        prop={"family": FONT, "size": SMALL_SIZE},
    )


def save(figure: Figure, path: Path) -> None:
    """Writes a PNG: the same bytes for the same figure, and whole or not at all."""
    canvas: Any = FigureCanvasAgg(figure)  # whose methods matplotlib leaves untyped
    canvas.draw()
    # Paper is opaque. The level costs half the time of Pillow's usual one, and a hundredth of the size.
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    with replacing(path) as beside:
        picture.save(beside, format="PNG", compress_level=4, dpi=(DPI, DPI))


@dataclass(frozen=True)
class _Heading:
    """Lines at the top of a figure; height: inches, with the margin above and the gap below."""

    title: str
    caption: str
    height: float


def _heading(title: str, caption: str, width: float) -> _Heading:
    """Title and caption, broken so that they fit a figure `width` inches wide."""
    title = _wrap(title, width - 2 * _MARGIN, TITLE_SIZE, "bold")
    caption = _wrap(caption, width - 2 * _MARGIN, SMALL_SIZE)
    height = _MARGIN + _text_height(TITLE_SIZE, title) + _text_height(SMALL_SIZE, caption) + _GAP
    return _Heading(title, caption, height)


def _figure(width: float, height: float, heading: _Heading) -> Figure:
    # A hundredth of a pixel more, lest rounding take a pixel away.
    width, height = ((math.ceil(inches * DPI) + 0.01) / DPI for inches in (width, height))
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    text: dict[str, Any] = {"ha": "left", "va": "top", "family": FONT, "linespacing": 1.15}
    x, y = _MARGIN / width, 1 - _MARGIN / height
    figure.text(x, y, heading.title, size=TITLE_SIZE, weight="bold", color=INK, **text)
    y -= _text_height(TITLE_SIZE, heading.title) / height
    figure.text(x, y, heading.caption, size=SMALL_SIZE, color=GREY, **text)
    return figure


def _text_height(size: float, text: str = "") -> float:
    """Inches that the lines of a text in `size` points take."""
    return _LEADING * size / 72 * (1 + text.count("\n"))


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Inches from the start to the end of one line in `size` points."""
    font = FontProperties(family=FONT, weight=weight, size=size)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def fitted(text: str, width: float, size: float, weight: str = "normal") -> str:
    """One line in at most `width` inches, of what the type can set: what is longer loses its middle."""
    return shortened(settable(text), width, lambda part: text_width(part, size, weight))


def _wrap(text: str, width: float, size: float, weight: str = "normal") -> str:
    """Lines no wider than `width` inches; a single word that is loses its middle."""
    lines: list[str] = []
    for word in (fitted(word, width, size, weight) for word in text.split(" ")):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
