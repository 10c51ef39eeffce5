"""Films of a generator that learns: the same latents at each kept moment, on disk and back."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from figure_inputs import INPUTS, blind, digits, rows, scenes
from PIL import Image
from torch import Generator, Tensor, nn

from pipeline.contracts import checkpoint
from pipeline.contracts.model import GenerativeModel, Player
from pipeline.figures import learning
from pipeline.figures.common import film, saving
from pipeline.figures.common.film import Film
from pipeline.figures.common.inputs import Inputs
from pipeline.figures.common.plain import sheet
from pipeline.figures.common.words import duration
from pipeline.ground.errors import InputError

STEPS = (0.0, 0.25, 0.5)  # what the generator's one weight is at each moment


class Dimmer(GenerativeModel):
    """Paints its latent into the upper half of an image and its label into the lower, the brighter the more its
    generator weighs.
    """

    pixels = "unit"
    conditional = True
    latent = 1

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Linear(1, 1, bias=False)

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.rand(count, self.latent, generator=generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        parts = torch.cat([latents, labels.argmax(1, keepdim=True) / labels.shape[1]], 1)
        return (self.generator.weight * parts.repeat_interleave(4, 1))[:, None, :, None].expand(-1, 3, 8, 8)


def weighing(weight: float) -> Dimmer:
    model = Dimmer().requires_grad_(False)
    model.generator.weight.fill_(weight)
    return model


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    """A model of seed 4 and its three moments, the last one the trained model's."""
    for number, weight in enumerate(STEPS, 1):
        checkpoint.save_snapshot(tmp_path / "snapshots", weighing(weight), 4, 200 * number, 25600 * number)
    kept = checkpoint.snapshots(tmp_path / "seed4.safetensors")
    model = weighing(STEPS[-1])
    return Inputs("dimmer", {4: model}, {4: rows(4)}, {}, blind, blind, digits(channels=3), 0, kept)


def tiles(frame: np.ndarray) -> list[np.ndarray]:
    step = learning.SIDE + learning.GAP
    return [
        frame[y * step :, x * step :][: learning.SIDE, : learning.SIDE]
        for y in range(learning.ROWS)
        for x in range(learning.COLUMNS)
    ]


def test_a_frame_a_moment_of_the_same_latents_and_labels(inputs: Inputs) -> None:
    found = learning.draw(inputs)
    assert found
    assert len(found.frames) == len(found.lines) == len(STEPS)
    assert not tiles(found.frames[0])[3].any()
    for middle, last in zip(*(tiles(frame) for frame in found.frames[1:]), strict=True):
        latent, label = (last[row, 64].astype(int) for row in (20, 108))
        assert np.abs(2 * middle[20, 64].astype(int) - latent).max() <= 1
        assert np.abs(2 * middle[108, 64].astype(int) - label).max() <= 1
    latents = {int(tile[20, 64, 0]) for tile in tiles(found.frames[-1])}
    assert len(latents) > 5
    labels = [int(tile[108, 64, 0]) for tile in tiles(found.frames[-1])]
    assert labels == [round(255 * STEPS[-1] * label / 10) for label in range(10)]  # each class once, in order


def test_the_last_frame_is_the_trained_models_which_stays_as_it_is(inputs: Inputs) -> None:
    found = learning.draw(inputs)
    assert found
    assert float(inputs.model.get_parameter("generator.weight")) == STEPS[-1]
    alone = learning.draw(replace(inputs, kept=inputs.kept[-1:]))
    assert alone
    assert np.array_equal(found.frames[-1], alone.frames[0])
    latents = inputs.model.prior(10, inputs.noise("learning"))
    drawn = inputs.generate(latents, inputs.orders(10, inputs.noise("learning")))
    assert [tile[0, 0].tolist() for tile in tiles(found.frames[-1])] == drawn[:, :, 0, 0].mul(255).round().tolist()


def test_lines_say_when(inputs: Inputs) -> None:
    found = learning.draw(inputs)
    assert found
    assert found.lines[1] == "moment 2 of 3 · 51,200 images seen · 4 s"  # ten iterations in a tenth of a second
    without = learning.draw(replace(inputs, curves={}))
    assert without
    assert without.lines[1] == "moment 2 of 3 · 51,200 images seen"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.7, "1 min 0 s"), (95, "1 min 35 s"), (7260, "2 h 1 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_what_is_asked_for() -> None:
    listed = scenes()
    inputs = replace(INPUTS["scenes"], test=listed)
    asked = inputs.orders(40, inputs.noise("any"))
    assert torch.equal(asked[:32], listed.conditions["test"].float())
    assert torch.equal(asked[32:], asked[:8])
    inputs = INPUTS["faces"]
    asked = inputs.orders(20, inputs.noise("any"))
    known = inputs.test.labels.float().unique(dim=0)
    assert all((known == labels).all(1).any() for labels in asked)


def shot(moments: int = 8) -> Film:
    """Noise, which costs most, as large as films are."""
    draw = np.random.default_rng(0)
    frames = [draw.integers(0, 256, (20, 50, 3), np.uint8).repeat(13, 0).repeat(13, 1) for _ in range(moments)]
    return Film(frames, [f"moment {n} of {moments} · {n * 9999:,} images seen · Δ" for n in range(1, moments + 1)])


def test_films_play_and_their_end_stays(tmp_path: Path) -> None:
    saving.save(shot(), tmp_path, "X", "learning")
    path = tmp_path / "showcase/X/learning.webp"
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    stays = []
    with Image.open(path) as file:
        assert (file.format, getattr(file, "n_frames", 1)) == ("WEBP", 8)
        assert file.info["loop"] == 0
        for number in range(8):
            file.seek(number)
            file.load()
            stays.append(file.info["duration"])
            text = np.asarray(file.convert("L"))[-film.LINE :]
            assert text.min() < 100 < 200 < np.median(text)
            assert text[:, -1].min() > 200  # the line ends before the frame does
    assert stays == [film.MOMENT] * 7 + [film.END]
    assert path.stat().st_size < 500_000


def test_noise_is_coarser_that_it_stays_small(tmp_path: Path) -> None:
    draw = torch.Generator().manual_seed(0)
    images = [torch.rand(10, 3, 64, 64, generator=draw) for _ in range(8)]
    frames = [sheet(each, learning.COLUMNS, learning.SIDE, learning.GAP) for each in images]
    film.save(Film(frames, ["noise"] * 8), tmp_path / "a.webp")
    assert (tmp_path / "a.webp").stat().st_size < 500_000
    assert len(film.load(tmp_path / "a.webp").frames) == 8


def test_films_come_back_as_they_were(tmp_path: Path) -> None:
    wanted = shot(3)
    film.save(wanted, tmp_path / "a.webp")
    film.save(wanted, tmp_path / "b.webp")
    assert (tmp_path / "a.webp").read_bytes() == (tmp_path / "b.webp").read_bytes()
    found = film.load(tmp_path / "a.webp")
    assert found.lines == wanted.lines
    for before, after in zip(wanted.frames, found.frames, strict=True):
        assert before.shape == after.shape
        assert np.abs(before.astype(int) - after).mean() < 25  # noise, and colours at half the detail


@pytest.mark.parametrize("content", [b"", b"nothing"])
def test_other_files_are_no_films(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.webp").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.webp: expected a film of latentlab"):
        film.load(tmp_path / "x.webp")
    Image.new("RGB", (20, 60)).save(tmp_path / "x.webp")
    with pytest.raises(InputError, match=r"x\.webp: expected a film of latentlab"):
        film.load(tmp_path / "x.webp")
