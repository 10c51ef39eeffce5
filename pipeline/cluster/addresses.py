"""Addresses that are safe to talk to, and the keys for it."""

import ipaddress
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.cluster.settings import Batch
from pipeline.ground.errors import InputError


@dataclass(frozen=True)
class Keys:
    """Files for TLS, on a disk that the nodes share with this machine."""

    ca: Path
    certificate: Path
    key: Path


def check(address: str, tls: bool) -> None:
    """Raises InputError when it is no address of a scheduler, or one that is not safe to talk to."""
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    if scheme not in ("tls", "tcp") or not host or not port.isdecimal():
        raise InputError(f"--scheduler {address}: expected an address like tls://HOST:8786")
    if scheme == "tcp" and tls and not loopback(host):
        raise InputError(
            f"--scheduler {address}: expected tls://, as anybody on the way could run what they like; see"
            " docs/cluster.md, or pass --no-tls in a network that you trust"
        )


def loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def reachable(settings: Batch) -> str:
    """The address of this machine that the nodes reach."""
    from distributed.utils import get_ip_interface

    if settings.interface:
        try:
            return str(get_ip_interface(settings.interface))
        except ValueError as error:
            raise InputError(f"interface: {' '.join(str(error).split())}") from None
    name = settings.host or socket.gethostname()
    try:
        address = str(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise InputError(f"host: {name} has no address ({error.strerror})") from None
    if not settings.host and loopback(address):
        raise InputError(
            f"this machine's name, {name}, means {address}, which no node can reach: expected `interface: ib0` or"
            " `host: ADDRESS`, by which they do"
        )
    return address


@contextmanager
def keys(security: Any, folder: Path) -> Iterator[Keys]:
    """Keys in files that only this user can read, as long as the cluster is there."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tls-", dir=folder) as found:  # of mode 0700
        place = Path(found).absolute()
        made = Keys(place / "ca.pem", place / "certificate.pem", place / "key.pem")
        for path, text in (
            (made.ca, security.tls_ca_file),
            (made.certificate, security.tls_worker_cert),
            (made.key, security.tls_worker_key),
        ):
            path.touch(0o600, exist_ok=False)
            path.write_text(text, encoding="ascii")
        yield made
