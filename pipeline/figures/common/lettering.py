"""What of a text the figures' type can set. Names of classes are anyone's: in any script, and of any length.

Only one type is used, which every machine has, so that pictures repeat byte for byte; what it lacks (Chinese, emoji)
stands as its code, such as `\\u6587`, which still tells one name from another. The page has the name itself.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.font_manager import get_font

from pipeline.figures.common.words import code, legible

ELLIPSIS = "…"


def settable(text: str) -> str:
    """Text with codes for all that controls how it is set, and for all that the type lacks."""
    return "".join(each if each == "\n" or _there(each) else code(each) for each in legible(text))


@cache
def _there(character: str) -> bool:
    """Whether the type has it, normal and bold."""
    folder = Path(matplotlib.get_data_path()) / "fonts/ttf"
    faces = (get_font(folder / f"DejaVuSans{face}.ttf") for face in ("", "-Bold"))
    return all(face.get_char_index(ord(character)) for face in faces)


def shortened(text: str, width: float, measured: Callable[[str], float]) -> str:
    """A line that measures at most `width`: as it is, or without its middle, as names often differ at their ends."""
    if measured(text) <= width:
        return text
    # Of text that is too wide the longest rest that fits, by halving: what is kept of it and fits, and what does not
    least, most = 0, len(text)
    while most - least > 1:
        kept = (least + most) // 2
        least, most = (kept, most) if measured(_without(text, kept)) <= width else (least, kept)
    return _without(text, least)


def _without(text: str, kept: int) -> str:
    """All but the middle: so many characters."""
    start = (kept + 1) // 2
    return text[:start] + ELLIPSIS + text[len(text) - (kept - start) :]
