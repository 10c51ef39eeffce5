"""Verified downloads: a file is there whole and right, or not at all."""

import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pooch  # type: ignore[import-untyped]
from requests import HTTPError, RequestException, Timeout
from requests.exceptions import ChunkedEncodingError

from pipeline.ground.errors import InputError
from pipeline.ground.files import replacing

TIMEOUT_SECONDS = 15


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
            for url in (*urls, *urls):
                fault = _download(url, beside)
                if fault is None and _matches(beside, checksum):
                    return path
                faults[urlsplit(url).netloc] = fault or "wrong checksum"
            reasons = "; ".join(f"{host}: {fault}" for host, fault in faults.items())
            raise InputError(
                f"{path}: cannot be downloaded ({reasons}); {embedded} needs no download, {folder} reads your own copy"
            )
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def _matches(path: Path, checksum: str) -> bool:
    algorithm, _, digest = checksum.partition(":")
    return pooch.file_hash(str(path), alg=algorithm) == digest


def _download(url: str, path: Path) -> str | None:
    """Writes what `url` gives to `path`; the fault in a few words, or None. Faults of the disk are raised."""
    download = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        chunk_size=2**16,
        timeout=TIMEOUT_SECONDS,
        # Some servers declare .gz files as an encoding, which would be undone on the way and break the checksum.
        headers={"Accept-Encoding": "identity"},
    )
    try:
        download(url, str(path), None)
    except HTTPError as error:
        return str(error)
    except Timeout:
        return "timed out"
    except ChunkedEncodingError:
        return "interrupted"
    except RequestException:
        return "no connection"
    return None
