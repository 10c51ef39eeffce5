"""Reader of IDX, the format of MNIST and its relatives.

Layout: two zero bytes, the type (8: unsigned byte), the number of dimensions, each size as a big-endian 32-bit integer,
then the values in C order. The first four bytes are called the magic number: 2051 for images, 2049 for labels.
Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.ground.errors import InputError

_UNSIGNED_BYTE = 8


def find(folder: Path, name: str) -> Path:
    """The file `name`, such as `train-images-idx3-ubyte`, in `folder`: plain or .gz, also with `.idx` for `-idx`.

    Raises InputError when there is none.
    """
    for stem in (name, name.replace("-idx", ".idx")):
        for path in (folder / stem, folder / f"{stem}.gz"):
            if path.is_file():
                return path
    raise InputError(f"{folder / name}: no such file, neither plain nor .gz")


def read(path: Path, dimensions: int) -> Tensor:
    """The array in an IDX file of unsigned bytes: uint8, with as many dimensions as asked for.

    Raises InputError when the file is unreadable, a damaged gzip, of another kind, or shorter or longer than it says.
    """
    data = _content(path)
    start = 4 * (1 + dimensions)
    if len(data) < start:
        raise InputError(f"{path}: expected an IDX header of {start} bytes, found a file of {len(data)}")
    magic, *shape = struct.unpack_from(f">{1 + dimensions}I", data)
    expected = _UNSIGNED_BYTE << 8 | dimensions
    if magic != expected:
        raise InputError(f"{path}: expected the magic number {expected}, found {magic}")
    if len(data) - start != math.prod(shape):
        size = " x ".join(map(str, shape))
        raise InputError(f"{path}: the header promises {size} bytes, found {len(data) - start}")
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=start)).view(shape)


def _content(path: Path) -> bytearray:
    try:
        data = path.read_bytes()
        # A bytearray, because torch warns of memory that it cannot write to.
        return bytearray(gzip.decompress(data) if path.suffix == ".gz" else data)
    except EOFError:
        raise InputError(f"{path}: truncated gzip file") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: not a sound gzip file ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
