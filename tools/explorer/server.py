"""Serves the page and its pictures to browsers on this machine, and to nobody else."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, Final, get_args
from urllib.parse import urlsplit

from PIL import Image
from torch import Tensor

from pipeline.ground.errors import InputError
from tools.explorer.artist import Strip, Studio
from tools.explorer.point import Point, parse

LOOPBACK: Final = "127.0.0.1"
_HOSTS: Final = (LOOPBACK, "localhost")
_FILES: Final = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_LARGE: Final = 512  # pixels a side, about, of a picture to keep
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    """Listens on the loopback address alone. Connections have threads, all drawing has one: torch's own are its."""

    daemon_threads = True

    def __init__(self, port: int, studio: Studio) -> None:
        """port: 0 takes a free one. Raises InputError when it is taken."""
        self.studio = studio
        self.drawing = ThreadPoolExecutor(1)
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise InputError(f"--port {port}: cannot be listened on ({error.strerror})") from None

    def server_close(self) -> None:
        super().server_close()
        self.drawing.shutdown()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that left before its answer came is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections last, so that a slider's pictures need no new ones
    disable_nagle_algorithm = True  # or each picture waits 40 ms for the receipt of its headers
    server_version, sys_version = "latentlab", ""
    server: Server

    def do_GET(self) -> None:
        hosts = self.headers.get_all("Host", [])
        # A page elsewhere whose name was made to lead here sends its own name (DNS rebinding).
        if len(hosts) != 1 or hosts[0].rsplit(":", 1)[0].lower() not in _HOSTS:
            self.send_error(HTTPStatus.FORBIDDEN, f"Host: expected {' or '.join(_HOSTS)}, found {', '.join(hosts)}")
            return
        where = urlsplit(self.path)
        try:
            if where.path in _FILES:
                name, kind = _FILES[where.path]
                self._answer(Path(__file__).with_name(name).read_bytes(), f"{kind}; charset=utf-8")
            elif where.path == "/model.json":
                facts = self.server.studio.facts
                content = {"facts": asdict(facts), "usual": facts.usual()}
                self._answer(json.dumps(content).encode(), "application/json")
            elif where.path.endswith(".png"):
                picture = self.server.drawing.submit(self._picture, where.path[1:-4], where.query).result()
                self._answer(picture, "image/png")
            else:
                self.send_error(HTTPStatus.NOT_FOUND, f"{where.path}: no such page")
        except InputError as error:
            self.send_error(HTTPStatus.BAD_REQUEST, str(error))

    def _picture(self, name: str, query: str) -> bytes:
        """The PNG of a point: `image`; `large`, to keep; `icon`, where a page begins; or one of its strips."""
        studio = self.server.studio
        if name == "icon":
            return _png(studio.artist(studio.facts.seeds[0]).draw([Point.model_validate(studio.facts.usual())]))
        point = parse(query, studio.facts)
        artist = studio.artist(point.seed)
        if name in ("image", "large"):
            return _png(artist.draw([point]), 1 if name == "image" else max(1, _LARGE // studio.facts.shape[-1]))
        for kind in get_args(Strip):
            if name == kind:
                return _png(artist.strip(point, kind, studio.facts))
        raise InputError(f"{name}.png: expected image, large, icon, {', '.join(get_args(Strip))}")

    def _answer(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for header, value in (_HEADERS | {"Content-Type": kind, "Content-Length": str(len(content))}).items():
            self.send_header(header, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """One line of text. The connection ends, as what follows a bad request may be its body."""
        self.close_connection = True
        line = " ".join((message or HTTPStatus(code).phrase).split())
        self._answer(f"{line}\n".encode(), "text/plain; charset=utf-8", HTTPStatus(code))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a slider asks often."""


def _png(images: Tensor, zoom: int = 1) -> bytes:
    """uint8 (N, C, H, W), side by side."""
    row = images.permute(2, 0, 3, 1).flatten(1, 2)  # (H, N * W, C)
    picture = Image.fromarray((row[..., 0] if row.shape[2] == 1 else row).numpy())
    if zoom > 1:
        picture = picture.resize((zoom * picture.width, zoom * picture.height), Image.Resampling.NEAREST)
    file = BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
