"""Pictures without type, for what is set around them elsewhere; and the type of pictures that are not charts."""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFont
from torch import Tensor

Plain = NDArray[np.uint8]  # (H, W, 3)
PAPER: Final = 255


def sheet(images: Tensor, columns: int, side: int, gap: int) -> Plain:
    """Images (N, C, H, W) in [0, 1], grey or RGB, row by row, each `side` pixels wide, `gap` pixels of white apart.

    Smoothly enlarged: beside each other, blocks of pixels would hide what a face looks like.
    """
    n, _, h, w = images.shape
    high = round(side * h / w)
    values = images.detach().cpu().mul(255).round().byte().expand(n, 3, h, w).permute(0, 2, 3, 1).numpy()
    rows = math.ceil(n / columns)
    found = np.full((rows * (high + gap) - gap, columns * (side + gap) - gap, 3), PAPER, np.uint8)
    for number, image in enumerate(values):
        x, y = number % columns * (side + gap), number // columns * (high + gap)
        enlarged = Image.fromarray(image).resize((side, high), Image.Resampling.LANCZOS)
        found[y : y + high, x : x + side] = np.asarray(enlarged)
    return found


@cache
def font(size: int, weight: str = "normal") -> ImageFont.FreeTypeFont:
    """The type of all figures, in pixels; it comes with matplotlib."""
    name = "DejaVuSans-Bold.ttf" if weight == "bold" else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf" / name, size)


def fitting(texts: Sequence[str], size: int, width: float, weight: str = "normal") -> ImageFont.FreeTypeFont:
    """The type in which none of the texts is wider than `width` pixels, at most `size` pixels."""
    return next(
        (
            found
            for less in range(size, 8, -1)
            if all((found := font(less, weight)).getlength(t) <= width for t in texts)
        ),
        font(8, weight),
    )
