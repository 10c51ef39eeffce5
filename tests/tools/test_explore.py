"""Served pictures are what torch draws, of what was asked; nobody else is served, and nothing else."""

import http.client
import io
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import explored
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pipeline.contracts.images import to_unit
from pipeline.contracts.model import AdversarialModel, CodedModel, Drawer, GenerativeModel
from pipeline.ground.errors import InputError
from tools.explore import explore
from tools.explorer.artist import Artist, Studio
from tools.explorer.server import Server
from tools.sample import sample

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dataclass(frozen=True)
class Answer:
    """What a server says. content: of its body."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def line(self) -> str:
        """The one line that a refusal is."""
        text = self.content.decode()
        assert text.count("\n") == 1
        return text.removesuffix("\n")


@dataclass(frozen=True)
class Served:
    """An experiment, served as the command does."""

    server: Server

    def ask(
        self, path: str, hosts: Sequence[str] = ("localhost",), method: str = "GET", body: bytes | None = None
    ) -> Answer:
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=60)) as connection:
            connection.putrequest(method, f"/{path}", skip_host=True)
            for host in hosts:
                connection.putheader("Host", host)
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())

    def picture(self, name: str = "image", **asked: Any) -> np.ndarray:
        """(H, W) or (H, W, 3), uint8."""
        answer = self.ask(f"{name}.png?{urlencode(asked, doseq=True)}")
        assert answer.status == 200, answer.line
        return np.array(Image.open(io.BytesIO(answer.content)))


Serve = Callable[[str], Served]


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Serves an experiment that lies in `folder`."""
    with ExitStack() as stack:

        def begin(name: str) -> Served:
            server = stack.enter_context(Server(0, Studio(Path("results/models") / name, CPU)))
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
            stack.callback(server.shutdown)
            return Served(server)

        yield begin


def expected(
    name: str, model: GenerativeModel, latents: Tensor, names: tuple[str, ...] = (), drawer: Drawer | None = None
) -> np.ndarray:
    """What torch draws of latents (1, Z), rounded: (H, W) or (H, W, 3)."""
    labels = torch.tensor([[float(each in names) for each in explored.known(name)]])
    if drawer:
        assert isinstance(model, AdversarialModel)
        images = model.generate_by(drawer, latents, labels)
    else:
        images = model.generate(latents, labels)
    return (255 * to_unit(images, model.pixels)[0]).round().byte().permute(1, 2, 0).numpy().squeeze()


LABELS = {"digits": ("7",), "scenes": ("red cube", "cyan sphere"), "faces": ("Smiling", "Male")}


@pytest.mark.parametrize("name", explored.MODELS)
def test_a_served_picture_is_what_torch_draws(name: str, folder: Path, serve: Serve) -> None:
    model, served = explored.save(folder, name), serve(name)
    names = LABELS.get(name, ())
    ends = [explored.latent(model, number) for number in (11, 12)]
    halfway = torch.lerp(ends[0], ends[1], 0.25)
    moved = halfway + served.server.studio.artist(3).directions(None)[1] * 1.5
    asked: dict[str, Any]
    for latents, asked in ((ends[0], {}), (halfway, {"share": 0.25}), (moved, {"share": 0.25, "moves": "0,1.5"})):
        if isinstance(model, CodedModel):
            latents = model.coded(latents, torch.tensor([[0.0, 0.7, 0.0, 0.3]]))
            asked = asked | {"code": 2, "other": 4, "mixed": 0.3}
        shown = served.picture(start=11, end=12, label=names, **asked)
        assert shown.std() > 10
        np.testing.assert_array_equal(shown, expected(name, model, latents, names))


