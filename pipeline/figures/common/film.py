"""A film: the same drawings at each kept moment of training, on disk an animated WebP with a line of text a frame."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, UnidentifiedImageError

from pipeline.figures.common.plain import Plain, fitting
from pipeline.figures.common.style import INK, PAPER
from pipeline.ground.errors import InputError
from pipeline.ground.files import replacing

LINE: Final = 40  # pixels below a frame, for its line of text
SIZE: Final = 20  # pixels of the type
MOMENT, END = 700, 3000  # milliseconds that a frame stays, and the last one
QUALITIES: Final = (80, 60, 40, 20)  # of the frames, the first that fits
MOST: Final = 500_000  # bytes of a film
_DESCRIPTION: Final = 0x010E  # EXIF's ImageDescription: the lines, so that a page can set them in its own type


@dataclass(frozen=True)
class Film:
    """frames: (H, W, 3) each, all alike in size. lines: what each of them shows."""

    frames: Sequence[Plain]
    lines: Sequence[str]


def save(film: Film, path: Path) -> None:
    """Writes an animated WebP that plays round and round: the same bytes for the same film, whole or not at all."""
    high, wide, _ = film.frames[0].shape
    type_ = fitting(film.lines, SIZE, wide - 2)
    pictures = []
    for frame, line in zip(film.frames, film.lines, strict=True):
        picture = Image.new("RGB", (wide, high + LINE), PAPER)
        picture.paste(Image.fromarray(frame))
        ImageDraw.Draw(picture).text((1, high + LINE / 2), line, INK, type_, anchor="lm")
        pictures.append(picture)
    facts = Image.Exif()
    facts[_DESCRIPTION] = json.dumps(list(film.lines))
    stay = [MOMENT] * (len(pictures) - 1) + [END]
    for quality in QUALITIES:
        content = io.BytesIO()
        first, *others = pictures
        how = {"save_all": True, "append_images": others, "duration": stay, "loop": 0, "exif": facts}
        first.save(content, format="WEBP", quality=quality, method=4, **how)
        if content.tell() < MOST:
            break
    with replacing(path) as beside:
        beside.write_bytes(content.getvalue())


def load(path: Path) -> Film:
    """A film that `save` wrote, its frames without their lines. Raises InputError when the file is something else."""
    try:
        with Image.open(path) as file:
            lines = json.loads(file.getexif()[_DESCRIPTION])
            frames = []
            for number in range(len(lines)):
                file.seek(number)
                frames.append(np.asarray(file.convert("RGB"))[:-LINE])
    except (OSError, UnidentifiedImageError, KeyError, ValueError, EOFError) as error:
        raise InputError(f"{path}: expected a film of latentlab, found something else ({error!r})") from None
    return Film(frames, lines)
