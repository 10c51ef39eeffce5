"""Tables of pixels: a row an image, its label first, then its values from 0 to 255; Kaggle's form of MNIST."""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.data.reading.places import line
from pipeline.ground.errors import InputError


def labelled(path: Path) -> bool:
    """Whether its first line begins with a label: under a column `label`, or without a head of columns.

    Raises InputError when it cannot be read.
    """
    first = _head(path)[0]
    return first == "label" or first.isdecimal()


def read(path: Path, side: int) -> tuple[Tensor, Tensor]:
    """Images (N, side, side) uint8, row by row, and labels (N,) uint8. A first line of columns' names is passed over.

    Raises InputError when it cannot be read, has other columns, or values that are not whole numbers from 0 to 255.
    """
    head = _head(path)
    if len(head) != 1 + side**2:
        wanted = f"a label and {side} x {side} values in a line"
        raise InputError(f"{path}: expected {wanted}, found {len(head)} columns")
    if not labelled(path):
        raise InputError(f"{path}: expected a column label, then pixels, found {head[0][:40]!r} first")
    skipped = 0 if head[0].isdecimal() else 1
    try:
        with path.open(encoding="utf-8-sig") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of no rows, which is told below
            # Wider than a byte, so that what is no byte can be told.
            rows = np.loadtxt(file, dtype=np.int16, delimiter=",", comments=None, skiprows=skipped, ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a table of whole numbers, found otherwise ({line(error)})") from None
    if not rows.size:
        raise InputError(f"{path}: expected images, found none")
    if rows.shape[1] != len(head):  # all rows have as many as the first, says numpy
        raise InputError(f"{path}: expected {len(head)} columns in each line, found {rows.shape[1]}")
    wrong = rows[(rows < 0) | (rows > 255)]
    if wrong.size:
        raise InputError(f"{path}: expected values from 0 to 255, found {wrong[0]}")
    values = torch.from_numpy(rows.astype(np.uint8))
    return values[:, 1:].reshape(-1, side, side), values[:, 0]


def _head(path: Path) -> list[str]:
    """The first line's cells."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return [cell.strip().strip('"') for cell in file.readline(2**16).split(",")]
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a text file, found otherwise ({line(error)})") from None
