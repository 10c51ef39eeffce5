"""Files that appear whole or not at all."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from pipeline.ground.errors import InputError

REFUSED: Final = frozenset(  # what a disk says that takes no more, or a folder that is not ours to write to
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR)
)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` to write to; on success it becomes `path`, on failure it is removed.

    Raises InputError when the disk is full or the folder cannot be written to; what was there before stays.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        raise InputError(f"{path}: cannot be written ({error.strerror}); what was there before is kept") from None
    finally:
        if beside.parent.is_dir():
            beside.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Indented, with sorted keys left to the caller, so that git shows small differences."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
