"""Reader of IDX, the format of MNIST and its relatives.

Layout: two zero bytes, the type (8: unsigned byte), the number of dimensions, each size as a big-endian 32-bit integer,
then the values in C order. The first four bytes are called the magic number: 2051 for images, 2049 for labels.
Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
"""

import gzip
import math
import struct
import zlib
from io import BufferedReader
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.ground.errors import InputError

_UNSIGNED_BYTE = 8
MOST_BYTES = 2**31  # of values: 2.7 million images of 28 x 28; a small gzip file can hold more than fits the memory
_CHUNK = 2**20  # bytes


def find(folder: Path, name: str) -> Path:
    """The file `name`, such as `train-images-idx3-ubyte`, in `folder`: plain or .gz, also with `.idx` for `-idx`.

    Raises InputError when there is none.
    """
    found = there(folder, name)
    if found is None:
        raise InputError(f"{folder / name}: no such file, neither plain nor .gz")
    return found


def there(folder: Path, name: str) -> Path | None:
    """Likewise, or None."""
    stems = (name, name.replace("-idx", ".idx"))
    paths = (path for stem in stems for path in (folder / stem, folder / f"{stem}.gz"))
    return next((path for path in paths if path.is_file()), None)


def read(path: Path, dimensions: int) -> Tensor:
    """The array in an IDX file of unsigned bytes: uint8, with as many dimensions as asked for.

    Raises InputError when the file is unreadable, a damaged gzip, of another kind, larger than 2 GiB, or shorter or
    longer than it says.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _array(path, file, dimensions)
    except EOFError:
        raise InputError(f"{path}: truncated gzip file") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: not a sound gzip file ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _array(path: Path, file: gzip.GzipFile | BufferedReader, dimensions: int) -> Tensor:
    start = 4 * (1 + dimensions)
    head = file.read(start)
    if len(head) < start:
        raise InputError(f"{path}: expected an IDX header of {start} bytes, found a file of {len(head)}")
    magic, *shape = struct.unpack(f">{1 + dimensions}I", head)
    expected = _UNSIGNED_BYTE << 8 | dimensions
    if magic != expected:
        raise InputError(f"{path}: expected the magic number {expected}, found {magic}")
    size, total = " x ".join(map(str, shape)), math.prod(shape)
    if total > MOST_BYTES:
        file.read(_CHUNK)  # a damaged gzip file, which may begin with anything, says so rather
        raise InputError(f"{path}: the header promises {size} bytes, expected at most {MOST_BYTES}")
    # As much as was promised and a chunk more, so that a file that is longer fills no memory. A bytearray, because
    # torch warns of memory that it cannot write to.
    data = bytearray()
    while len(data) <= total and (chunk := file.read(_CHUNK)):
        data += chunk
    if len(data) != total:
        found = len(data) if len(data) < total else _length(path, start, len(data))
        raise InputError(f"{path}: the header promises {size} bytes, found {found}")
    return torch.from_numpy(np.frombuffer(data, np.uint8)).view(shape)


def _length(path: Path, start: int, least: int) -> str:
    """How many bytes of values a file has that is too long, for a message; a packed one is not unpacked for it."""
    return f"{least} or more" if path.suffix == ".gz" else str(path.stat().st_size - start)
