"""The models side by side: which, in what words, and as a picture."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reported
from PIL import Image

from pipeline.ground.errors import InputError
from pipeline.report import glossary, overview, page
from pipeline.report.embedding import Picture
from pipeline.report.overview import Overview
from pipeline.report.page import Content
from pipeline.report.settings import Part, Settings
from pipeline.statistics.measurements import Measured, Measurements

EXPERIMENTS: Mapping[str, Any] = {
    "b_gan": {"data": "colour", "family": "wgan", "conditional": False},
    "a_vae": {"data": "digits", "family": "vae", "conditional": True},
    "new": {"data": "digits", "family": "flow_match"},
}
SETTINGS = Settings(
    metrics={},
    explorer=(),
    overview=("a_vae", "gone", "b_gan", "new"),
    sections=(Part(title="Report A: digits", experiments=("a_vae",)), Part(title="Ours", experiments=("b_gan",))),
)
COLOURS = {"a_vae": (200, 0, 0), "b_gan": (0, 0, 200), "new": (0, 160, 0)}


def found() -> dict[str, Measurements]:
    return {
        name: replace(reported.measured(3, 4, elbo=Measured("higher", (1.0, 2.0))), machine="A chip, Linux, torch 2")
        for name in EXPERIMENTS
    }


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Covers and curves of two seeds each."""
    for number, (name, colour) in enumerate(COLOURS.items(), 1):
        path = tmp_path / f"showcase/{name}/cover.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (60, 60), colour).save(path)
        rows = [f"{seed},{i},{i},{i},{seed * 40 * number * i},1" for seed in (4, 3) for i in (1, 2)]
        curve = tmp_path / f"curves/{name}.csv"
        curve.parent.mkdir(exist_ok=True)
        curve.write_text("\n".join(["seed,iteration,epoch,images_seen,seconds,loss", *rows]) + "\n")
    return tmp_path


def gathered(results: Path, budget: str | None = "laptop") -> Overview:
    return overview.gathered(SETTINGS, EXPERIMENTS, found(), results, budget)


def test_models_that_there_are_in_order_with_the_time_of_the_one_shown(results: Path) -> None:
    (results / "showcase/new/cover.png").unlink()
    shown = gathered(results)
    assert [(tile.name, tile.lines) for tile in shown.tiles] == [
        ("a_vae", ("conditional VAE", "Report A · digits8x8", "trained 4 min 0 s")),
        ("b_gan", ("Wasserstein GAN", "Ours · digits8x8", "trained 8 min 0 s")),
    ]
    assert "budget “laptop”" in shown.caption
    assert shown.caption.endswith("A chip, Linux")
    assert "no budget" in gathered(results, None).caption


def test_what_no_section_names_has_no_report(results: Path) -> None:
    assert gathered(results).tiles[-1].lines == ("flow match", "digits8x8", "trained 12 min 0 s")


def test_a_model_without_a_curve_is_named(results: Path) -> None:
    (results / "curves/b_gan.csv").write_text("seed,iteration,epoch,images_seen,seconds,loss\n")
    with pytest.raises(InputError, match=r"curves/b_gan\.csv: expected a learning curve"):
        gathered(results)


@pytest.mark.parametrize("count", [1, 6, 7])
def test_the_picture_has_every_model_inside(count: int, results: Path) -> None:
    tiles = [replace(each, name=f"{each.name}_{n}") for n, each in enumerate([*gathered(results).tiles] * 3)][:count]
    shown = Overview(tiles, "caption " * 40)
    picture = overview.draw(shown)
    assert picture.shape[1] == overview.WIDTH
    blobs = sum(int((picture == colour).all(2).sum()) for colour in COLOURS.values())
    columns = (picture == COLOURS["a_vae"]).all(2).any(0)
    side = int(columns.sum()) // (1 if count == 1 else 2)  # the first and the fourth; the seventh is below the first
    assert side > 200
    assert blobs == count * side * side
    assert (picture[:10] == 255).all()
    assert (picture[-4:] == 255).all()
    assert (picture[:, :10] == 255).all()
    assert (picture[:, -10:] == 255).all()  # nothing is clipped
    below = picture[-120:, 24:290].min(2)
    assert below.min() < 60  # a name


def test_the_picture_on_disk_is_small_and_left_out_without_models(results: Path) -> None:
    overview.write(gathered(results), results / "models.webp")
    with Image.open(results / "models.webp") as file:
        assert file.format == "WEBP"
        assert np.abs(np.asarray(file.convert("RGB")).astype(int) - overview.draw(gathered(results))).mean() < 3
    assert (results / "models.webp").stat().st_size < 10**6
    overview.write(Overview((), ""), results / "none.webp")
    assert not (results / "none.webp").exists()


def test_the_page_begins_with_them(shown: Content, results: Path) -> None:
    tiles = [replace(tile, name=name) for tile, name in zip(gathered(results).tiles, ("cvae", "a_game"), strict=False)]
    covers = {tile.cover: Picture("data:,", 60, 60) for tile in tiles}
    text = page.render(replace(shown, overview=Overview(tiles, "All <b>of</b> them"), covers=covers))
    top = text[text.index("<h1>") : text.index('class="standfirst"')]
    assert "Samples of cvae, a model of the kind conditional VAE, trained on digits8x8." in top
    assert 'href="#section-2"' in top
    assert "trained 8 min 0 s" in top
    assert "All &lt;b&gt;of&lt;/b&gt; them." in top
    assert 'class="overview"' not in page.render(shown)


def test_objectives_in_words() -> None:
    assert glossary.objective({"family": "vae", "conditional": True}) == "conditional VAE"
    assert glossary.objective({"family": "acgan"}) == "ACGAN"
