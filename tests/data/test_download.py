import gzip
import hashlib
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from pipeline.data.reading import download as downloading
from pipeline.data.reading.download import fetch
from pipeline.ground.errors import InputError

BODY = gzip.compress(bytes(range(256)) * 2000, mtime=0)
CHECKSUM = f"md5:{hashlib.md5(BODY).hexdigest()}"
EMBEDDED, FOLDER = "data.pets.source: drawings", "data.pets.folder"


PAGE = b"\n<!DOCTYPE html><title>Log in</title><script>alert(1)</script>"

# What a server does, and what the line says of it when it does so for ever.
FAULTS = {
    "cut": "interrupted",  # half of it, then the end
    "reset": "interrupted",  # half of it, then a connection that is broken off
    "short": "wrong checksum",
    "damaged": "wrong checksum",
    "empty": "wrong checksum",
    "page": "wrong checksum, a web page instead of the file",
    "refused": "503",
    "forbidden": "403",
    "hung up": "no connection",  # before any answer
    "no HTTP": "no connection",
    "round in circles": "redirected without end",
    "silent": "timed out",  # before any answer
    "stuck": "timed out",  # after half of it
    "trickle": "slower than 1000 bytes a second",
}


@dataclass
class Server:
    """Gives BODY under /file.gz, first with each of `faults` in turn: see `FAULTS`."""

    url: str = ""
    faults: list[str] = field(default_factory=list)
    requests: int = 0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(downloading, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(downloading, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(downloading, "WATCHED_SECONDS", 0.1)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests += 1
            fault = state.faults.pop(0) if state.faults else ""
            if fault in ("refused", "forbidden") or self.path != "/file.gz":
                self.send_error({"refused": 503, "forbidden": 403}.get(fault, 404))
            elif fault == "hung up":
                self.broken_off()
            elif fault == "silent":
                time.sleep(0.4)
            elif fault == "no HTTP":
                self.wfile.write(b"220 files FTP server ready\r\n")
            else:
                self.answer(fault)

        def answer(self, fault: str) -> None:
            other = {"short": BODY[:100], "damaged": BODY[:-1] + b"?", "empty": b"", "page": PAGE}
            body = other.get(fault, BODY)
            self.send_response(302 if fault == "round in circles" else 200)
            self.send_header("Location", self.path)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if fault == "round in circles":
                state.faults.insert(0, fault)
                return
            if fault == "trickle":
                for each in body[:200]:
                    self.wfile.write(bytes([each]))
                    time.sleep(0.01)
                return
            self.wfile.write(body[: len(body) // 2] if fault in ("cut", "reset", "stuck") else body)
            if fault == "reset":
                self.broken_off()
            elif fault == "stuck":
                time.sleep(0.4)

        def broken_off(self) -> None:
            """The connection's end without a goodbye."""
            self.wfile.flush()
            time.sleep(0.05)  # what was sent has arrived
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def finish(self) -> None:
            with suppress(OSError):  # the other side, or this one, has hung up
                super().finish()

        def handle(self) -> None:
            with suppress(OSError):
                super().handle()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.url = f"http://127.0.0.1:{http.server_port}/file.gz"
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture
def nobody() -> str:
    """An address where no server listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/file.gz"


def download(path: Path, *urls: str) -> Path:
    return fetch(urls, CHECKSUM, path, EMBEDDED, FOLDER)


def assert_alone(path: Path) -> None:
    assert path.read_bytes() == BODY
    assert list(path.parent.iterdir()) == [path]


def test_a_fresh_download_is_whole_and_alone(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "raw" / "pets" / "file.gz"
    assert download(path, server.url) == path
    assert_alone(path)


def test_a_right_file_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(BODY)
    download(path, server.url)
    assert server.requests == 0


def test_a_wrong_file_is_fetched_afresh(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(BODY[:-1])
    download(path, server.url)
    assert_alone(path)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "round in circles"])
def test_a_failed_download_is_tried_again_from_the_start(server: Server, tmp_path: Path, fault: str) -> None:
    server.faults = [fault]
    download(tmp_path / "file.gz", server.url)
    assert server.requests == 2
    assert_alone(tmp_path / "file.gz")


def test_the_next_mirror_is_used(server: Server, nobody: str, tmp_path: Path) -> None:
    download(tmp_path / "file.gz", nobody, f"{server.url}.moved", server.url)
    assert_alone(tmp_path / "file.gz")


@pytest.mark.parametrize(("fault", "reason"), FAULTS.items())
def test_a_lasting_fault_is_one_clear_line_after_two_turns(
    server: Server, tmp_path: Path, fault: str, reason: str
) -> None:
    server.faults = [fault] * 10
    path = tmp_path / "raw" / "file.gz"
    began = time.monotonic()
    with pytest.raises(InputError, match=f"127.0.0.1:[0-9]+: {reason}") as caught:
        download(path, server.url)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert all(part in message for part in (str(path), EMBEDDED, FOLDER))
    assert list(path.parent.iterdir()) == []
    assert time.monotonic() - began < 10
    if fault != "round in circles":
        assert server.requests == 2


def test_a_gone_file_is_one_clear_line(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"404 .* for url: {server.url}.moved"):
        download(tmp_path / "file.gz", f"{server.url}.moved")
    assert list(tmp_path.iterdir()) == []


def test_there_is_a_pause_before_the_second_turns_only(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    download(tmp_path / "one.gz", f"{server.url}.moved", server.url)
    assert pauses == []
    server.faults = ["refused"]
    download(tmp_path / "two.gz", server.url)
    assert pauses == [downloading.PAUSE_SECONDS]


def test_no_network_is_one_clear_line_and_keeps_what_was_there(nobody: str, tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(b"an older edition")
    with pytest.raises(InputError, match="no connection") as caught:
        download(path, nobody)
    assert "\n" not in str(caught.value)
    assert EMBEDDED in str(caught.value)
    assert path.read_bytes() == b"an older edition"
    assert list(tmp_path.iterdir()) == [path]


def test_stopping_by_hand_leaves_nothing_half_written(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_: requests.Response, path: Path, name: str) -> None:
        path.write_bytes(BODY[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(downloading, "_received", stopped)
    with pytest.raises(KeyboardInterrupt):
        download(tmp_path / "file.gz", server.url)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("a file where a folder should be")
    with pytest.raises(InputError, match="cannot be written") as caught:
        download(tmp_path / "raw" / "file.gz", server.url)
    assert str(tmp_path / "raw" / "file.gz") in str(caught.value)
