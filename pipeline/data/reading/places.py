"""Files in a folder of the user's own, only such as truly lie in it; and what they call things."""

import unicodedata
from pathlib import Path

from pipeline.ground.errors import InputError

_LONGEST = 400
_UNSPEAKABLE = (
    "Cc",
    "Cs",
    "Zl",
    "Zp",
)  # Unicode's categories: controls, surrogates, separators of lines and paragraphs


def within(folder: Path, path: Path) -> Path:
    """`path`, which begins with `folder`. Raises InputError where it leads out of it: by `..`, or by a link.

    The folder itself may be a link. What does not exist is not refused here.
    """
    try:
        home, target = folder.resolve(), path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle; a null byte
        raise InputError(f"{shown(path)}: expected a file, found otherwise ({line(error)})") from None
    if not target.is_relative_to(home):
        raise InputError(f"{shown(path)}: expected a file in {folder}, found one elsewhere, {shown(target)}")
    return path


def named(path: Path, name: str) -> str:
    """A name of an image, a class or a label, out of the file or folder `path`.

    Raises InputError for one that is blank or endless, or holds line breaks, other control characters or undecodable
    bytes.
    """
    if not name.strip() or len(name) > _LONGEST or any(unicodedata.category(each) in _UNSPEAKABLE for each in name):
        wanted = f"names of 1 to {_LONGEST} characters without line breaks and the like"
        raise InputError(f"{path}: expected {wanted}, found '{shown(name)[:60]}'")
    return name


def shown(name: object) -> str:
    """A path or name in one line, for a message."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(name))


def line(error: Exception) -> str:
    """An error in one short line."""
    return shown(" ".join(str(error).split()))[:200] or type(error).__name__
