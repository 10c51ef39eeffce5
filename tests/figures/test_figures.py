import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from torch import Generator, Tensor

from pipeline.contracts.curves import POSITION
from pipeline.contracts.images import ImageSet, Kind
from pipeline.contracts.model import Drawer, GenerativeModel, Player
from pipeline.contracts.training_progress import Moment
from pipeline.figures import conditions, corners, curves, latent_map, progress, reconstructions, single_objects
from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs
from pipeline.ground import plugins
from pipeline.judges.scores import accuracy
from pipeline.models import vae
from pipeline.networks import mlp

FIGURES = ("samples", "corners", "interpolation", "classes", "reconstructions", "real_fake", "curves")
GAN_FIGURES = ("samples", "corners", "interpolation", "real_fake", "curves", "conditions", "single_objects", "progress")
FACE_FIGURES = {
    "faces": ("samples", "classes", "interpolation", "real_fake", "flips"),
    "encoder of faces": ("samples", "interpolation", "reconstructions", "real_fake", "latent_map"),
    "codes of faces": ("samples", "real_fake", "codes"),
}
CLASSES = tuple("0123456789")
COLOURS, SHAPES = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"), ("cube", "sphere", "cylinder")
OBJECTS = tuple(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS)
ATTRIBUTES = ("Bangs", "Black_Hair", "Blond_Hair", "Male", "Mouth_Slightly_Open", "Smiling", "Wavy_Hair", "Young")
LATENT = 3


