"""All reports' models side by side, what the project makes at one glance: a part of the page, and a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from pipeline.contracts import curves
from pipeline.figures.common.plain import Plain, fitting
from pipeline.figures.common.style import GREY, INK, PAPER
from pipeline.figures.common.words import duration
from pipeline.ground.errors import InputError
from pipeline.ground.files import replacing
from pipeline.report import glossary
from pipeline.report.settings import Settings
from pipeline.statistics.measurements import Measurements

WIDTH: Final = 1800  # pixels: shown at half of that, sharp on screens of double density too
COLUMNS: Final = 6
TITLE: Final = "What the models of five reports draw"
_MARGIN, _GAP = 24, 30
_QUALITY: Final = 90
_TITLE, _TEXT, _NAME, _SMALL = 38, 23, 27, 22  # pixels of type


@dataclass(frozen=True)
class Tile:
    """A model. objective: in words. report: its name, `Report A`. source: of the images that it learned from.

    seconds: that training the one shown took. cover: a file, see `pipeline.figures.cover`.
    """

    name: str
    objective: str
    report: str
    source: str
    seconds: float
    cover: Path

    @property
    def lines(self) -> tuple[str, str, str]:
        """What stands below its name."""
        place = f"{self.report} · {self.source}" if self.report else self.source
        return self.objective, place, f"trained {duration(self.seconds)}"


@dataclass(frozen=True)
class Overview:
    """Models side by side. caption: what their pictures are, with which budget they were made, and where."""

    tiles: Sequence[Tile]
    caption: str


def gathered(
    settings: Settings,
    experiments: Mapping[str, Any],
    found: Mapping[str, Measurements],
    results: Path,
    budget: str | None,
) -> Overview:
    """The settings' models, as far as there are any. Raises InputError where one has no learning curve."""
    reports = {name: part.title.partition(":")[0] for part in settings.sections for name in part.experiments}
    tiles = []
    for name in settings.overview:
        cover = results / f"showcase/{name}/cover.png"
        if name not in experiments or not cover.exists():
            continue
        learned = curves.read(path := results / f"curves/{name}.csv")
        if not learned:
            raise InputError(f"{path}: expected a learning curve, found none; run `dvc repro`")
        seconds = learned[min(learned)][-1]["seconds"]
        objective = glossary.objective(experiments[name])
        tiles.append(Tile(name, objective, reports.get(name, ""), found[name].source, seconds, cover))
    sizes = f"budget “{budget}”" if budget else "sizes of no budget"
    machines = "; ".join(dict.fromkeys(found[tile.name].machine.partition(", torch")[0] for tile in tiles))
    times = f"times: of training the model shown, with others beside it, on {machines}"
    return Overview(tiles, f"Samples as they come, none chosen · {sizes} · {times}")


def write(overview: Overview, path: Path) -> None:
    """Writes what `draw` draws as a WebP, which takes a quarter of a PNG's size; nothing without tiles."""
    if overview.tiles:
        with replacing(path) as beside:
            Image.fromarray(draw(overview)).save(beside, format="WEBP", quality=_QUALITY, method=6)


def draw(overview: Overview) -> Plain:
    """The tiles, six a row, with their names, origins and times below."""
    side = (WIDTH - 2 * _MARGIN - (COLUMNS - 1) * _GAP) // COLUMNS
    below = round(1.45 * (_NAME + 3 * _SMALL)) + 14
    top = _MARGIN + round(1.5 * _TITLE) + round(1.9 * _TEXT)
    shown, caption = overview.tiles, overview.caption
    rows = -(-len(shown) // COLUMNS)
    picture = Image.new("RGB", (WIDTH, top + rows * (side + below + _GAP) - _GAP), PAPER)
    pen = ImageDraw.Draw(picture)
    pen.text((_MARGIN, _MARGIN), TITLE, INK, fitting([TITLE], _TITLE, WIDTH - 2 * _MARGIN, "bold"))
    pen.text((_MARGIN, _MARGIN + 1.5 * _TITLE), caption, GREY, fitting([caption], _TEXT, WIDTH - 2 * _MARGIN))
    name_type = fitting([tile.name for tile in shown], _NAME, side, "bold")
    small = fitting([line for tile in shown for line in tile.lines], _SMALL, side)
    for number, tile in enumerate(shown):
        x, y = _MARGIN + number % COLUMNS * (side + _GAP), top + number // COLUMNS * (side + below + _GAP)
        with Image.open(tile.cover) as file:
            picture.paste(file.convert("RGB").resize((side, side), Image.Resampling.LANCZOS), (x, y))
        pen.text((x, y + side + 10), tile.name, INK, name_type)
        for line, text in enumerate(tile.lines):
            pen.text((x, y + side + 12 + 1.45 * (_NAME + line * _SMALL)), text, GREY if line else INK, small)
    return np.asarray(picture)
