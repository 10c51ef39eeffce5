"""EMNIST's files: MNIST's format, with names of their own, a mapping of labels to characters, and images on their side.

Source: Cohen, Afshar, Tapson, van Schaik, "EMNIST: an extension of MNIST to handwritten letters", 2017.
"""

import re
from pathlib import Path

from pipeline.data.reading.attributes import text
from pipeline.data.reading.places import named, within
from pipeline.ground.errors import InputError

_PART = "train-images-idx3-ubyte"
_CODE = re.compile(r"[0-9]{1,5}")


def sets(folder: Path) -> list[str]:
    """The beginnings of its sets' file names, such as `emnist-letters`, that a folder has images for training of."""
    return sorted({path.name.partition(f"-{_PART}")[0] for path in folder.glob(f"emnist-*-{_PART}*")})


def listed(folder: Path, name: str) -> Path:
    """The file of a set's `mapping`."""
    return folder / f"{name}-mapping.txt"


def mapping(folder: Path, name: str) -> dict[int, str]:
    """Each label's characters, of the set `name`: where both cases are one class, both, such as `Aa`.

    A line of `<name>-mapping.txt` is a label and the codes of its characters, such as `1 65 97`. Raises InputError when
    the file is missing or damaged.
    """
    path = listed(folder, name)
    if not path.is_file():
        raise InputError(f"{path}: no such file; it says which characters the labels stand for")
    found: dict[int, str] = {}
    for number, each in enumerate(text(within(folder, path)).splitlines(), 1):
        words = each.split()
        if not words:
            continue
        if len(words) < 2 or not all(_CODE.fullmatch(word) for word in words) or int(words[0]) > 255:
            wanted = "a label up to 255 and codes of characters"
            raise InputError(f"{path}: line {number}: expected {wanted}, found {each.strip()[:40]!r}")
        label, *codes = map(int, words)
        characters = named(path, "".join(map(chr, codes)))
        if label in found or characters in found.values():
            twice = label if label in found else characters
            raise InputError(f"{path}: line {number}: expected each label and character once, found {twice} again")
        found[label] = characters
    if len(found) < 2:
        raise InputError(f"{path}: expected two labels or more, found {len(found)}")
    return found