@pytest.mark.parametrize("name", ["scenes", "faces", "critic", "coded"])
def test_either_of_generator_and_average_draws(name: str, folder: Path, serve: Serve) -> None:
    model, served = explored.save(folder, name), serve(name)
    names, latents = LABELS.get(name, ()), explored.latent(model, 5)
    if isinstance(model, CodedModel):
        latents = model.coded(latents, torch.eye(4)[:1])
    drawers: tuple[Drawer, ...] = ("generator", "average")
    shown = [served.picture(start=5, label=names, drawer=drawer) for drawer in drawers]
    assert (shown[0] != shown[1]).any()
    for drawer, picture in zip(drawers, shown, strict=True):
        np.testing.assert_array_equal(picture, expected(name, model, latents, names, drawer))


def test_each_seed_is_a_model_of_its_own(folder: Path, serve: Serve) -> None:
    models = {seed: explored.save(folder, "plain", seed) for seed in (4, 9)}
    served = serve("plain")
    assert json.loads(served.ask("model.json").content)["facts"]["seeds"] == [4, 9]
    for seed, model in models.items():
        shown = served.picture(seed=seed, start=1)
        np.testing.assert_array_equal(shown, expected("plain", model, explored.latent(model, 1)))


def test_it_is_the_image_that_sample_draws(folder: Path, serve: Serve) -> None:
    explored.save(folder, "digits")
    sample("digits", count=1, label=["4"], out=folder / "grid.png", seed=21, zoom=1, device="cpu")
    grid = np.array(Image.open(folder / "grid.png"))[1:-1, 1:-1, 0].astype(int)
    shown = serve("digits").picture(start=21, label="4").astype(int)
    assert np.abs(grid - shown).max() <= 1  # one of the two rounds down


def close(tile: np.ndarray, picture: np.ndarray) -> bool:
    """Whether they are the same but for rounding: a batch of another size adds up in another order."""
    return bool(np.abs(tile.astype(int) - picture.astype(int)).max() <= 1)


def test_each_class_is_drawn_at_the_same_latent(folder: Path, serve: Serve) -> None:
    explored.save(folder, "digits")
    served = serve("digits")
    tiles = np.split(served.picture("labels", start=2, label="0"), 10, axis=1)
    pictures = [served.picture(start=2, label=str(digit)) for digit in range(10)]
    assert all(map(close, tiles, pictures))
    assert not any(close(pictures[0], other) for other in pictures[1:])


def test_each_object_is_drawn_alone_and_each_attribute_flipped(folder: Path, serve: Serve) -> None:
    for name in ("scenes", "faces"):
        explored.save(folder, name)
    scenes, faces = serve("scenes"), serve("faces")
    alone = np.split(scenes.picture("labels", label=["red cube", "blue cube"]), 24, axis=1)
    assert close(alone[7], scenes.picture(label="yellow cube"))
    flipped = np.split(faces.picture("labels", label=["Smiling", "Male"]), 8, axis=1)
    assert close(flipped[3], faces.picture(label="Smiling"))
    assert close(flipped[7], faces.picture(label=["Smiling", "Male", "Young"]))


def test_strips_of_codes_of_the_way_and_of_directions(folder: Path, serve: Serve) -> None:
    explored.save(folder, "coded")
    served = serve("coded")
    asked: dict[str, Any] = {"start": 4, "end": 5, "code": 2, "other": 3, "mixed": 0.5}
    codes = np.split(served.picture("codes", **asked), 4, axis=1)
    assert close(codes[3], served.picture(start=4, code=4))
    between = np.split(served.picture("between", **asked), 9, axis=1)
    assert close(between[2], served.picture(**asked, share=0.25))
    ends = np.split(served.picture("directions", **asked, moves="1,1"), 16, axis=1)
    assert close(ends[4], served.picture(**asked, moves="1,1,-3"))
    assert close(ends[3], served.picture(**asked, moves="1,3"))


def test_a_picture_to_keep_is_the_same_enlarged(folder: Path, serve: Serve) -> None:
    explored.save(folder, "faces")
    served = serve("faces")
    small, large = served.picture(label="Young"), served.picture("large", label="Young")
    assert large.shape == (512, 512, 3)
    np.testing.assert_array_equal(large[::16, ::16], small)


