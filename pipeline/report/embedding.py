"""Pictures and films as data URIs of a page, small enough that all of them fit into it."""

import base64
import io
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageStat

from pipeline.figures.common import film
from pipeline.ground.errors import InputError

_COLOURS: Final = 64  # of a chart
_GREYS: Final = 24
_METHOD: Final = Image.Quantize.FASTOCTREE  # median cut loses the colour of thin lines
_SAME: Final = 3.5  # of 255: a picture that so few colours change by less is a chart
_PLAIN, _REEL = 85, 65  # the quality of pictures without type, and of films
_PROBE: Final = 4  # times smaller than the picture is what is looked at to tell


@dataclass(frozen=True)
class Picture:
    """data: a URI; width, height: pixels at which the page shows it at most, half the file's."""

    data: str
    width: int
    height: int


@dataclass(frozen=True)
class Reel:
    """A film. frames: all alike in size. lines: what each of them shows."""

    frames: Sequence[Picture]
    lines: Sequence[str]

    @property
    def characters(self) -> int:
        return sum(len(frame.data) for frame in self.frames)


@dataclass(frozen=True)
class _Look:
    """How far charts and photographs are scaled down, and the quality of the latter."""

    chart: float
    photo: float
    quality: int


_LOOKS: Final = (_Look(0.55, 0.5, 50), _Look(0.5, 0.4, 40), _Look(0.4, 0.3, 35), _Look(0.3, 0.2, 25))


def embedded(
    paths: Sequence[Path], most: int, show: Callable[[int], None] = lambda done: None
) -> Mapping[Path, Picture]:
    """Each PNG as WebP: charts and grey images lossless, photographs not, coarser where `most` characters need it.

    However coarse, they may be too many: then those from the first that does not fit are left out. A path that is there
    twice counts twice. `show` is told how many are done; they begin anew where they must be coarser. Raises InputError
    naming a file that is no picture.
    """
    found: dict[Path, Picture] = {}
    for look in _LOOKS:
        found = {}
        left = most
        # Pillow works without Python's lock, so that threads are enough.
        threads = ThreadPoolExecutor(os.cpu_count())
        try:
            made = threads.map(partial(_embedded, look), paths)
            for done, (path, picture) in enumerate(zip(paths, made, strict=True), 1):
                left -= len(picture.data)
                if left < 0:
                    break
                found[path] = picture
                show(done)
            else:
                return found
        finally:
            threads.shutdown(cancel_futures=True)  # once some are too many, the others need not be made
    return found


def _embedded(look: _Look, path: Path) -> Picture:
    try:
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except OSError as error:
        raise InputError(f"{path}: expected a picture, found something else ({error})") from None
    shown = round(picture.width / 2), round(picture.height / 2)
    red, green, blue = picture.split()
    if ImageChops.difference(red, green).getbbox() is None is ImageChops.difference(green, blue).getbbox():
        # Images in grids are squares of whole pixels, which cost next to nothing where they stay as they are.
        step = 255 / (_GREYS - 1)
        few = green.point([round(round(value / step) * step) for value in range(256)])
        data = _uri(few.convert("RGB"), lossless=True, quality=20, method=1)
    elif _is_chart(picture):
        few = _smaller(picture, look.chart).quantize(_COLOURS, _METHOD, dither=Image.Dither.NONE)
        data = _uri(few.convert("RGB"), lossless=True, quality=20, method=1)
    else:
        data = _uri(_smaller(picture, look.photo), quality=look.quality, method=2)
    return Picture(data, *shown)


def plain(path: Path) -> Picture:
    """A picture without type, as large as its file."""
    with Image.open(path) as file:
        picture = file.convert("RGB")
    return Picture(_uri(picture, quality=_PLAIN, method=4), *picture.size)


def reel(path: Path) -> Reel:
    """A film, at half its size: which is how large its images are, before they are enlarged to be looked at."""
    found = film.load(path)
    pictures = [Image.fromarray(frame) for frame in found.frames]
    frames = [Picture(_uri(_smaller(each, 0.5), quality=_REEL, method=4), each.width, each.height) for each in pictures]
    return Reel(frames, found.lines)


def _uri(picture: Image.Image, **how: int) -> str:
    content = io.BytesIO()
    picture.save(content, format="WEBP", **how)
    return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode()


def _is_chart(picture: Image.Image) -> bool:
    """Whether a few colours say all there is to see."""
    small = picture.resize(
        (max(1, picture.width // _PROBE), max(1, picture.height // _PROBE)), Image.Resampling.NEAREST
    )
    few = small.quantize(_COLOURS, _METHOD, dither=Image.Dither.NONE).convert("RGB")
    return max(ImageStat.Stat(ImageChops.difference(small, few)).rms) < _SAME


def _smaller(picture: Image.Image, scale: float) -> Image.Image:
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
