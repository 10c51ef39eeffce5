import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread
from torch import Generator, Tensor

from pipeline.data.images import ImageSet
from pipeline.figures import corners, curves, style
from pipeline.models import vae
from pipeline.models.base import GenerativeModel, Player
from pipeline.networks import mlp
from pipeline.plugins import plugin
from pipeline.view import View

FIGURES = ("samples", "corners", "interpolation", "classes", "reconstructions", "curves")
CLASSES = tuple("0123456789")
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


def digits(*, channels: int = 1, exclusive: bool = True) -> ImageSet:
    n = 40
    images = torch.randint(256, (n, channels, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    labels = torch.eye(len(CLASSES), dtype=torch.uint8)[torch.arange(n).flip(0) % len(CLASSES)]
    if not exclusive:
        labels |= labels.roll(1, 1)
    return ImageSet(images, labels, torch.arange(n), CLASSES, exclusive, "noise")


def rows(
    seed: int, names: Sequence[str] = ("reconstruction", "kl", "loss"), points: int = 60
) -> list[dict[str, float]]:
    """Falling losses that begin far out, as they do."""
    at = [{"iteration": 10.0 * i, "epoch": i / 6, "images_seen": 1280.0 * i, "seconds": 0.1 * i} for i in range(1, 61)]
    return [
        {**row, **{name: 1000 / i**3 + 80 + k + seed for k, name in enumerate(names)}}
        for i, row in enumerate(at[:points], 1)
    ]


def vae_view(*, conditional: bool = True, seeds: int = 3, likelihood: str = "bernoulli", seed: int = 0) -> View:
    settings = vae.Settings.model_validate({"latent": LATENT, "conditional": conditional, "likelihood": likelihood})
    models: dict[int, GenerativeModel] = {}
    for number in range(seeds):
        torch.manual_seed(number)
        network = mlp.build(mlp.Settings(layers=1, hidden=8), (1, 8, 8))
        models[number] = vae.build(settings, network, len(CLASSES)).eval().requires_grad_(False)
    return View("an_experiment", models, {number: rows(number) for number in range(seeds)}, digits(), seed)


def gan_view() -> View:
    names = ("discriminator_real", "discriminator_fake", "discriminator_loss", "generator_adversarial")
    curve = [{**row, "generator_loss": row["generator_adversarial"]} for row in rows(0, names)]
    return View("a_gan", {4: Painter()}, {4: curve}, digits(channels=3, exclusive=False), 0)


VIEWS = {
    "conditional": vae_view(),
    "unconditional": vae_view(conditional=False),
    "one seed": vae_view(seeds=1),
    "gaussian": vae_view(likelihood="gaussian"),
    "gan": gan_view(),
}


def drawn(figure: str, view: View) -> Figure:
    found = plugin("figures", figure).draw(view)
    assert isinstance(found, Figure)
    return found


def caption(figure: Figure) -> str:
    return figure.texts[1].get_text().replace("\n", " ")


def picture(figure: Figure) -> np.ndarray:
    (image,) = figure.axes[0].images
    return np.asarray(image.get_array())


def tick_labels(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


APPLY = [
    (figure, name)
    for figure in FIGURES
    for name, view in VIEWS.items()
    if not (figure == "classes" and name == "unconditional") and not (figure == "reconstructions" and name == "gan")
]


@pytest.mark.parametrize(("figure", "name"), APPLY)
def test_everything_is_labelled_and_nothing_clipped(figure: str, name: str) -> None:
    found = drawn(figure, VIEWS[name])
    found.draw_without_rendering()
    title, subtitle = found.texts
    assert VIEWS[name].name in title.get_text()
    assert "noise" in subtitle.get_text()
    inside = found.bbox
    for artist in (*found.texts, *found.axes, *found.legends):
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
        left = style.text_width(axes.get_title("left"), style.TEXT_SIZE, "bold")
        right = style.text_width(axes.get_title("right"), style.SMALL_SIZE)
        assert left + right < axes.get_window_extent().width / style.DPI
        for axis in (axes.xaxis, axes.yaxis):
            ticks = [label.get_text() for label in axis.get_ticklabels()]
            # Words, such as "original", say themselves what they are; numbers do not.
            assert axis.label.get_text() or not any(re.fullmatch(r"[\d.−]+", tick) for tick in ticks)


@pytest.mark.parametrize(("figure", "name"), [("classes", "unconditional"), ("reconstructions", "gan")])
def test_does_not_apply(figure: str, name: str) -> None:
    assert plugin("figures", figure).draw(VIEWS[name]) is None


def test_no_curves_no_figure() -> None:
    view = VIEWS["conditional"]
    assert curves.draw(View(view.name, view.models, {}, view.test, 0)) is None


@pytest.mark.parametrize("figure", FIGURES)
def test_the_same_view_gives_the_same_bytes(figure: str, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        style.save(drawn(figure, vae_view()), tmp_path / name)
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


@pytest.mark.parametrize("figure", ["samples", "corners", "interpolation", "classes"])
def test_draws_depend_on_the_seed(figure: str) -> None:
    assert not np.array_equal(picture(drawn(figure, vae_view(seed=0))), picture(drawn(figure, vae_view(seed=1))))


@pytest.mark.parametrize(
    ("figure", "rows", "columns"),
    [("samples", 8, 8), ("corners", 8, 8), ("interpolation", 12, 12), ("classes", 10, 10), ("reconstructions", 2, 10)],
)
def test_grids_have_their_shape(figure: str, rows: int, columns: int) -> None:
    high, wide, channels = picture(drawn(figure, VIEWS["conditional"])).shape
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
    (axes,) = drawn("interpolation", VIEWS["conditional"]).axes
    assert tick_labels(axes) == [*CLASSES, "0", "1"]
    (axes,) = drawn("interpolation", VIEWS["unconditional"]).axes
    assert tick_labels(axes) == []


def test_classes_share_latents_between_rows() -> None:
    # The painter's colours are latent plus number of labels, which one-hot labels all have alike.
    sheet = picture(drawn("classes", VIEWS["gan"]))
    step = (sheet.shape[0] + 3) // len(CLASSES)
    assert np.array_equal(sheet[:step], sheet[step : 2 * step])
    assert not np.array_equal(sheet[:, :step], sheet[:, step : 2 * step])


@pytest.mark.parametrize("name", ["conditional", "unconditional", "gaussian"])
def test_reconstruction_error_is_that_of_the_images_shown(name: str) -> None:
    view = VIEWS[name]
    found = drawn("reconstructions", view)
    stated = re.search(r"of these 10: ([\d.]+) per pixel", caption(found))
    assert stated
    # Labels run backwards: the first of class c is image 9 - c.
    shown = view.test.take(torch.arange(10).flip(0))
    unit, model = shown.images.float() / 255, view.model
    assert isinstance(model, vae.Vae)
    mean = model.encode(unit if model.bernoulli else unit * 2 - 1, shown.labels.float()).mean
    rebuilt = model.generate(mean, shown.labels.float())
    rebuilt = rebuilt if model.bernoulli else (rebuilt + 1) / 2
    assert float(stated[1]) == pytest.approx(float((rebuilt - unit).square().mean()), abs=5e-5)
    both = style.tiles(torch.cat([unit, rebuilt.clamp(0, 1)]), 10).numpy().astype(int)
    assert abs(both - picture(found).astype(int)).max() <= 1


@pytest.mark.parametrize(("name", "lines"), [("conditional", 3 + 1), ("one seed", 1), ("gan", 1)])
def test_curves_have_a_line_a_seed_and_the_mean(name: str, lines: int) -> None:
    view = VIEWS[name]
    found = drawn("curves", view)
    assert len(found.legends) == (lines > 1)
    for axes, values in zip(found.axes, curves.terms(list(view.curves.values())).values(), strict=True):
        assert len(axes.lines) == lines
        bold = max(axes.lines, key=lambda line: line.get_linewidth())
        np.testing.assert_allclose(np.asarray(bold.get_ydata()), values.mean(0))


def test_curves_name_terms_and_units() -> None:
    def titles(figure: Figure) -> list[str]:
        return [axes.get_title("left") for axes in figure.axes]

    found = drawn("curves", VIEWS["conditional"])
    assert titles(found) == ["loss", "reconstruction", "KL"]
    assert {axes.get_ylabel() for axes in found.axes} == {"nats per image"}
    assert "each point the mean of 10 iterations" in caption(found)
    found = drawn("curves", VIEWS["gan"])
    # A player with a single term has the same numbers twice.
    assert titles(found) == ["discriminator loss", "generator loss", "discriminator real", "discriminator fake"]
    assert {axes.get_ylabel() for axes in found.axes} == {"loss"}


def test_limits_of_curves_cut_outliers_and_say_so() -> None:
    found = drawn("curves", VIEWS["conditional"])
    for axes in found.axes:
        low, high = axes.get_ylim()
        assert 70 < low < 85
        assert 90 < high < 400
        assert axes.get_title("right").startswith("↑ 108")
    assert "↑ ↓ extremes beyond the axis" in caption(found)
    quiet = View("quiet", VIEWS["one seed"].models, {0: rows(0)[20:]}, digits(), 0)
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
    assert curves.beyond(values) == ""
    spikes = values.copy()
    spikes[0, 50], spikes[0, 60] = 123.456, -40
    assert curves.beyond(spikes) == "↑ 123.5 ↓ -40"


def test_one_hot_counts_round() -> None:
    assert vae_view().one_hot(torch.tensor([0, 9, 10])).argmax(1).tolist() == [0, 9, 0]


def test_long_titles_and_captions_are_broken() -> None:
    found = style.image_grid(torch.zeros(2, 1, 8, 8), 2, "a_very_long_name · " * 9, "many words " * 40)
    found.draw_without_rendering()
    assert all(text.get_window_extent().x1 <= found.bbox.x1 for text in found.texts)
    assert not found.texts[0].get_window_extent().overlaps(found.texts[1].get_window_extent())
    assert found.texts[1].get_window_extent().y0 > found.axes[0].get_window_extent().y1