class Linear(GenerativeModel):
    """Four patches, each as bright as one latent says; latents vary unequally, and about a mean."""

    pixels = "unit"
    conditional = False
    latent = 4
    SPREAD = torch.tensor([1.0, 4.0, 0.0, 2.0])
    GAIN = torch.tensor([0.08, 0.01, 9.0, -0.01])  # times the spread: 0.08, 0.04, 0, -0.02

    def players(self) -> tuple[()]:
        return ()

    def prior(self, count: int, generator: torch.Generator) -> Tensor:
        return 5 + self.SPREAD * torch.randn(count, 4, generator=generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        images = (0.5 + (latents - 5) * self.GAIN).view(-1, 1, 2, 2)
        return images.repeat_interleave(8, 2).repeat_interleave(8, 3)


def test_directions_are_those_that_change_most_one_deviation_long(folder: Path) -> None:
    explored.save(folder, "plain")
    artist = Artist(folder / "results/models/plain/seed3.safetensors", CPU, None)
    artist.model = Linear()
    directions = artist.directions(None)
    steps = directions[:3, [0, 1, 3]] / Linear.SPREAD[[0, 1, 3]]  # in deviations
    # the strongest first, each to where images become brighter, but for chance among a thousand latents
    torch.testing.assert_close(steps, torch.diag(torch.tensor([1.0, 1.0, -1.0])), atol=0.1, rtol=0)
    assert directions[:, 2].abs().max() < 1e-3  # however much it would change: it does not vary
    assert directions[3].abs().max() < 1e-3


def test_a_code_is_no_direction(folder: Path) -> None:
    model = explored.save(folder, "coded")
    directions = Studio(Path("results/models/coded"), CPU).artist(3).directions("average")
    assert directions.shape == (8, model.latent)
    assert directions[:, :12].norm(dim=1).min() > 0.5
    assert directions[:, 12:].abs().max() < 1e-5


def test_it_begins_at_labels_that_real_images_have(folder: Path) -> None:
    explored.save(folder, "faces")
    assert Studio(Path("results/models/faces"), CPU).facts.usual()["label"] == ()
    explored.save_labels(folder, "faces", torch.tensor([[0, 1, 0, 0, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]]))
    facts = Studio(Path("results/models/faces"), CPU).facts
    assert facts.real == (("Black_Hair", "Smiling"), ("Bangs",))
    assert facts.usual()["label"] == ("Black_Hair", "Smiling")


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("digits", "image.png", "label: expected one class, found 0"),
        ("digits", "image.png?label=1&label=2", "label: expected one class, found 2"),
        ("digits", "image.png?label=eleven", "label: expected one of 0, 1, 2"),
        ("digits", "image.png?label=1&colour=red", "colour: expected one of seed, drawer"),
        ("digits", "image.png?label=1&seed=4", "seed: expected one of 3, found 4"),
        ("digits", "image.png?label=1&seed=x", "seed: "),
        ("digits", "image.png?label=1&start=-1", "start: "),
        ("digits", "image.png?label=1&start=1.5", "start: "),
        ("digits", "image.png?label=1&start=1&start=2", "start: expected it once, found it 2 times"),
        ("digits", "image.png?label=1&share=1.01", "share: "),
        ("digits", "image.png?label=1&share=nan", "share: "),
        ("digits", "image.png?label=1&moves=0,4", "moves: "),
        ("digits", "image.png?label=1&moves=0,,1", "moves: "),
        ("digits", "image.png?label=1&moves=0,0,0,0,0,0", "moves: expected at most 5, found 6"),
        ("digits", "image.png?label=1&drawer=average", "drawer: digits has no average of its weights"),
        ("digits", "image.png?label=1&code=2", "code, other: expected none, as digits has no codes"),
        ("digits", "image.png?label", "query: "),
        ("digits", "image.png?label=1&start=%0a7%0a8", "start: "),
        ("digits", "codes.png?label=1", "codes: digits has none"),
        ("digits", "thing.png?label=1", "thing.png: expected image, large"),
        ("plain", "image.png?label=1", "label: expected none, as plain is not conditional, found '1'"),
        ("plain", "labels.png", "labels: plain has none"),
        ("scenes", "image.png", "label: expected 1 to 3 objects, found 0"),
        ("scenes", "image.png?label=red+cube&label=red+sphere&label=cyan+cube&label=cyan+sphere", "found 4"),
        ("scenes", "image.png?label=red+cube&drawer=both", "drawer: "),
        ("coded", "image.png?code=5", "code, other: expected numbers from 1 to 4, found 5, 1"),
        ("coded", "image.png?other=0", "other: "),
    ],
)
def test_what_a_model_does_not_have_is_refused_in_one_line(
    name: str, path: str, words: str, folder: Path, serve: Serve
) -> None:
    explored.save(folder, name)
    answer = serve(name).ask(path)
    assert answer.status == 400
    assert words in answer.line


