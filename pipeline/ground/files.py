"""Files that appear whole or not at all."""

import csv
import errno
import json
import math
import os
from collections.abc import Collection, Iterator
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
    """Indented, with sorted keys left to the caller, so that git shows small differences.

    Raises InputError for a number that is not finite, which JSON does not have.
    """
    try:
        text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    except ValueError:
        raise InputError(f"{path}: expected finite numbers, found nan or infinity; nothing is written") from None
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """What `write_json` wrote. Raises InputError when it is missing or something else."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_not_json)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `dvc repro` makes it") from None
    except ValueError as error:
        raise InputError(f"{path}: expected JSON, found something else ({error})") from None


def read_csv(path: Path, needed: Collection[str], texts: Collection[str] = ()) -> list[dict[str, Any]]:
    """The rows of a table of finite numbers with a head, columns `texts` as they are; none when there is no such file.

    Raises InputError naming the line for anything else, and where one of the columns `needed` is not there.
    """
    if not path.exists():
        return []
    rows = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file, restkey="too many", restval="")
            if missing := [name for name in needed if name not in (table.fieldnames or ())]:
                raise ValueError(f"expected a column {missing[0]}, found {', '.join(table.fieldnames or ()) or 'none'}")
            for row in table:
                rows.append({name: value if name in texts else _finite(name, value) for name, value in row.items()})
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path}: line {table.line_num}: {error}; `dvc repro` makes it anew") from None
    return rows


def _finite(name: str, text: Any) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, found {str(text)[:40]!r}")
    return value


def _not_json(word: str) -> None:
    raise ValueError(f"{word} is not a finite number")
