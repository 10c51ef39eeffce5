"""The 1,797 handwritten 8x8 digits that come with scikit-learn.

Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.
"""

import gzip
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.ground.errors import InputError

_FILE = "sklearn/datasets/data/digits.csv.gz"


def digits() -> tuple[Tensor, Tensor]:
    """Images (1797, 8, 8), float32 in [0, 1], and their classes (1797,), int64.

    Read from the package's own file: importing scikit-learn takes ten times as long. Raises InputError without it.
    """
    try:
        packed = Path(str(distribution("scikit-learn").locate_file(_FILE))).read_bytes()
    except (PackageNotFoundError, OSError):
        raise InputError(f"{_FILE}: no such file; it comes with the package scikit-learn") from None
    table = np.loadtxt(gzip.decompress(packed).decode("ascii").splitlines(), dtype=np.int64, delimiter=",")
    rows = torch.from_numpy(table)  # 64 values from 0 to 16, and a class
    return rows[:, :-1].float().view(-1, 8, 8) / 16, rows[:, -1].clone()