def test_it_listens_on_the_loopback_address_only(folder: Path, serve: Serve) -> None:
    explored.save(folder, "plain")
    server = serve("plain").server
    assert server.socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(InputError, match=f"--port {server.server_port}: cannot be listened on"):
        Server(server.server_port, server.studio)


def test_pages_of_other_names_and_other_methods_are_refused(folder: Path, serve: Serve) -> None:
    explored.save(folder, "plain")
    served = serve("plain")
    for host in ("127.0.0.1", "localhost", f"127.0.0.1:{served.server.server_port}", "LOCALHOST:9"):
        assert served.ask("image.png", (host,)).status == 200, host
    others = (("evil.example",), ("evil.example:80",), ("localhost.evil.example",), (), ("localhost", "evil.example"))
    for hosts in others:
        for path in ("", "model.json", "image.png", "nothing"):
            answer = served.ask(path, hosts)
            assert (answer.status, answer.line[:33]) == (403, "Host: expected 127.0.0.1 or local"), (hosts, path)
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
        answer = served.ask("image.png", method=method, body=b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (answer.status, answer.headers["Connection"]) == (501, "close"), method


def test_every_answer_keeps_the_page_to_itself(folder: Path, serve: Serve) -> None:
    explored.save(folder, "plain")
    served = serve("plain")
    answers = {"": 200, "page.js": 200, "icon.png": 200, "image.png?x=1": 400, "../point.py": 404, "point.py": 404}
    for path, status in answers.items():
        answer = served.ask(path)
        assert answer.status == status, path
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_missing_model_is_told_before_torch_is_asked(folder: Path) -> None:
    with pytest.raises(InputError) as error:
        explore("fc_vea", open_=False)
    assert str(error.value) == "results/models/fc_vea: no trained model there; `latentlab repro train@fc_vea` makes it"


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def test_the_command_serves_until_it_is_interrupted(folder: Path) -> None:
    model = explored.save(folder, "plain")
    command = [sys.executable, "-m", "tools.cli", "explore", "plain", "--no-open"]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as started:
        assert started.stdout is not None
        try:
            line = started.stdout.readline()
            assert line.endswith("draws from plain; Ctrl-C ends it\n"), line
            with urllib.request.urlopen(f"{line.split()[0]}image.png?start=8") as answer:
                picture = np.array(Image.open(answer))
            np.testing.assert_array_equal(picture, expected("plain", model, explored.latent(model, 8)))
        finally:
            started.send_signal(signal.SIGINT)
            rest = started.stdout.read()
    assert (rest, started.returncode) == ("ended\n", 0)


def test_help_needs_no_torch() -> None:
    script = "import sys; from tools.cli import main; sys.argv = ['latentlab', 'explore', '--help']\ntry: main()\n"
    script += "finally: print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True)
    assert "--no-open" in done.stdout
    assert done.stdout.endswith("False\n")
