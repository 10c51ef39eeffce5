"""How tests read a figure: its texts, its pixels, its parts, and whether it is well set."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from torch import Tensor

from pipeline.figures.common.inputs import Inputs
from pipeline.ground import plugins


def several(figure: str, inputs: Inputs) -> dict[str, Figure]:
    """The figures of a plug-in, by name; one alone has none."""
    found = plugins.load("figures", figure).draw(inputs)
    named = dict(found) if isinstance(found, Mapping) else {"": found}
    assert all(isinstance(each, Figure) for each in named.values())
    return named


def drawn(figure: str, inputs: Inputs) -> Figure:
    return next(iter(several(figure, inputs).values()))


def caption(figure: Figure) -> str:
    return figure.texts[1].get_text().replace("\n", " ")


def picture(figure: Figure) -> np.ndarray:
    (image,) = (artist for artist in figure.artists if hasattr(artist, "picture"))
    return np.asarray(image.picture[..., :3])


def tick_labels(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def assert_well_set(found: Figure, name: str) -> None:
    """Titles and labels are there, inside the figure, and clear of each other."""
    found.draw_without_rendering()
    title, subtitle = found.texts
    assert name in title.get_text()
    assert "noise" in subtitle.get_text()
    inside = found.bbox
    for artist in (*found.texts, *found.axes, *found.legends, *(text for axes in found.axes for text in axes.texts)):
        box = artist.get_tightbbox()
        assert box is not None
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= inside.x1
        assert box.y1 <= inside.y1
    heading = subtitle.get_window_extent()
    for axes in found.axes:
        box = axes.get_tightbbox()
        assert box is not None
        assert box.y1 < heading.y0
        assert not any(box.overlaps(legend.get_window_extent()) for legend in found.legends)
        assert_apart([text for text in axes.get_children() if isinstance(text, Text)])  # titles and lines
        for axis in (axes.xaxis, axes.yaxis):
            assert_apart(axis.get_ticklabels())
            ticks = [label.get_text() for label in axis.get_ticklabels()]
            # Words, such as "original", say themselves what they are; numbers do not.
            assert axis.label.get_text() or not any(re.fullmatch(r"[\d.−]+", tick) for tick in ticks)


def assert_apart(texts: Sequence[Text]) -> None:
    boxes = []
    for text in texts:
        if lines := text.get_text().split("\n"):
            box, empty = text.get_window_extent(), sum(not line for line in lines) / len(lines)  # at the end
            boxes.append(Bbox.from_extents(box.x0, box.y0 + empty * box.height, box.x1, box.y1))
    boxes = [box for box in boxes if box.width and box.height]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)


def titles(figure: Figure) -> list[str]:
    return [axes.get_title("left").strip() for axes in figure.axes]


def legend(figure: Figure) -> dict[str, Any]:
    """The colours of the legend's lines, by what it says of them."""
    (found,) = figure.legends
    lines = zip(found.get_texts(), found.get_lines(), strict=True)
    return {text.get_text(): line.get_color() for text, line in lines}


def tiles_at(figure: Figure, side: int = 64) -> list[list[Tensor]]:
    """The images of a grid with labelled rows and columns, each as large as it is drawn, row by row."""
    (axes,) = figure.axes
    sheet = torch.tensor(picture(figure))
    half = side // 2
    rows, columns = ([int(place) for place in places] for places in (axes.get_yticks(), axes.get_xticks()))
    return [[sheet[y - half : y + half, x - half : x + half] for x in columns] for y in rows]


def grey(tile: Tensor) -> int:
    return int(tile[-1, -1, 0])


def names(inputs: Inputs, labels: Tensor) -> list[str]:
    return [inputs.test.classes[int(label)] for label in labels.nonzero()]


def seen(inputs: Inputs, asked: Tensor) -> list[str]:
    """What the referee recognises in a drawing of labels (K,)."""
    scores = inputs.referee(inputs.generate(torch.zeros(1, 1), asked[None].float()))[0].tolist()
    return [name for name, score in zip(inputs.test.classes, scores, strict=True) if score > 0]


def frames(axes: Axes) -> list[Bbox]:
    return [patch.get_window_extent() for patch in axes.patches if isinstance(patch, Rectangle)]
