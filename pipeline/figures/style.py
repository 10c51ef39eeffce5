"""One look for every picture: type sizes, colours, image grids, charts, and PNG files that repeat byte for byte.

Figures are made without pyplot, which is slow to import and keeps global state.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from torch import Tensor

from pipeline.files import replacing

DPI: Final = 200  # pixels per inch: shown at half their size, pictures are sharp on screens of double density too
FONT: Final = "DejaVu Sans"  # comes with matplotlib, so that every machine sets the same type
TITLE_SIZE, TEXT_SIZE, SMALL_SIZE = 11.0, 9.0, 8.0  # points
INK, GREY, FAINT, PAPER = "#1a1a1a", "#595959", "#e0e0e0", "#ffffff"
# Okabe and Ito (2008): distinct for colour-blind eyes too. Their yellow is left out: too pale for lines on white.
PALETTE: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

_MARGIN = 0.12  # inches of paper around everything
_GAP = 0.06  # inches between a text and what it belongs to
_LEADING = 1.35  # line height by type size
_GRID_WIDTH = 1150  # pixels that the images of a grid fill at most
_TILE_GAP = 3  # pixels between the images of a grid


def image_grid(
    images: Tensor,
    columns: int,
    title: str,
    caption: str,
    *,
    row_labels: Sequence[str] = (),
    row_title: str = "",
    column_title: str = "",
) -> Figure:
    """Images (N, C, H, W) in [0, 1], grey or RGB, row by row, `columns` a row.

    row_labels: one a row, on the left; row_title: what they are; column_title: what runs from left to right.
    Every pixel of an image becomes a square of whole pixels of the file, so that nothing is blurred.
    """
    picture = tiles(images, columns)
    down, across, _ = picture.shape
    rows = math.ceil(len(images) / columns)
    beside = sum(_text_height(TEXT_SIZE) + _GAP for _ in filter(None, [row_title]))
    beside += max((text_width(label, TEXT_SIZE) + _GAP for label in row_labels), default=0)
    below = _text_height(TEXT_SIZE) + _GAP if column_title else 0.0
    width = _MARGIN + beside + across / DPI + _MARGIN
    heading = _heading(title, caption, width)
    height = heading.height + down / DPI + below + _MARGIN

    figure = _figure(width, height, heading)
    # The picture stands on whole pixels of the file, each of its pixels on one of the file's.
    whole_width, whole_height = figure.bbox.size
    left, bottom = round((_MARGIN + beside) * DPI), round((below + _MARGIN) * DPI)
    box = (left / whole_width, bottom / whole_height, across / whole_width, down / whole_height)
    axes = figure.add_axes(box)
    axes.imshow(picture.numpy(), interpolation="nearest", aspect="auto")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=_GAP * 72, labelsize=TEXT_SIZE, labelcolor=INK, labelfontfamily=FONT)
    axes.set_xticks([])
    axes.set_yticks([(row + 0.5) * down / rows for row in range(len(row_labels))], row_labels)
    text: dict[str, Any] = {"size": TEXT_SIZE, "color": GREY, "family": FONT, "labelpad": _GAP * 72}
    axes.set_xlabel(column_title, **text)
    axes.set_ylabel(row_title, **text)
    return figure


def tiles(images: Tensor, columns: int) -> Tensor:
    """One picture (H', W', 3) uint8 of images (N, C, H, W) in [0, 1], enlarged by a whole number, with thin gaps.

    Raises ValueError unless C is 1 or 3. Places left over in the last row are white.
    """
    n, c, h, w = images.shape
    if c not in (1, 3):
        raise ValueError(f"images: expected 1 or 3 channels, found {c}")
    scale = max(1, _GRID_WIDTH // (columns * w))
    rows = math.ceil(n / columns)
    down, across = h * scale + _TILE_GAP, w * scale + _TILE_GAP
    sheet = torch.full((rows * columns, 3, down, across), 255, dtype=torch.uint8)
    values = images.cpu().mul(255).round().to(torch.uint8).expand(n, 3, h, w)
    sheet[:n, :, : h * scale, : w * scale] = values.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    picture = sheet.unflatten(0, (rows, columns)).permute(0, 3, 1, 4, 2).reshape(rows * down, columns * across, 3)
    return picture[:-_TILE_GAP, :-_TILE_GAP].contiguous()


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
    axes.set_title(title, loc="left", size=TEXT_SIZE, weight="bold", color=INK, family=FONT)
    axes.set_xlabel(x, size=TEXT_SIZE, color=INK, family=FONT)
    axes.set_ylabel(y, size=TEXT_SIZE, color=INK, family=FONT)
    axes.tick_params(labelsize=SMALL_SIZE, labelcolor=INK, color=GREY, labelfontfamily=FONT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def save(figure: Figure, path: Path) -> None:
    """Writes a PNG: the same bytes for the same figure, and whole or not at all."""
    with replacing(path) as beside:
        figure.savefig(beside, format="png", dpi=DPI, metadata={"Software": None})


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


def _wrap(text: str, width: float, size: float, weight: str = "normal") -> str:
    """Lines no wider than `width` inches, as far as single words allow."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
