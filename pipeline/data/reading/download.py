"""Verified downloads: a file is there whole and right, or not at all."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from pipeline.console.progress import progress
from pipeline.ground.errors import InputError
from pipeline.ground.files import replacing

TIMEOUT_SECONDS = 15.0  # without a byte
SLOWEST, WATCHED_SECONDS = 1000, 30.0  # bytes a second, over so long; with less a server is as good as none
PAUSE_SECONDS = 1.0  # before the mirrors' second turns: a server that was overloaded may be well again
_CHUNK = 2**16  # bytes
_MEGABYTE = 10**6


def fetch(urls: Sequence[str], checksum: str, path: Path, embedded: str, folder: str) -> Path:
    """The file at `path`, downloaded unless it is already there with the right checksum.

    Args:
        urls: mirrors of one file, tried in order; each gets a second turn, from the first byte, after all have failed.
        checksum: `algorithm:hexadecimal`, for instance `md5:d53e...`.
        path: where the file goes. It is written beside, verified, then renamed.
        embedded: the parameter that selects the source needing no download, `data.<role>.source: <source>`.
        folder: the parameter or parameters that select the user's own copy.

    Raises InputError, one line, when no mirror gives the file or it cannot be written.
    """
    if path.is_file() and _matches(path, checksum):
        return path
    faults: dict[str, str] = {}  # a mirror's last fault
    try:
        with replacing(path) as beside:
            for turn, url in enumerate((*urls, *urls)):
                if turn == len(urls):
                    time.sleep(PAUSE_SECONDS)
                fault = _download(url, beside, path.name)
                if fault is None and _matches(beside, checksum):
                    return path
                faults[urlsplit(url).netloc] = fault or _otherwise(beside)
            reasons = "; ".join(f"{host}: {fault}" for host, fault in faults.items())
            raise InputError(
                f"{path}: cannot be downloaded ({reasons}); {embedded} needs no download, {folder} reads your own copy"
            )
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def _matches(path: Path, checksum: str) -> bool:
    algorithm, _, digest = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == digest


def _otherwise(path: Path) -> str:
    """What is wrong with a file that is not the right one."""
    with path.open("rb") as file:
        start = file.read(500).lstrip().lower()
    page = start.startswith((b"<!doctype html", b"<html"))
    return "wrong checksum, a web page instead of the file" if page else "wrong checksum"


def _download(url: str, path: Path, name: str) -> str | None:
    """Writes what `url` gives to `path`; the fault in a few words, or None. Faults of the disk are raised.

    name: of the file, to show how far it is.
    """
    # Some servers declare .gz files as an encoding, which would be undone on the way and break the checksum.
    headers = {"Accept-Encoding": "identity"}
    try:
        response = requests.get(url, stream=True, timeout=TIMEOUT_SECONDS, headers=headers)
        response.raise_for_status()
    except requests.HTTPError as error:
        return str(error)
    except requests.Timeout:
        return "timed out"
    except requests.TooManyRedirects:
        return "redirected without end"
    except requests.RequestException:
        return "no connection"
    with response:
        try:
            return _received(response, path, name)
        except ReadTimeoutError:
            return "timed out"
        except HTTPError:
            return "interrupted"


def _received(response: requests.Response, path: Path, name: str) -> str | None:
    promised = int(size) if (size := response.headers.get("Content-Length", "")).isdecimal() else None
    received = watched = 0
    since = time.monotonic()
    with path.open("wb") as file, progress("download") as show:
        # `read1` gives what has come: waiting for a whole chunk, no timeout would end the wait for a trickle of bytes.
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            file.write(chunk)
            before, received = received, received + len(chunk)
            if promised and before // _MEGABYTE < received // _MEGABYTE:
                show(f"{name}, MB", received // _MEGABYTE, promised // _MEGABYTE, {})
            seconds = time.monotonic() - since
            if seconds > WATCHED_SECONDS:
                if received - watched < SLOWEST * seconds:
                    return f"slower than {SLOWEST} bytes a second"
                since, watched = since + seconds, received
    return "interrupted" if promised is not None and received < promised else None
