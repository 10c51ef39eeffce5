"""Images in a .zip file, which is never unpacked."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from pipeline.data.reading.places import line, shown
from pipeline.ground.errors import InputError

MOST_BYTES = 2**26  # of an image; a small archive can promise petabytes


class Archive:
    """The members of an archive, by name. Several threads may read at once."""

    def __init__(self, path: Path, file: ZipFile) -> None:
        self.path, self._file = path, file
        self.names = frozenset(file.namelist())

    def read(self, name: str) -> io.BytesIO:
        """A member's content. Raises InputError when it is not there, damaged, locked, or larger than any image."""
        try:
            size = self._file.getinfo(name).file_size
            if size > MOST_BYTES:
                raise ValueError(f"{size} bytes, more than {MOST_BYTES}")
            return io.BytesIO(self._file.read(name))
        except Exception as error:  # whatever a damaged file makes zipfile and its decompressors raise
            place = f"{self.path}: {shown(name)}"
            raise InputError(f"{place}: expected a sound file, found otherwise ({line(error)})") from None


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Raises InputError when it is no sound .zip file, or has members that would lie outside of it when unpacked."""
    try:
        file = ZipFile(path)
    except Exception as error:  # as above
        raise InputError(f"{path}: expected a sound .zip file, found otherwise ({line(error)})") from None
    with file:
        for name in file.namelist():
            parts = PurePosixPath(name.replace("\\", "/"))
            if parts.is_absolute() or ".." in parts.parts:
                raise InputError(f"{path}: expected members in the archive, found {ascii(name)[:60]}")
        yield Archive(path, file)
