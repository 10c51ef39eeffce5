"""Tables of attributes: CelebA's lists as they are distributed and as Kaggle has them, and tables of the user's own."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from pipeline.data.reading.places import line, named
from pipeline.ground.errors import InputError

_DELIMITERS = ",;\t"
_VALUES = {
    **dict.fromkeys(("1", "1.0", "true", "yes"), 1),
    **dict.fromkeys(("0", "0.0", "-1", "-1.0", "false", "no"), 0),
}


@dataclass(frozen=True)
class Table:
    """Images by name with labels (N, K) uint8, as the file `path` lists them."""

    path: Path
    classes: tuple[str, ...]
    names: Sequence[str]
    labels: Tensor


def celeba(path: Path, kept: tuple[str, ...]) -> Table:
    """Those of CelebA's attributes that are `kept`, of list_attr_celeba.txt or .csv.

    The text has the number of images, the attributes, then a line for each image; Kaggle's table is like `table`'s.
    Raises InputError when an attribute is missing, or the file is damaged.
    """
    if path.suffix == ".csv":
        columns, rows = _table(path)
        _has(path, kept, columns, "line 1")
        return _labelled(path, columns, rows, kept)
    lines = text(path).splitlines()
    head = lines[0].strip() if lines else ""
    rows = [each.split() for each in lines[2:] if each.strip()]
    if head != str(len(rows)) or not rows:
        raise InputError(f"{path}: expected the number of its images, {len(rows)}, in line 1, found {head[:40]!r}")
    columns = lines[1].split()
    _has(path, kept, columns, "line 2")
    return _labelled(path, columns, rows, kept)


def table(path: Path) -> Table:
    """A table of the user's own: the images' names in its first column, an attribute in each other.

    Its cells are divided by commas, semicolons or tabs. Numbered rows, as pandas writes them into a first column
    without a name, are passed over. Raises InputError when it is damaged.
    """
    columns, rows = _table(path)
    return _labelled(path, columns, rows, tuple(columns))


def partition(path: Path) -> dict[str, str]:
    """Of each image by name: 0 for training, 1 for validation, 2 for the test; list_eval_partition.txt or .csv.

    Raises InputError when it is damaged.
    """
    if path.suffix == ".csv":
        columns, rows = _table(path)
        if len(columns) != 1:
            raise InputError(f"{path}: expected a column of names and one of parts, found {len(columns) + 1} columns")
        numbered = list(enumerate(rows, 2))
    else:
        numbered = [(n, each.split()) for n, each in enumerate(text(path).splitlines(), 1) if each.strip()]
    parts: dict[str, str] = {}
    for number, row in numbered:
        if len(row) != 2 or row[1] not in ("0", "1", "2"):
            found = " ".join(row)[:40]
            raise InputError(f"{path}: line {number}: expected an image and 0, 1 or 2, found {found!r}")
        if parts.setdefault(row[0], row[1]) != row[1]:
            raise InputError(f"{path}: line {number}: expected each image in one part, found {row[0][:40]!r} in two")
    return parts


def text(path: Path) -> str:
    """A text file. Raises InputError when it cannot be read, or is not in UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a text file, found otherwise ({line(error)})") from None


def _has(path: Path, kept: tuple[str, ...], columns: Sequence[str], place: str) -> None:
    missing = [name for name in kept if name not in columns]
    if missing:
        raise InputError(f"{path}: expected CelebA's attributes in {place}, found no {missing[0]}")


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Attributes, and rows of an image's name and its values."""
    content = text(path)

    def reader(delimiter: str, strict: bool = False) -> Iterator[list[str]]:
        return filter(None, csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=strict))

    def cells(delimiter: str) -> int:
        """In each of the first two rows; none where something stands between a quoted cell and the next one."""
        try:
            return min(map(len, islice(reader(delimiter, strict=True), 2)), default=0)
        except csv.Error:
            return 0

    try:
        rows = [[cell.strip() for cell in row] for row in reader(max(_DELIMITERS, key=cells))]  # of as many, the first
    except csv.Error as error:
        raise InputError(
            f"{path}: expected a table of comma-separated values, found otherwise ({line(error)})"
        ) from None
    while _numbered(rows):
        rows = [row[1:] for row in rows]
    head = rows[0] if rows else []
    columns = head[1:]
    if not columns or not all(columns):
        found = ",".join(head)[:60]
        raise InputError(f"{path}: expected a column of names and one or more of attributes, found {found!r}")
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise InputError(f"{path}: expected different attributes, found {named(path, twice)} twice")
    if len(rows) == 1:
        raise InputError(f"{path}: expected images, found none")
    return columns, rows[1:]


def _numbered(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first column is pandas' index: it has no name, and nothing but numbers, which name no images."""
    first = rows[0][0] if rows and rows[0] else "none"
    return (not first or first.startswith("Unnamed: ")) and all(row and row[0].isdecimal() for row in rows[1:])


def _labelled(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]], kept: tuple[str, ...]) -> Table:
    """Of rows of a name and a value for each of `columns`, those `kept`."""
    seen = set()
    at = [columns.index(named(path, name)) for name in kept]
    labels = []
    for row in rows:
        name, cells = named(path, row[0] if row else ""), row[1:]
        if len(cells) != len(columns):
            raise InputError(f"{path}: expected {len(columns)} values for {name}, found {len(cells)}")
        wrong = [cell for cell in cells if cell not in _VALUES and cell.lower() not in _VALUES]
        if wrong:
            wanted = "1, 0 or -1 (or true and false, or yes and no)"
            raise InputError(f"{path}: expected {wanted} for {name}, found {wrong[0][:40]!r}")
        if name in seen:
            raise InputError(f"{path}: expected each image once, found {name} again")
        seen.add(name)
        labels.append([_VALUES[cells[i].lower()] for i in at])
    return Table(path, kept, [row[0] for row in rows], torch.tensor(labels, dtype=torch.uint8))
