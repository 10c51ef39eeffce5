import gzip
import hashlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pooch  # type: ignore[import-untyped]
import pytest

from pipeline.data.reading.download import fetch
from pipeline.ground.errors import InputError

BODY = gzip.compress(bytes(range(256)) * 2000, mtime=0)
CHECKSUM = f"md5:{hashlib.md5(BODY).hexdigest()}"
EMBEDDED, FOLDER = "data.pets.source: drawings", "data.pets.folder"


@dataclass
class Server:
    """Gives BODY under /file.gz, first with each of `faults` in turn: "cut", "short", "damaged" or "refused"."""

    url: str = ""
    faults: list[str] = field(default_factory=list)
    requests: int = 0


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests += 1
            fault = state.faults.pop(0) if state.faults else ""
            if fault == "refused" or self.path != "/file.gz":
                self.send_error(503 if fault else 404)
                return
            body = {"short": BODY[:100], "damaged": BODY[:-1] + b"?"}.get(fault, BODY)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)

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
def nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address where no server listens."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
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


@pytest.mark.parametrize("fault", ["cut", "short", "damaged", "refused"])
def test_a_failed_download_is_tried_again_from_the_start(server: Server, tmp_path: Path, fault: str) -> None:
    server.faults = [fault]
    download(tmp_path / "file.gz", server.url)
    assert server.requests == 2
    assert_alone(tmp_path / "file.gz")


def test_the_next_mirror_is_used(server: Server, nobody: str, tmp_path: Path) -> None:
    download(tmp_path / "file.gz", nobody, f"{server.url}.moved", server.url)
    assert_alone(tmp_path / "file.gz")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("cut", "interrupted"), ("short", "checksum"), ("damaged", "checksum"), ("refused", "503")],
)
def test_a_lasting_fault_is_one_clear_line(server: Server, tmp_path: Path, fault: str, reason: str) -> None:
    server.faults = [fault] * 10
    path = tmp_path / "raw" / "file.gz"
    with pytest.raises(InputError, match=reason) as caught:
        download(path, server.url)
    message = str(caught.value)
    assert "\n" not in message
    assert all(part in message for part in (str(path), "127.0.0.1", EMBEDDED, FOLDER))
    assert list(path.parent.iterdir()) == []


def test_no_network_is_one_clear_line_and_keeps_what_was_there(nobody: str, tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(b"an older edition")
    with pytest.raises(InputError, match="no connection") as caught:
        download(path, nobody)
    assert "\n" not in str(caught.value)
    assert EMBEDDED in str(caught.value)
    assert path.read_bytes() == b"an older edition"
    assert list(tmp_path.iterdir()) == [path]


def test_stopping_by_hand_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_: object, url: str, output_file: str, pooch: None) -> None:
        Path(output_file).write_bytes(BODY[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", stopped)
    with pytest.raises(KeyboardInterrupt):
        download(tmp_path / "file.gz", "http://127.0.0.1/file.gz")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "raw").write_text("a file where a folder should be")
    with pytest.raises(InputError, match="cannot be written") as caught:
        download(tmp_path / "raw" / "file.gz", server.url)
    assert str(tmp_path / "raw" / "file.gz") in str(caught.value)
