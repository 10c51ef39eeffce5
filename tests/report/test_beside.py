"""Two pictures side by side, pixel for pixel."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import params
from pipeline.errors import InputError
from pipeline.report import beside
from pipeline.report.beside import GAP, Settings
from pipeline.report.page import Section, render

PAIR = {"figure": "samples", "experiments": ["one", "other"]}


def painted(path: Path, width: int, height: int, mode: str = "RGB") -> np.ndarray:
    """A picture of noise, and its pixels."""
    pixels = np.random.default_rng(width).integers(256, size=(height, width, len(mode)), dtype=np.uint8)
    pixels[..., 3:] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels, mode).save(path)
    return pixels[..., :3]


def test_both_are_there_pixel_for_pixel_on_white(tmp_path: Path) -> None:
    left = painted(tmp_path / "left.png", 30, 20, "RGBA")  # as matplotlib saves
    right = painted(tmp_path / "right.png", 50, 70)
    content = beside.beside(tmp_path / "left.png", tmp_path / "right.png")
    assert content == beside.beside(tmp_path / "left.png", tmp_path / "right.png")
    page = np.asarray(Image.open(io.BytesIO(content)))
    assert page.shape == (70, 30 + GAP + 50, 3)
    assert np.array_equal(page[:20, :30], left)
    assert np.array_equal(page[:, -50:], right)
    assert (page[20:, :30] == 255).all()
    assert (page[:, 30:-50] == 255).all()


def test_pairs_without_pictures_are_left_out(tmp_path: Path) -> None:
    for name in ("one", "other", "former"):
        painted(tmp_path / "figures" / name / "samples.png", 8, 8)
    pairs = [PAIR, PAIR | {"figure": "curves"}, PAIR | {"experiments": ["one", "former"]}]
    pairs += [PAIR | {"experiments": ["other", "one"]}, PAIR | {"experiments": ["one", "new"]}]
    settings = params.parse(Settings, {"beside": pairs}, "report")
    found = beside.pictures(settings, ["one", "other", "new"], tmp_path / "figures", tmp_path / "out")
    assert [picture.title for picture in found] == ["samples: one and other", "samples: other and one"]
    names = ["samples_one_other.png", "samples_other_one.png"]
    assert [picture.path.name for picture in found] == names
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    left, right = (tmp_path / "figures" / name / "samples.png" for name in ("one", "other"))
    assert found[0].path.read_bytes() == beside.beside(left, right)


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ({}, "report.beside: missing"),
        ({"beside": [PAIR | {"title": "x"}]}, "report.beside.0.title: unknown key"),
        ({"beside": [PAIR | {"experiments": ["one"]}]}, "report.beside.0.experiments.1: missing"),
        ({"beside": [PAIR | {"experiments": ["one", "two", "three"]}]}, "report.beside.0.experiments"),
    ],
)
def test_settings_are_strict(block: dict[str, object], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        params.parse(Settings, block, "report")


def test_the_page_shows_pairs_before_the_experiments_pictures(tmp_path: Path) -> None:
    for name in ("one", "other"):
        painted(tmp_path / "figures" / name / "samples.png", 8, 8)
    settings = params.parse(Settings, {"beside": [PAIR]}, "report")
    pairs = beside.pictures(settings, ["one", "other"], tmp_path / "figures", tmp_path)
    sections = [Section(name, {"data": "digits"}, {}, []) for name in ("one", "other")]
    judges = {"digits": {"accuracy": 0.99, "test_images": 10, "source": "here"}}
    page = render(sections, {}, judges, None, pairs)
    assert page.count("Side by side") == page.count(pairs[0].data) == 1
    assert page.index("Side by side") < page.index(pairs[0].data) < page.index('<h2 id="one">')
    assert "Side by side" not in render(sections, {}, judges, None, [])