class Painter(GenerativeModel):
    """No encoder, no likelihood: what a GAN offers a figure. Its colours are its latents and labels."""

    pixels = "symmetric"
    conditional = True
    latent = 3

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.randn(count, self.latent, generator=generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return torch.tanh(latents + labels.sum(1, keepdim=True))[:, :, None, None].expand(-1, -1, 8, 8)


class Writer(GenerativeModel):
    """Writes the labels it is asked for into the top row of grey images, whose greys are its latents."""

    pixels = "unit"
    conditional = True
    latent = 1
    drawn_by: Drawer = "average"

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.rand(count, self.latent, generator=generator) * 0.9

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        images = latents[:, :, None, None].repeat(1, 3, 64, 64)
        images[:, :, 0, : labels.shape[1]] = labels[:, None]
        return images

    def generate_by(self, drawer: Drawer, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generate(latents, labels)


class Averager(GenerativeModel):
    """An encoder that keeps an image's mean colour, and a decoder that paints it."""

    pixels = "symmetric"
    conditional = False
    latent = 3
    latents = "latents from elsewhere"

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.randn(count, self.latent, generator=generator)

    def code(self, images: Tensor, labels: Tensor) -> Tensor:
        return images.mean((2, 3))

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return latents[:, :, None, None].repeat(1, 1, 64, 64)


class Coder(GenerativeModel):
    """A grey and 5 codes, of which each is written as the attribute of its number, as dark as its share."""

    pixels = "unit"
    conditional = False
    codes = 5
    latent = 6

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return self.coded(torch.rand(count, self.latent, generator=generator) * 0.9, torch.eye(self.codes)[[0] * count])

    def coded(self, latents: Tensor, codes: Tensor) -> Tensor:
        return torch.cat([latents[:, :1], codes], 1)

    def recognise(self, images: Tensor) -> Tensor:
        return images[:, 0, 0, : self.codes].log_softmax(1)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        images = latents[:, :1, None, None].repeat(1, 3, 64, 64)
        images[:, :, 0, : len(ATTRIBUTES)] = 0
        images[:, :, 0, : self.codes] = latents[:, None, 1:]
        return images


def written(tile: Tensor, scale: int, labels: int = len(OBJECTS)) -> Tensor:
    """What the writer of the image (H, W, 3) at the top left, so many times enlarged, was asked for: labels (K,)."""
    return (tile[0, ::scale, 0][:labels] == 255).to(torch.uint8)


def reader(images: Tensor) -> Tensor:
    """A judge of the writer's images that knows every object but the first, which it takes for the last."""
    scores = images[:, 0, 0, : len(OBJECTS)].clone()
    scores[:, -1] = torch.maximum(scores[:, -1], 0.9 * scores[:, 0])
    scores[:, 0] = 0
    return scores


def contrary(images: Tensor) -> Tensor:
    """A judge that sees all but what the writer was asked for."""
    return -images[:, 0, 0, : len(OBJECTS)]


def observer(images: Tensor) -> Tensor:
    """A judge of written attributes, and of real faces, in which they are written too."""
    return images[:, 0, 0, : len(ATTRIBUTES)] * 2 - 1


def sullen(images: Tensor) -> Tensor:
    """A judge that sees a smile, attribute 5, only in bright images."""
    seen = observer(images)
    seen[:, 5] = torch.where(images[:, 0, 1, 0] > 0.6, seen[:, 5], -1)
    return seen


def undecided(images: Tensor) -> Tensor:
    """A judge that scores all objects alike."""
    return torch.zeros(len(images), len(OBJECTS))


def digits(*, channels: int = 1, kind: Kind = "classes") -> ImageSet:
    n = 40
    images = torch.randint(256, (n, channels, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    labels = torch.eye(len(CLASSES), dtype=torch.uint8)[torch.arange(n).flip(0) % len(CLASSES)]
    if kind != "classes":
        labels |= labels.roll(1, 1)
    return ImageSet(images, labels, torch.arange(n), CLASSES, kind, "noise")


def rows(
    seed: int, names: Sequence[str] = ("reconstruction", "kl", "loss"), points: int = 60
) -> list[dict[str, float]]:
    """Falling losses that begin far out, as they do."""
    at = [{"iteration": 10.0 * i, "epoch": i / 6, "images_seen": 1280.0 * i, "seconds": 0.1 * i} for i in range(1, 61)]
    return [
        {**row, **{name: 1000 / i**3 + 80 + k + seed for k, name in enumerate(names)}}
        for i, row in enumerate(at[:points], 1)
    ]


def scenes(classes: tuple[str, ...] = OBJECTS, *, kind: Kind = "objects") -> ImageSet:
    """With labels that mix, there are a list `test` of 32 sets, of one to three labels, and a list `new_test` of 5."""
    n, one = 40, torch.eye(len(classes), dtype=torch.uint8)
    labels = one[torch.arange(n) % len(classes)]
    lists = {}
    if kind != "classes":
        labels[n // 2 :] |= one[(torch.arange(n // 2) * 5 + 1) % len(classes)]
        sets = torch.zeros(32, len(classes), dtype=torch.uint8)
        for number, asked in enumerate(sets):
            asked[[(5 * number + 3 * more) % len(classes) for more in range(number % 3 + 1)]] = 1
        lists = {"test": sets, "new_test": sets[5:10].flip(1)}
    images = torch.zeros(n, 3, 64, 64, dtype=torch.uint8)
    return ImageSet(images, labels, torch.arange(n), classes, kind, "noise", lists)


def faces(n: int = 60) -> ImageSet:
    """Attributes, written into the top rows of noise; nobody has black and blond hair."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (n, len(ATTRIBUTES)), generator=draw, dtype=torch.uint8)
    labels[:, 2] &= 1 - labels[:, 1]
    images = torch.randint(255, (n, 3, 64, 64), generator=draw, dtype=torch.uint8)
    images[:, :, 0, : len(ATTRIBUTES)] = 255 * labels[:, None]
    return ImageSet(images, labels, torch.arange(n), ATTRIBUTES, "attributes", "noise")


def two_players(seed: int, first: Sequence[str], second: Sequence[str]) -> list[dict[str, float]]:
    """A curve of two players' terms, `player_term` each, and totals."""
    curve = []
    for row in rows(seed, [*first, *second]):
        losses: dict[str, float] = {}
        for names in (first, second):
            losses |= {name: row[name] for name in names}
            losses[f"{names[0].split('_')[0]}_loss"] = losses["loss"] = sum(row[name] for name in names)
        curve.append({name: row[name] for name in POSITION} | losses)
    return curve


def moments(seed: int, drawers: Sequence[str] = ("generator", "average")) -> list[Moment]:
    names = ("diversity", "condition_accuracy", "test_accuracy", "new_test_accuracy")
    found = []
    for n, drawer in itertools.product(range(1, 9), drawers):
        values = dict.fromkeys(names, (n + seed / 9 - 0.1 * (drawer == "average")) / 10)
        found.append(Moment(1500 * n, 192000 * n, drawer, {"frechet_distance": 300 / n**2 + seed, **values}))
    return found


def scenes_view(*, seeds: int = 3, seed: int = 0, test: ImageSet | None = None) -> Inputs:
    models: dict[int, GenerativeModel] = {number: Writer() for number in range(seeds)}
    first = ["discriminator_real", "discriminator_fake", "discriminator_label"]
    found = {n: two_players(n, first, ["generator_adversarial", "generator_label"]) for n in models}
    return Inputs("a_gan_of_scenes", models, found, {n: moments(n) for n in models}, reader, test or scenes(), seed)


def blind(images: Tensor) -> Tensor:
    """A judge that scores all labels alike."""
    return torch.zeros(len(images), len(CLASSES))


def faces_view(model: GenerativeModel | None = None, *, seed: int = 0) -> Inputs:
    return Inputs("some_faces", {0: model or Writer()}, {}, {}, observer, faces(), seed)


def vae_view(*, conditional: bool = True, seeds: int = 3, likelihood: str = "bernoulli", seed: int = 0) -> Inputs:
    settings = vae.Settings.model_validate({"latent": LATENT, "conditional": conditional, "likelihood": likelihood})
    models: dict[int, GenerativeModel] = {}
    for number in range(seeds):
        torch.manual_seed(number)
        network = mlp.build(mlp.Settings(layers=1, hidden=8), (1, 8, 8))
        models[number] = vae.build(settings, network, len(CLASSES)).eval().requires_grad_(False)
    curves = {number: rows(number) for number in range(seeds)}
    return Inputs("an_experiment", models, curves, {}, blind, digits(), seed)


def gan_view() -> Inputs:
    curve = two_players(0, ["discriminator_real", "discriminator_fake"], ["generator_adversarial"])
    return Inputs("a_gan", {4: Painter()}, {4: curve}, {}, blind, digits(channels=3, kind="objects"), 0)


INPUTS = {
    "conditional": vae_view(),
    "unconditional": vae_view(conditional=False),
    "one seed": vae_view(seeds=1),
    "gaussian": vae_view(likelihood="gaussian"),
    "gan": gan_view(),
    "scenes": scenes_view(),
    "scenes of one seed": scenes_view(seeds=1),
    "faces": faces_view(),
    "encoder of faces": faces_view(Averager()),
    "codes of faces": faces_view(Coder()),
}
HOUSES = Inputs("houses", {0: Writer()}, {}, {}, blind, scenes(CLASSES, kind="classes"), 0)
NOT_APPLY = [
    ("classes", "unconditional"),
    ("classes", "scenes"),
    ("reconstructions", "gan"),
    ("reconstructions", "scenes"),
    ("conditions", "conditional"),
    ("conditions", "gan"),
    ("single_objects", "conditional"),
    ("single_objects", "gan"),
    ("progress", "conditional"),
    ("curves", "faces"),
    ("single_objects", "faces"),
    ("reconstructions", "faces"),
    ("latent_map", "faces"),
    ("latent_map", "conditional"),  # more classes than colours
    *(("flips", name) for name in ("encoder of faces", "conditional", "gan", "scenes")),
    *(("codes", name) for name in ("faces", "encoder of faces", "conditional", "gan")),
]
APPLY = [
    (figure, name)
    for name in INPUTS
    for figure in FACE_FIGURES.get(name, GAN_FIGURES if "scenes" in name else FIGURES)
    if (figure, name) not in NOT_APPLY
]


def several(figure: str, inputs: Inputs) -> dict[str, Figure]:
    """The figures of a plug-in, by name; one alone has none."""
    found = plugins.load("figures", figure).draw(inputs)
    named = dict(found) if isinstance(found, Mapping) else {"": found}
    assert all(isinstance(each, Figure) for each in named.values())
    return named


def drawn(figure: str, inputs: Inputs) -> Figure:
    return next(iter(several(figure, inputs).values()))


def caption(figure: Figure) -> str:
    return figure.texts[1].get_text().replace("\n", " ")


def picture(figure: Figure) -> np.ndarray:
    (image,) = figure.axes[0].images
    return np.asarray(image.get_array())


def tick_labels(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


@pytest.mark.parametrize(("figure", "name"), APPLY)
def test_everything_is_labelled_and_nothing_clipped(figure: str, name: str) -> None:
    for found in several(figure, INPUTS[name]).values():
        assert_well_set(found, INPUTS[name].name)


def assert_well_set(found: Figure, name: str) -> None:
    """Titles and labels are there, inside the figure, and clear of each other."""
    found.draw_without_rendering()
    title, subtitle = found.texts
    assert name in title.get_text()
    assert "noise" in subtitle.get_text()
    inside = found.bbox
    for artist in (*found.texts, *found.axes, *found.legends, *(text for axes in found.axes for text in axes.texts)):
        box = artist.get_tightbbox()
        assert box is not None
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= inside.x1
        assert box.y1 <= inside.y1
    heading = subtitle.get_window_extent()
    for axes in found.axes:
        box = axes.get_tightbbox()
        assert box is not None
        assert box.y1 < heading.y0
        assert not any(box.overlaps(legend.get_window_extent()) for legend in found.legends)
        assert_apart([text for text in axes.get_children() if isinstance(text, Text)])  # titles and lines
        for axis in (axes.xaxis, axes.yaxis):
            assert_apart(axis.get_ticklabels())
            ticks = [label.get_text() for label in axis.get_ticklabels()]
            # Words, such as "original", say themselves what they are; numbers do not.
            assert axis.label.get_text() or not any(re.fullmatch(r"[\d.−]+", tick) for tick in ticks)


def assert_apart(texts: Sequence[Text]) -> None:
    boxes = []
    for text in texts:
        if lines := text.get_text().split("\n"):
            box, empty = text.get_window_extent(), sum(not line for line in lines) / len(lines)  # at the end
            boxes.append(Bbox.from_extents(box.x0, box.y0 + empty * box.height, box.x1, box.y1))
    boxes = [box for box in boxes if box.width and box.height]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)


@pytest.mark.parametrize(("figure", "name"), NOT_APPLY)
def test_does_not_apply(figure: str, name: str) -> None:
    assert plugins.load("figures", figure).draw(INPUTS[name]) is None


def test_no_curves_no_figure() -> None:
    inputs = INPUTS["conditional"]
    assert curves.draw(Inputs(inputs.name, inputs.models, {}, {}, blind, inputs.test, 0)) is None


@pytest.mark.parametrize(
    ("figure", "inputs"),
    [
        *((figure, vae_view) for figure in FIGURES),
        *((figure, scenes_view) for figure in GAN_FIGURES if figure not in FIGURES),
        ("flips", faces_view),
        ("latent_map", lambda: faces_view(Averager())),
        ("codes", lambda: faces_view(Coder())),
    ],
)
def test_the_same_inputs_gives_the_same_bytes(figure: str, inputs: Callable[[], Inputs], tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        style.save(drawn(figure, inputs()), tmp_path / name)
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("figure", "inputs"),
    [
        *((figure, vae_view) for figure in ("samples", "corners", "interpolation", "classes", "real_fake")),
        *((figure, scenes_view) for figure in ("interpolation", "conditions", "single_objects")),
        *((figure, faces_view) for figure in ("flips", "interpolation")),
        ("codes", lambda seed: faces_view(Coder(), seed=seed)),
    ],
)
def test_draws_depend_on_the_seed(figure: str, inputs: Callable[..., Inputs]) -> None:
    assert not np.array_equal(picture(drawn(figure, inputs(seed=0))), picture(drawn(figure, inputs(seed=1))))


@pytest.mark.parametrize(
    ("figure", "inputs", "rows", "columns"),
    [
        *((figure, INPUTS["conditional"], 8, 8) for figure in ("samples", "corners")),
        ("interpolation", INPUTS["conditional"], 12, 12),
        ("classes", INPUTS["conditional"], 10, 10),
        ("reconstructions", INPUTS["conditional"], 2, 10),
        ("samples", HOUSES, 4, 8),  # large images
        ("corners", HOUSES, 8, 8),
        ("interpolation", HOUSES, 12, 12),
        ("classes", HOUSES, 10, 10),
        ("interpolation", INPUTS["scenes"], 12, 12),
        ("interpolation", INPUTS["faces"], 12, 12),
        ("classes", INPUTS["faces"], len(ATTRIBUTES), 10),
    ],
)
def test_grids_have_their_shape(figure: str, inputs: Inputs, rows: int, columns: int) -> None:
    high, wide, channels = picture(drawn(figure, inputs)).shape
    assert wide >= columns * inputs.test.shape[2] * 2  # for pictures are shown at half their size
    assert (high + 3) * columns == (wide + 3) * rows  # square images, 3 pixels apart
    assert channels == 3


def test_pixels_reach_the_file_as_they_are(tmp_path: Path) -> None:
    images = torch.rand(6, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    found = style.image_grid(images, 3, "title", "caption", row_labels=["a", "b"], row_title="y", column_title="x")
    style.save(found, tmp_path / "grid.png")
    wanted = picture(found)
    page = (imread(tmp_path / "grid.png")[..., :3] * 255).round().astype(np.uint8)
    box = found.axes[0].get_window_extent()
    left, top = round(box.x0), page.shape[0] - round(box.y1)
    assert np.array_equal(page[top : top + wanted.shape[0], left : left + wanted.shape[1]], wanted)


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_keep_images_and_order(channels: int) -> None:
    images = torch.rand(5, channels, 4, 6, generator=torch.Generator().manual_seed(0))
    sheet = style.tiles(images, 2)
    high, wide = (sheet.shape[0] + 3) // 3, (sheet.shape[1] + 3) // 2
    scale = wide // 6
    for i, image in enumerate(images):
        tile = sheet[i // 2 * high :, i % 2 * wide :][: 4 * scale : scale, : 6 * scale : scale]
        assert torch.equal(tile, image.mul(255).round().to(torch.uint8).expand(3, 4, 6).permute(1, 2, 0))
    assert (sheet[2 * high :, wide:] == 255).all()


def test_tiles_refuse_other_channels() -> None:
    with pytest.raises(ValueError, match="expected 1 or 3 channels, found 2"):
        style.tiles(torch.zeros(1, 2, 4, 4), 1)


def test_corners_are_bilinear() -> None:
    four = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    side = 7
    grid = corners.bilinear(four, side).unflatten(0, (side, side))
    for corner, (row, column) in zip(four, ((0, 0), (0, -1), (-1, 0), (-1, -1)), strict=True):
        assert torch.equal(grid[row, column], corner)
    torch.testing.assert_close(grid[side // 2, side // 2], four.mean(0))
    # Half a turn of the grid is half a turn of its corners.
    torch.testing.assert_close(corners.bilinear(four.flip(0), side), grid.flip(0, 1).flatten(0, 1))
    s, t = 2 / 6, 5 / 6
    wanted = (1 - t) * ((1 - s) * four[0] + s * four[2]) + t * ((1 - s) * four[1] + s * four[3])
    torch.testing.assert_close(grid[2, 5], wanted)


def test_interpolation_keeps_classes_in_order() -> None:
    (axes,) = drawn("interpolation", INPUTS["conditional"]).axes
    assert tick_labels(axes) == [*CLASSES, "0", "1"]
    (axes,) = drawn("interpolation", INPUTS["unconditional"]).axes
    assert tick_labels(axes) == []


def test_interpolation_of_mixed_labels_asks_for_those_it_names() -> None:
    inputs = INPUTS["scenes"]
    found = drawn("interpolation", inputs)
    named = [label.split("\n") for label in tick_labels(found.axes[0])]
    assert {len(row) for row in named} == {1, 2}
    assert all(row in [names(inputs, labels) for labels in inputs.test.labels] for row in named)
    sheet, step = torch.tensor(picture(found)), 2 * 64 + 3
    for number, row in enumerate(named):
        for column in (0, 11):
            assert names(inputs, written(sheet[number * step :, column * step :], 2)) == row


def test_classes_share_latents_between_rows() -> None:
    # The painter's colours are latent plus number of labels, which one-hot labels all have alike.
    sheet = picture(drawn("classes", INPUTS["gan"]))
    step = (sheet.shape[0] + 3) // len(CLASSES)
    assert np.array_equal(sheet[:step], sheet[step : 2 * step])
    assert not np.array_equal(sheet[:, :step], sheet[:, step : 2 * step])


@pytest.mark.parametrize("name", ["conditional", "unconditional", "gaussian"])
def test_reconstruction_error_is_that_of_the_images_shown(name: str) -> None:
    inputs = INPUTS[name]
    found = drawn("reconstructions", inputs)
    stated = re.search(r"per pixel in \[0, 1\]: of these 10 ([\d.]+), of all 40 test images ", caption(found))
    assert stated
    # Labels run backwards: the first of class c is image 9 - c.
    shown = inputs.test.take(torch.arange(10).flip(0))
    unit, model = shown.images.float() / 255, inputs.model
    assert isinstance(model, vae.Vae)
    mean = model.encode(unit if model.bernoulli else unit * 2 - 1, shown.labels.float()).mean
    rebuilt = model.generate(mean, shown.labels.float())
    rebuilt = rebuilt if model.bernoulli else (rebuilt + 1) / 2
    assert float(stated[1]) == pytest.approx(float((rebuilt - unit).square().mean()), abs=5e-5)
    both = style.tiles(torch.cat([unit, rebuilt.clamp(0, 1)]), 10).numpy().astype(int)
    assert abs(both - picture(found).astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("name", "lines"),
    [("conditional", 3 + 1), ("one seed", 1), ("gan", 1), ("scenes", 3 + 1), ("scenes of one seed", 1)],
)
def test_curves_have_a_line_a_seed_and_the_mean(name: str, lines: int) -> None:
    inputs = INPUTS[name]
    found, all_curves = drawn("curves", inputs), list(inputs.curves.values())
    assert len(found.legends) == (lines > 1 or len(curves.players(all_curves)) > 1)
    for axes, shown in zip(found.axes, curves.panels(all_curves).values(), strict=True):
        assert len(axes.lines) == lines * len(shown)
        bold = [line for line in axes.lines if line.get_linewidth() > 1]
        for line, values in zip(bold, shown.values(), strict=True):
            assert values.shape == (len(inputs.models), 60)
            np.testing.assert_allclose(np.asarray(line.get_ydata()), values.mean(0))


def titles(figure: Figure) -> list[str]:
    return [axes.get_title("left").strip() for axes in figure.axes]


def legend(figure: Figure) -> dict[str, Any]:
    """The colours of the legend's lines, by what it says of them."""
    (found,) = figure.legends
    lines = zip(found.get_texts(), found.get_lines(), strict=True)
    return {text.get_text(): line.get_color() for text, line in lines}


def test_curves_name_terms_and_units() -> None:
    found = drawn("curves", INPUTS["conditional"])
    assert titles(found) == ["loss", "reconstruction", "KL"]
    assert {axes.get_ylabel() for axes in found.axes} == {"nats per image"}
    assert "each point the mean of 10 iterations" in caption(found)
    found = drawn("curves", INPUTS["gan"])
    # A player with a single term has the same numbers twice.
    assert titles(found) == ["loss of each player", "discriminator real", "discriminator fake"]
    assert {axes.get_ylabel() for axes in found.axes} == {"loss"}


@pytest.mark.parametrize("first", ["discriminator", "critic"])
def test_curves_of_players_are_together_and_told_apart(first: str) -> None:
    names = [f"{first}_{term}" for term in ("real", "fake", "penalty")]
    both = {seed: two_players(seed, names, ["generator_adversarial", "generator_label"]) for seed in (0, 1)}
    found = drawn("curves", replace(INPUTS["scenes"], curves=both))
    wanted = [*names, "generator_adversarial", "generator_label"]
    assert titles(found) == ["loss of each player", *(name.replace("_", " ") for name in wanted)]
    colours = legend(found)
    assert list(colours) == [first, "generator", "one seed", "mean of seeds"]
    assert len({colours[first], colours["generator"], colours["mean of seeds"]}) == 3
    means = [
        {line.get_color(): np.asarray(line.get_ydata()) for line in axes.lines if line.get_linewidth() > 1}
        for axes in found.axes
    ]
    for player in (first, "generator"):
        mean = np.mean([[row[f"{player}_loss"] for row in curve] for curve in both.values()], 0)
        np.testing.assert_allclose(means[0][colours[player]], mean)
    assert [list(each) for each in means[1:]] == [[colours[first]]] * 3 + [[colours["generator"]]] * 2


def test_players_with_the_same_loss_keep_it_each() -> None:
    curve = [{**row, "a_loss": row["loss"], "b_loss": row["loss"]} for row in rows(0, ["loss"])]
    assert [list(lines) for lines in curves.panels([curve]).values()] == [["a", "b"]]


def test_one_loss_is_of_no_player() -> None:
    curve = [{**row, "label_loss": 1.0} for row in rows(0, ["loss"])]
    assert curves.players([curve]) == []
    assert {title: list(lines) for title, lines in curves.panels([curve]).items()} == {"loss": [""], "label loss": [""]}


def test_spikes_of_either_player_are_told() -> None:
    curve = two_players(0, ["discriminator_real", "discriminator_fake"], ["generator_adversarial"])
    curve[30] |= {"discriminator_loss": -12345.6, "discriminator_real": -12345.6}
    found = drawn("curves", replace(INPUTS["scenes"], curves={0: curve}))
    assert_well_set(found, "a_gan_of_scenes")  # as long remarks have room below the titles
    assert found.axes[0].get_title("right") == "↑ 2161 ↓ -1.235e+04"
    assert "↑ ↓ extremes beyond the axis" in caption(found)
    low, high = found.axes[0].get_ylim()
    assert -500 < low < 80
    assert 170 < high < 1000


def test_limits_of_curves_cut_outliers_and_say_so() -> None:
    found = drawn("curves", INPUTS["conditional"])
    for axes in found.axes:
        low, high = axes.get_ylim()
        assert 70 < low < 85
        assert 90 < high < 400
        assert axes.get_title("right").startswith("↑ 108")
    assert "↑ ↓ extremes beyond the axis" in caption(found)
    quiet = Inputs("quiet", INPUTS["one seed"].models, {0: rows(0)[20:]}, {}, blind, digits(), 0)
    assert {axes.get_title("right") for axes in drawn("curves", quiet).axes} == {""}
    assert "↑" not in caption(drawn("curves", quiet))


@pytest.mark.parametrize("values", [np.full((2, 5), 3.0), np.array([[1.0]]), np.linspace(-1, 1, 50)[None]])
def test_limits_hold_all_of_ordinary_curves(values: np.ndarray) -> None:
    low, high = curves.limits(values)
    assert low < values.min()
    assert high > values.max()
    assert math.isfinite(high - low)


def test_extremes_beyond_the_limits_are_told() -> None:
    values = np.linspace(-1, 1, 100)[None]
    assert curves.beyond(values, *curves.limits(values)) == ""
    spikes = values.copy()
    spikes[0, 50], spikes[0, 60] = 123.456, -40
    assert curves.beyond(spikes, *curves.limits(spikes)) == "↑ 123.5 ↓ -40"


def with_peaks(seed: int, spike: float) -> list[dict[str, float]]:
    """A calm curve of two players, with accuracies, in which the discriminator's loss once rose so high."""
    curve = two_players(seed, ["discriminator_real", "discriminator_fake"], ["generator_adversarial"])[20:]
    shares = {"discriminator_real_accuracy": 0.9, "discriminator_fake_accuracy": 0.5 + seed / 10}
    for row in curve:
        row |= shares | {f"{name}_peak": row[f"{name}_loss"] + 1 for name in ("discriminator", "generator")}
    curve[7]["discriminator_peak"] = spike
    return curve


def test_peaks_and_accuracies_are_no_losses() -> None:
    found = drawn("curves", replace(INPUTS["scenes"], curves={0: with_peaks(0, 200), 1: with_peaks(1, 200)}))
    assert_well_set(found, "a_gan_of_scenes")
    losses = ["loss of each player", "discriminator real", "discriminator fake"]
    assert titles(found) == [*losses, "discriminator accuracy"]


@pytest.mark.parametrize(("spike", "scale"), [(200, "linear"), (9000, "symlog"), (700, "symlog"), (2e6, "symlog")])
@pytest.mark.parametrize("sign", [1, -1])
def test_peaks_are_seen_however_high_and_losses_beside_them(spike: float, scale: str, sign: int) -> None:
    both = {0: with_peaks(0, spike), 1: with_peaks(1, 150)}
    for row in (row for curve in both.values() for row in curve):
        row["generator_loss"] *= sign  # as a critic's opponent may have it
        row["generator_peak"] = row["generator_loss"] + 1
    found = drawn("curves", replace(INPUTS["scenes"], curves=both))
    assert_well_set(found, "a_gan_of_scenes")
    axes, *others = found.axes
    assert axes.get_yscale() == scale
    assert ("log above" in axes.get_ylabel()) == (scale == "symlog")
    assert {each.get_yscale() for each in others} == {"linear"}
    dots = {line.get_color(): np.asarray(line.get_ydata()) for line in axes.lines if line.get_marker() == "o"}
    assert list(dots) == [legend(found)[name] for name in ("discriminator", "generator")]
    wanted = np.max([[row["discriminator_peak"] for row in curve] for curve in both.values()], 0)
    np.testing.assert_array_equal(next(iter(dots.values())), wanted)
    assert wanted.max() == spike
    assert "highest of a single iteration" in legend(found)
    low, high = axes.get_ylim()
    assert all(low < values.min() and values.max() < high for values in dots.values())
    bold = [line for line in axes.lines if line.get_linewidth() > 1 and line.get_linestyle() == "-"]
    means = np.concatenate([np.asarray(line.get_ydata()) for line in bold])
    heights = axes.transAxes.inverted().transform(
        axes.transData.transform([(0, y) for y in (means.min(), means.max())])
    )
    assert heights[1, 1] - heights[0, 1] > 0.2 / (1 + (scale == "linear"))
    numbers = [float(label.replace("−", "-")) for label in tick_labels(axes)]
    assert len([tick for tick in numbers if low < tick < high]) >= 3


def test_accuracies_of_a_player_are_together() -> None:
    found = drawn("curves", replace(INPUTS["scenes"], curves={0: with_peaks(0, 200), 1: with_peaks(1, 200)}))
    axes = found.axes[-1]
    assert axes.get_ylim() == (0, 1.03)
    assert axes.get_ylabel() == "share right"
    bold = [line for line in axes.lines if line.get_linewidth() > 1]
    assert [float(np.mean(np.asarray(line.get_ydata()))) for line in bold] == pytest.approx([0.9, 0.55])
    assert {line.get_color() for line in bold} == {legend(found)["discriminator"]}
    (keys,) = found.legends
    dashes = {
        text.get_text(): line.get_linestyle() for text, line in zip(keys.get_texts(), keys.get_lines(), strict=True)
    }
    assert [line.get_linestyle() for line in bold] == [dashes[f"accuracy on {of}"] for of in ("real images", "fakes")]
    assert len({line.get_linestyle() for line in bold}) == 2


def test_curves_without_peaks_tell_of_none() -> None:
    assert list(legend(drawn("curves", INPUTS["scenes of one seed"]))) == ["discriminator", "generator"]


def test_one_hot_counts_round() -> None:
    assert vae_view().one_hot(torch.tensor([0, 9, 10])).argmax(1).tolist() == [0, 9, 0]


def test_long_titles_and_captions_are_broken() -> None:
    found = style.image_grid(torch.zeros(2, 1, 8, 8), 2, "a_very_long_name · " * 9, "many words " * 40)
    found.draw_without_rendering()
    assert all(text.get_window_extent().x1 <= found.bbox.x1 for text in found.texts)
    assert not found.texts[0].get_window_extent().overlaps(found.texts[1].get_window_extent())
    assert found.texts[1].get_window_extent().y0 > found.axes[0].get_window_extent().y1


def names(inputs: Inputs, labels: Tensor) -> list[str]:
    return [inputs.test.classes[int(label)] for label in labels.nonzero()]


def seen(inputs: Inputs, asked: Tensor) -> list[str]:
    """What the judge sees in a drawing of labels (K,): as many as asked for, by score and then by number."""
    scores = inputs.judge(inputs.generate(torch.zeros(1, 1), asked[None].float()))[0].tolist()
    order = sorted(range(len(scores)), key=lambda label: (-scores[label], label))
    return [inputs.test.classes[label] for label in sorted(order[: int(asked.sum())])]


def frames(axes: Axes) -> list[Bbox]:
    return [patch.get_window_extent() for patch in axes.patches if isinstance(patch, Rectangle)]


@pytest.mark.parametrize("judge", [reader, contrary, undecided])
def test_conditions_mark_what_the_judge_sees(judge: Callable[[Tensor], Tensor]) -> None:
    inputs = replace(INPUTS["scenes"], judge=judge)
    found = several("conditions", inputs)
    assert list(found) == ["test", "new_test"]
    for name, figure in found.items():
        (axes,) = figure.axes
        sets = inputs.test.conditions[name]
        lines, faults = [], 0
        for labels in sets:
            asked, there = names(inputs, labels), seen(inputs, labels)
            lines += [(f"✓ {each}", style.INK) if each in there else (f"✗ {each}", style.WRONG) for each in asked]
            lines += [(f"saw {each}", style.WRONG) for each in there if each not in asked]
            faults += asked != there
        assert [(text.get_text(), text.get_color()) for text in axes.texts] == lines
        assert len(frames(axes)) == faults
        right = sum(text.startswith("✓") for text, _ in lines)
        share = accuracy(judge(inputs.generate(torch.zeros(len(sets), 1), sets.float())), sets, "objects")
        assert f"right by the judge: {right} of {int(sets.sum())} objects, {share:.2f}" in caption(figure)
        assert f"conditions: {name}" in figure.texts[0].get_text()


def test_conditions_stand_below_their_images_however_long() -> None:
    inputs = replace(scenes_view(test=scenes(("yellow cylinder",) * len(OBJECTS))), judge=contrary)
    found = drawn("conditions", inputs)
    assert_well_set(found, inputs.name)
    (axes,) = found.axes
    tiles = frames(axes)
    assert [len({round(place) for place in places}) for places in zip(*(tile.p0 for tile in tiles), strict=True)] == [
        8,
        4,
    ]
    texts = iter(axes.texts)
    for labels, tile in zip(inputs.test.conditions["test"], tiles, strict=True):
        for row in range(2 * int(labels.sum())):
            box = next(texts).get_window_extent()
            assert tile.x0 <= box.x0 < tile.x0 + 10
            assert tile.y0 - 40 * (row + 1) < box.y1 < tile.y0
            assert not any(box.overlaps(other) for other in tiles)
    assert next(texts, None) is None


def test_conditions_draw_each_set_from_a_latent_of_its_own() -> None:
    inputs = replace(INPUTS["scenes"], judge=contrary)
    for name, figure in several("conditions", inputs).items():
        (axes,) = figure.axes
        page, sheet = axes.get_window_extent(), torch.tensor(picture(figure))
        inside = [((page.y1 - tile.y1) + 4.5, (tile.x0 - page.x0) + 4.5) for tile in frames(axes)]
        tiles = [sheet[round(top) :, round(left) :] for top, left in inside]
        assert torch.equal(torch.stack([written(tile, 3) for tile in tiles]), inputs.test.conditions[name])
        assert len({int(tile[3, 0, 0]) for tile in tiles}) > 0.8 * len(tiles)  # of 230 greys


def test_conditions_show_at_most_32_sets_of_a_list() -> None:
    test = scenes()
    long = replace(test, conditions={"long": test.conditions["test"].repeat(3, 1)})
    found = drawn("conditions", replace(INPUTS["scenes"], test=long, judge=contrary))
    assert "the first 32 of 96 label sets" in caption(found)
    assert len(frames(found.axes[0])) == 32
    found = drawn("conditions", INPUTS["scenes"])
    assert "32 label sets" in caption(found)
    assert "first" not in caption(found)


def test_figures_of_conditions_need_a_model_that_heeds_them() -> None:
    inputs = scenes_view()
    inputs.model.conditional = False
    assert conditions.draw(inputs) is None
    assert single_objects.draw(inputs) is None


@pytest.mark.parametrize("judge", [reader, contrary, undecided])
@pytest.mark.parametrize("classes", [OBJECTS, OBJECTS[::-1], tuple(sorted(OBJECTS))])
def test_single_objects_are_where_their_labels_say(judge: Callable[[Tensor], Tensor], classes: tuple[str, ...]) -> None:
    inputs = replace(scenes_view(test=scenes(classes)), judge=judge)
    found = drawn("single_objects", inputs)
    assert_well_set(found, inputs.name)
    (axes,) = found.axes
    shapes, colours = tick_labels(axes), [label.get_text() for label in axes.get_xticklabels()]
    assert (sorted(shapes), sorted(colours)) == (sorted(SHAPES), sorted(COLOURS))
    sheet, wrong = torch.tensor(picture(found)), []
    half = 32 * 3
    for (y, shape), (x, colour) in itertools.product(
        zip(axes.get_yticks(), shapes, strict=True), zip(axes.get_xticks(), colours, strict=True)
    ):
        tile = sheet[int(y) - half : int(y) + half, int(x) - half : int(x) + half]
        asked = written(tile, 3)
        assert names(inputs, asked) == [f"{colour} {shape}"]
        assert (tile[3:] == sheet[3, 0]).all()  # one latent
        wrong += [f"saw {each}" for each in seen(inputs, asked) if each != f"{colour} {shape}"]
    assert [text.get_text() for text in axes.texts] == wrong
    assert len(frames(axes)) == len(wrong) > 0
    assert f"right by the judge: {24 - len(wrong)} of 24" in caption(found)


@pytest.mark.parametrize(
    "classes",
    [
        ("red cube", "blue cube", "red sphere"),
        ("red cube", "blue"),
        ("big red cube", "big blue cube"),
        ("red cube", "blue sphere"),
    ],
)
def test_single_objects_need_all_pairs_of_a_colour_and_a_shape(classes: tuple[str, ...]) -> None:
    assert single_objects.table(classes) is None


def test_single_objects_are_of_labels_that_mix() -> None:
    assert single_objects.draw(scenes_view(test=scenes(kind="classes"))) is None


def test_frames_go_round_their_images_with_paper_on_both_sides(tmp_path: Path) -> None:
    found = style.image_grid(torch.zeros(4, 1, 8, 8), 2, "title", "caption", framed=[1, 2, 3])
    style.save(found, tmp_path / "framed.png")
    page = (imread(tmp_path / "framed.png")[..., :3] * 255).round().astype(int)
    box = found.axes[0].get_window_extent()
    left, top, side = round(box.x0), page.shape[0] - round(box.y1), round(box.width)
    first_row = page[top + side // 4]
    last_column = page[top - 20 :, left + side * 3 // 4]
    for pixels, wanted in ((first_row, " # ! # ! "), (last_column, " ! # ! ! # ! ")):
        wrong = (pixels == [int(style.WRONG[i : i + 2], 16) for i in (1, 3, 5)]).all(1)
        marks = np.where(wrong, "!", np.where((pixels == 0).all(1), "#", " "))
        runs = [(str(mark), len(list(run))) for mark, run in itertools.groupby(marks)]
        assert "".join(mark for mark, _ in runs) == wanted
        image = runs[-4][1]
        assert [length for _, length in runs[-6:-1]] == [3, 3, image, 3, 3]  # line, paper, image, paper, line
        assert set(pixels[~wrong].flatten()) == {0, 255}  # frames are not blurred


def test_column_labels_stand_above_their_columns() -> None:
    found = style.image_grid(torch.zeros(6, 1, 8, 8), 3, "title", "caption", column_labels=["a", "b", "c"])
    found.draw_without_rendering()
    box = found.axes[0].get_window_extent()
    for number, label in enumerate(found.axes[0].get_xticklabels()):
        place = label.get_window_extent()
        assert place.y0 > box.y1
        assert (place.x0 + place.x1) / 2 == pytest.approx(box.x0 + (number + 0.5) * box.width / 3, abs=3)


def test_progress_has_a_line_a_seed_and_the_mean_of_each_drawer() -> None:
    inputs = INPUTS["scenes"]
    found = drawn("progress", inputs)
    accuracies = ["condition accuracy", "accuracy on test", "accuracy on new test"]
    assert titles(found) == ["Fréchet distance", "diversity", *accuracies]
    colours = legend(found)
    drawers = {"generator": "weights as they were", "average": "their moving average"}
    assert list(colours) == [*drawers.values(), "one seed", "mean of seeds", "real images"]
    for axes, name in zip(found.axes, inputs.progress[0][0].values, strict=True):
        assert len(axes.lines) == 2 * (3 + 1) + (name == "diversity")
        marked = {line.get_color(): line for line in axes.lines if line.get_marker() not in ("None", "")}
        assert len({line.get_marker() for line in marked.values()}) == len(marked) == 2
        for drawer, words in drawers.items():
            line = marked[colours[words]]
            np.testing.assert_allclose(np.asarray(line.get_xdata()), [192 * n for n in range(1, 9)])
            values = [[moment.values[name] for moment in moments(seed, [drawer])] for seed in inputs.progress]
            np.testing.assert_allclose(np.asarray(line.get_ydata()), np.mean(values, 0))
        low, high = axes.get_ylim()
        assert all(low <= y <= high for line in axes.lines for y in np.asarray(line.get_ydata()))
        if "accuracy" in name:
            assert low == 0
            assert 1 < high < 1.1
    facts = ("noise", "3 seeds", "measured at 8 moments, every 1,500 iterations", "which is of the moving average")
    assert all(fact in caption(found) for fact in facts)


def test_progress_of_diversity_has_real_images_as_a_yardstick() -> None:
    dotted = {
        axes.get_title("left"): set(np.asarray(line.get_ydata()))
        for axes in drawn("progress", INPUTS["scenes"]).axes
        for line in axes.lines
        if line.get_linestyle() == ":"
    }
    assert dotted == {"diversity": {1}}


def test_steep_distances_have_a_logarithmic_axis() -> None:
    assert drawn("progress", INPUTS["scenes"]).axes[0].get_yscale() == "log"
    flat = [replace(moment, values={"frechet_distance": 10 + moment.iteration / 1000}) for moment in moments(0)]
    found = drawn("progress", replace(INPUTS["one seed"], progress={0: flat}))
    assert_well_set(found, "an_experiment")
    assert found.axes[0].get_yscale() == "linear"
    assert found.axes[0].get_ylim()[0] == 0


def test_legends_of_few_panels_are_broken() -> None:
    few = {
        seed: [replace(moment, values=dict(list(moment.values.items())[:2])) for moment in each]
        for seed, each in INPUTS["scenes"].progress.items()
    }
    found = drawn("progress", replace(INPUTS["scenes"], progress=few))
    assert_well_set(found, "a_gan_of_scenes")
    assert len(found.axes) == 2
    assert len(legend(found)) == 5


def test_progress_of_one_drawer_tells_of_no_other() -> None:
    found = drawn("progress", replace(INPUTS["scenes"], progress={3: moments(3, ["generator"])}))
    assert_well_set(found, "a_gan_of_scenes")
    assert list(legend(found)) == ["weights as they were", "real images"]


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ([100, 200, 300], "measured at 3 moments, every 100 iterations"),
        ([1000, 2000, 2500], "measured at 3 moments, every 500 to 1,000 iterations"),
        ([1200], "measured once, after 1,200 iterations"),
    ],
)
def test_cadence(at: Sequence[int], wanted: str) -> None:
    both = [Moment(iteration, 0, drawer, {}) for iteration in at for drawer in ("generator", "average")]
    assert progress.cadence(both) == wanted


def test_values_of_progress_are_written_readably() -> None:
    assert progress.written("new_test_accuracy") == ("accuracy on new test", "share right")
    assert progress.written("kernel_distance") == ("kernel distance", "value")


@pytest.mark.parametrize(
    ("judge", "right"), [(lambda images: images[:, 0, 0, : len(OBJECTS)], "1.00"), (contrary, "0.00")]
)
def test_accuracies_of_drawings_stand_beside_the_judges_on_real_images(
    judge: Callable[[Tensor], Tensor], right: str
) -> None:
    """The known fault: an accuracy of drawings by a judge that is itself wrong on real images."""
    test = scenes()
    images = test.images.clone()
    images[:, 0, 0, : len(OBJECTS)] = 255 * test.labels  # real images that this judge can read
    inputs = replace(scenes_view(test=replace(test, images=images)), judge=judge)
    for name in ("conditions", "single_objects", "progress"):
        assert f"the judge on real images: {right}" in caption(drawn(name, inputs)), name


def tiles_at(figure: Figure, side: int = 64) -> list[list[Tensor]]:
    """The images of a grid with labelled rows and columns, each as large as it is drawn, row by row."""
    (axes,) = figure.axes
    sheet = torch.tensor(picture(figure))
    half = side // 2
    rows, columns = ([int(place) for place in places] for places in (axes.get_yticks(), axes.get_xticks()))
    return [[sheet[y - half : y + half, x - half : x + half] for x in columns] for y in rows]


def grey(tile: Tensor) -> int:
    return int(tile[-1, -1, 0])


def test_samples_tell_what_latents_they_are_of() -> None:
    assert "latents from elsewhere" in caption(drawn("samples", INPUTS["encoder of faces"]))
    assert "random latents · labels of random test images" in caption(drawn("samples", INPUTS["faces"]))


def test_reconstruction_error_is_told_of_all_images_too(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = INPUTS["encoder of faces"]
    images = inputs.test.images.double() / 255
    wanted = [float(part.var((2, 3), correction=0).mean()) for part in (images[:10], images)]
    for batch in (7, 1000):
        monkeypatch.setattr(reconstructions, "BATCH", batch)
        stated = re.search(
            r"of these 10 ([\d.]+), of all 60 test images ([\d.]+)", caption(drawn("reconstructions", inputs))
        )
        assert stated
        assert [float(number) for number in stated.groups()] == pytest.approx(wanted, abs=5.1e-5)


def test_interpolation_does_not_name_many_attributes() -> None:
    found = drawn("interpolation", INPUTS["faces"])
    assert tick_labels(found.axes[0]) == []
    assert "labels of one random test image" in caption(found)
    sheet, step = torch.tensor(picture(found)), 2 * 64 + 3
    for row in range(12):
        first, last = (written(sheet[row * step :, column * step :], 2, len(ATTRIBUTES)) for column in (0, 11))
        assert torch.equal(first, last)
        assert (INPUTS["faces"].test.labels == first).all(1).any()


def test_classes_of_attributes_are_asked_for_alone() -> None:
    found = drawn("classes", INPUTS["faces"])
    assert tick_labels(found.axes[0]) == list(ATTRIBUTES)
    assert found.axes[0].get_ylabel() == "attribute"
    sheet, step = torch.tensor(picture(found)), 2 * 64 + 3
    asked = [written(sheet[row * step :, 5 * step :], 2, len(ATTRIBUTES)) for row in range(len(ATTRIBUTES))]
    assert torch.equal(torch.stack(asked), torch.eye(len(ATTRIBUTES), dtype=torch.uint8))


@pytest.mark.parametrize(("kind", "most"), [("objects", 12), ("attributes", 15), ("classes", 99)])
def test_classes_are_drawn_unless_there_are_too_many(kind: Kind, most: int) -> None:
    for count in (most, most + 1):
        names = tuple(f"label {number}" for number in range(count))
        test = replace(faces(), classes=names, labels=torch.eye(count, dtype=torch.uint8)[[0] * 60], kind=kind)
        found = plugins.load("figures", "classes").draw(replace(INPUTS["faces"], test=test, models={0: Painter()}))
        assert (found is None) == (count > most and kind != "classes")


def test_real_images_stand_beside_fakes_of_the_same_labels() -> None:
    inputs = INPUTS["faces"]
    found = drawn("real_fake", inputs)
    assert [label.get_text() for label in found.axes[0].get_xticklabels()] == ["real", "fake"]
    assert "each fake has the labels of the real image in its place" in caption(found)
    assert "labels" not in caption(drawn("real_fake", INPUTS["encoder of faces"]))
    sheet, step = torch.tensor(picture(found)), 2 * 64 + 3
    assert (sheet[:, 4 * step : 4 * step + 20] == 255).all()  # a gap
    right = sheet.shape[1] - (4 * step - 3)
    shown = set()
    for row, column in itertools.product(range(4), range(4)):
        real = sheet[row * step :, column * step :][:128:2, :128:2].permute(2, 0, 1)
        fake = sheet[row * step :, right + column * step :][:128, :128]
        (number,) = (inputs.test.images == real).flatten(1).all(1).nonzero().flatten().tolist()
        shown.add(number)
        assert torch.equal(written(fake, 2, len(ATTRIBUTES)), inputs.test.labels[number])
        assert len(fake[2:].unique()) == 1
    assert len(shown) == 16


def test_groups_of_columns_stand_apart_under_their_labels() -> None:
    found = style.image_grid(torch.zeros(12, 1, 8, 8), 6, "title", "caption", column_labels=["a", "b"], group=3)
    found.draw_without_rendering()
    white = (picture(found)[0] == 255).all(1)
    gaps = [len(list(run)) for mark, run in itertools.groupby(white) if mark]
    assert len(gaps) == 5
    assert gaps[2] > 5 * gaps[0]
    assert gaps[:2] == gaps[3:] == gaps[:1] * 2
    box = found.axes[0].get_window_extent()
    for label, share in zip(found.axes[0].get_xticklabels(), (1 / 4, 3 / 4), strict=True):
        place = label.get_window_extent()
        assert (place.x0 + place.x1) / 2 == pytest.approx(box.x0 + share * box.width, abs=10)


def test_flips_change_one_label_and_keep_the_latent() -> None:
    inputs = INPUTS["faces"]
    real = inputs.test.labels.bool()
    apart = [~(real[real[:, which]].any(0)) for which in range(len(ATTRIBUTES))]
    assert apart[1][2]  # black and blond hair
    found = several("flips", inputs)
    assert list(found) == ["pairs", "all"]
    assert "flips: Smiling" in found["pairs"].texts[0].get_text()
    sheet = torch.tensor(picture(found["pairs"]))
    across, down = (sheet.shape[1] + 18) // 10, (sheet.shape[0] + 18) // 2  # as frames need room
    large = [[sheet[row * down :, column * across :][:128, :128] for column in range(10)] for row in range(2)]
    assert tick_labels(found["pairs"].axes[0]) == ["without\nSmiling", "with\nSmiling"]
    small = tiles_at(found["all"], 128)
    pairs = [(5, without, asked) for without, asked in zip(*large, strict=True)]
    pairs += [(which, row[n], row[n + 1]) for which, row in enumerate(small) for n in range(0, 10, 2)]
    assert len(pairs) == 10 + 5 * len(ATTRIBUTES)
    for which, without, asked in pairs:
        one, other = (written(tile, 2, len(ATTRIBUTES)) for tile in (without, asked))
        assert (int(one[which]), int(other[which])) == (0, 1)
        assert (one != other).sum() == 1
        assert not (one | other)[apart[which]].any()
        assert grey(without) == grey(asked)
    assert len({grey(tile) for tile in large[0]}) > 7
    assert [grey(tile) for tile in large[0][:5]] == [grey(tile) for tile in small[0][::2]]
    assert [label.get_text() for label in found["all"].axes[0].get_xticklabels()] == ["without", "with"] * 5


def test_flips_are_judged() -> None:
    inputs = replace(INPUTS["faces"], judge=sullen)
    found = several("flips", inputs)
    greys = inputs.model.prior(100, inputs.noise("flips"))[:, 0]
    assert 0 < (greys > 0.6).double().mean() < 1
    (axes,) = found["pairs"].axes
    seen = (greys[:10] > 0.6).tolist()
    assert [text.get_text() for text in axes.texts] == ["✓ no"] * 10 + ["✓ yes" if each else "✗ no" for each in seen]
    assert len(frames(axes)) == 10 - sum(seen)
    assert f"as asked: {10 + sum(seen)} of 20, {(10 + sum(seen)) / 20:.2f}" in caption(found["pairs"])
    rates = dict(label.split("\n") for label in tick_labels(found["all"].axes[0]))
    follow = dict.fromkeys(ATTRIBUTES, "1.00 follow") | {"Smiling": f"{(greys > 0.6).double().mean():.2f} follow"}
    assert rates == follow
    assert all(inputs.yardstick in caption(figure) for figure in found.values())


def test_flips_that_go_wrong_either_way_do_not_follow() -> None:
    found = several("flips", replace(INPUTS["faces"], judge=lambda images: torch.ones(len(images), len(ATTRIBUTES))))
    assert {label.split("\n")[1] for label in tick_labels(found["all"].axes[0])} == {"0.00 follow"}
    texts = [text.get_text() for text in found["pairs"].axes[0].texts]
    assert texts == ["✗ yes"] * 10 + ["✓ yes"] * 10


def test_flips_show_the_first_attribute_where_nobody_smiles() -> None:
    test = replace(faces(), classes=tuple(f"a{number}" for number in range(len(ATTRIBUTES))))
    assert "flips: a0" in drawn("flips", replace(INPUTS["faces"], test=test)).texts[0].get_text()


def test_codes_say_what_they_mean() -> None:
    inputs = INPUTS["codes of faces"]
    found = several("codes", inputs)
    assert list(found) == ["meaning", "mixed"]
    (axes,) = found["meaning"].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"code {number}" for number in range(1, 6)]
    # Each code is one attribute, always, and no other code is: 100 % instead of 20 %.
    other = [ATTRIBUTES[1], *ATTRIBUTES[:1] * 4]
    lines = [[ATTRIBUTES[code], "+80 %", other[code], "−20 %"] for code in range(5)]
    assert [text.get_text() for text in axes.texts] == list(itertools.chain(*lines))
    assert "in percentage points" in caption(found["meaning"])
    assert inputs.yardstick in caption(found["meaning"])


def test_codes_share_their_latents() -> None:
    found = several("codes", INPUTS["codes of faces"])
    (axes,) = found["meaning"].axes
    sheet, half = torch.tensor(picture(found["meaning"])), 3 * 64 // 2
    middles = [int(x) for x in axes.get_xticks()]
    step = next(n for n in range(2 * half, 3 * half) if not (sheet[n, middles[0]] == 255).all())  # from row to row
    rows = [[sheet[n * step :, x - half : x + half][: 2 * half] for x in middles] for n in range(5)]
    assert all(len({grey(tile) for tile in row}) == 1 for row in rows)
    assert len({grey(row[0]) for row in rows}) == 5
    for row in rows:
        assert torch.equal(torch.stack([written(tile, 3, 5) for tile in row]), torch.eye(5, dtype=torch.uint8))


def test_codes_are_mixed_in_pairs() -> None:
    found = several("codes", INPUTS["codes of faces"])["mixed"]
    (axes,) = found.axes
    assert tick_labels(axes) == ["codes\n1 and 2", "codes\n3 and 4"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["first", "half", "second"] * 4
    tiles = tiles_at(found, 128)
    for pair, row in enumerate(tiles):
        for n in range(0, 12, 3):
            shares = torch.stack([tile[0, ::2, 0][:5] for tile in row[n : n + 3]])
            wanted = torch.zeros(3, 5)
            wanted[:, 2 * pair], wanted[:, 2 * pair + 1] = torch.tensor([1, 0.5, 0]), torch.tensor([0, 0.5, 1])
            assert torch.equal(shares, (255 * wanted).round().to(torch.uint8))
            assert len({grey(tile) for tile in row[n : n + 3]}) == 1
    assert [grey(tile) for tile in tiles[0]] == [grey(tile) for tile in tiles[1]]
    assert len({grey(tile) for tile in tiles[0]}) == 4


@pytest.mark.parametrize("kind", ["objects", "attributes"])
def test_a_judge_says_yes_to_logits_above_0(kind: Kind) -> None:
    said = plugins.load("figures", "codes").said
    logits = torch.tensor([[-1.0, 0, 2, 3], [-4, -3, -2, -1]])
    assert said(logits, kind).tolist() == [[False, False, True, True], [False] * 4]
    assert said(logits, "classes").tolist() == [[False, False, False, True]] * 2


def test_latent_map_colours_the_same_places_by_each_label() -> None:
    inputs = INPUTS["encoder of faces"]
    found = drawn("latent_map", inputs)
    shown = titles(found)
    share = inputs.test.labels.double().mean(0)
    apart = {name: abs(float(each) - 0.5) for name, each in zip(ATTRIBUTES, share, strict=True)}
    others = sorted((name for name in ATTRIBUTES if name not in ("Smiling", "Male")), key=lambda name: apart[name])
    assert shown == ["Smiling", "Male", *others[:4]]
    colours = legend(found)
    assert list(colours) == ["no", "yes"]
    for axes, name in zip(found.axes, shown, strict=True):
        (dots,) = axes.collections
        assert np.array_equal(dots.get_offsets(), found.axes[0].collections[0].get_offsets())
        wanted = inputs.test.labels[:, ATTRIBUTES.index(name)].tolist()
        shades = to_rgba_array([colours[("no", "yes")[each]] for each in wanted])
        assert np.array_equal(dots.get_facecolor(), shades)
        assert not tick_labels(axes)
    facts = ("60 test images", "perplexity 30", "axes have no meaning", "guessing has 0.50")
    assert all(fact in caption(found) for fact in facts)


def test_latent_map_shows_each_images_latent_and_how_well_its_neighbours_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    test, seen = faces(), []
    bright = replace(test, images=(test.images // 2 + 100 * test.labels[:, 5, None, None, None]))

    def places(latents: np.ndarray, seed: int) -> np.ndarray:
        seen.append((latents, seed))
        return latents[:, :2]

    monkeypatch.setattr(latent_map, "tsne", places)
    monkeypatch.setattr(latent_map, "BATCH", 7)
    found = drawn("latent_map", replace(faces_view(Averager(), seed=3), test=bright))
    ((latents, seed),) = seen
    assert seed == 3
    np.testing.assert_allclose(latents, (bright.images.double() / 127.5 - 1).mean((2, 3)).numpy(), atol=1e-6)
    right = [axes.get_title("right") for axes in found.axes]
    assert right[0] == "10-NN 1.00"
    assert all(0.2 < float(each.removeprefix("10-NN ")) < 0.8 for each in right[1:])


def test_votes_are_balanced() -> None:
    noise = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    rare = np.zeros(60, np.int64)
    rare[[5, 30, 50]] = 1
    assert latent_map.vote(noise, rare) == 0.5  # all told to be what most are
    three = np.arange(60) % 3
    assert latent_map.vote(noise + 100 * three[:, None].astype(np.float32), three) == 1


def test_tsne_keeps_neighbours_and_repeats() -> None:
    noise = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    noise[30:] += 30
    one, again = latent_map.tsne(noise, 0), latent_map.tsne(noise, 0)
    assert np.array_equal(one, again)
    distances = np.linalg.norm(one[:, None] - one, axis=2) + 1e9 * np.eye(60)
    assert ((distances.argmin(1) >= 30) == (np.arange(60) >= 30)).all()


def test_latent_map_of_few_classes_has_one_panel() -> None:
    few = replace(faces(), classes=CLASSES[:6], labels=torch.eye(6, dtype=torch.uint8)[torch.arange(60) % 6])
    inputs = faces_view(Averager())
    found = drawn("latent_map", replace(inputs, test=replace(few, kind="classes")))
    assert_well_set(found, inputs.name)
    assert len(found.axes) == 1
    assert list(legend(found)) == list(CLASSES[:6])
    assert len(set(legend(found).values())) == 6
    assert "guessing has 0.17" in caption(found)


def test_latent_map_needs_images_dimensions_and_colours() -> None:
    inputs = faces_view(Averager())
    assert latent_map.draw(replace(inputs, test=faces(49))) is None
    assert latent_map.draw(replace(inputs, test=faces(50))) is not None
    inputs.model.latent = 1
    assert latent_map.draw(inputs) is None
