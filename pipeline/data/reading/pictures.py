"""Image files of foreign origin."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.data.reading.places import line, shown
from pipeline.ground.errors import InputError

# What people keep images in. Pillow goes by the content and would open any format that it knows, whatever a file is
# called: also PostScript, which it has run by another program.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
MOST_PIXELS = 2**26  # 67 million: a small file can hold so many of one colour that they fill the memory
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # of more than that, which is refused here


def read(file: Path | io.BytesIO, place: str, become: Callable[[Image.Image], Image.Image]) -> Tensor:
    """(3, H, W) uint8 of a file, of what `become` makes of it: an RGB image.

    place: the file in messages. Raises InputError, one line, when it is not a sound image of 8 bits for a colour.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels, more than {MOST_PIXELS}")
            if image.mode.startswith(("I", "F")):
                raise ValueError(f"more than 8 bits for a colour, mode {image.mode}")
            made = become(image)
    except Exception as error:  # whatever a foreign file makes Pillow raise
        place = shown(place)
        reason = line(error).replace(place, "this file")
        raise InputError(f"{place}: expected an image with 8 bits for a colour, found otherwise ({reason})") from None
    return torch.from_numpy(np.array(made)).permute(2, 0, 1)
