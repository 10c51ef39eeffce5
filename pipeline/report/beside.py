"""Two experiments' pictures side by side, to see what one has over the other."""

import io
from collections.abc import Collection
from pathlib import Path

from PIL import Image

from pipeline.files import replacing
from pipeline.params import Strict
from pipeline.report.page import Picture

GAP = 40  # pixels


class Pair(Strict):
    """figure: a picture in results/figures/EXPERIMENT, without `.png`; experiments: left and right."""

    figure: str
    experiments: tuple[str, str]


class Settings(Strict):
    """beside: the pairs that the report shows, in order."""

    beside: tuple[Pair, ...]


def pictures(settings: Settings, experiments: Collection[str], figures: Path, out: Path) -> list[Picture]:
    """Writes each pair from `figures`/EXPERIMENT/FIGURE.png to `out`/FIGURE_LEFT_RIGHT.png.

    Leaves out pairs of which a picture is not there, or is of no experiment any more.
    """
    found = []
    for pair in settings.beside:
        left, right = (figures / name / f"{pair.figure}.png" for name in pair.experiments)
        if set(pair.experiments) <= set(experiments) and left.exists() and right.exists():
            path = out / f"{'_'.join((pair.figure, *pair.experiments))}.png"
            with replacing(path) as unfinished:
                unfinished.write_bytes(beside(left, right))
            found.append(Picture(f"{pair.figure}: {' and '.join(pair.experiments)}", path))
    return found


def beside(left: Path, right: Path) -> bytes:
    """A PNG of two, pixel for pixel, their tops aligned, on white."""
    with Image.open(left) as one, Image.open(right) as other:
        size = one.width + GAP + other.width, max(one.height, other.height)
        both = Image.new("RGB", size, "white")
        both.paste(one.convert("RGB"), (0, 0))
        both.paste(other.convert("RGB"), (one.width + GAP, 0))
    content = io.BytesIO()
    both.save(content, format="PNG")
    return content.getvalue()
