"""Pictures come out small, legible and in the right colours."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import reported
from PIL import Image

from pipeline.ground.errors import InputError
from pipeline.report import embedding


def opened(picture: embedding.Picture) -> np.ndarray:
    kind, _, data = picture.data.partition(",")
    assert kind == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.asarray(image.convert("RGB"), dtype=int)


def photo(path: Path, seed: int = 0) -> Path:
    """Smooth noise of all colours, 512 x 512."""
    noise = np.random.default_rng(seed).integers(256, size=(16, 16, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((512, 512), Image.Resampling.BICUBIC).save(path)
    return path


def test_a_chart_keeps_thin_lines_of_every_colour(tmp_path: Path) -> None:
    colours = [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167)]
    image = Image.new("RGB", (1200, 800), "white")
    for number, colour in enumerate(colours):
        image.paste(colour, (50, 100 + 150 * number, 1150, 104 + 150 * number))
    image.save(tmp_path / "chart.png")
    found = embedding.embedded([tmp_path / "chart.png"], 10**6)[tmp_path / "chart.png"]
    assert (found.width, found.height) == (600, 400)  # half the file's
    pixels = opened(found)
    for colour in colours:
        assert (np.abs(pixels - colour).max(axis=2) < 40).any(), colour
    assert (pixels[0] >= 253).all()  # paper


def test_grey_images_keep_their_size_and_nearly_their_values(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8).repeat(2), (64, 1))
    Image.fromarray(ramp).save(tmp_path / "grey.png")
    pixels = opened(embedding.embedded([tmp_path / "grey.png"], 10**6)[tmp_path / "grey.png"])
    assert pixels.shape == (64, 512, 3)
    assert np.abs(pixels[..., 0] - ramp).max() <= 6
    assert (pixels[..., :1] == pixels).all()


def test_photographs_are_like_themselves_and_coarser_where_there_is_less_room(tmp_path: Path) -> None:
    paths = [photo(tmp_path / f"{seed}.png", seed) for seed in range(3)]
    fine = embedding.embedded(paths, 10**6)
    size = sum(len(picture.data) for picture in fine.values())
    small = np.asarray(Image.open(paths[0]).resize((256, 256), Image.Resampling.LANCZOS), dtype=int)
    assert np.abs(opened(fine[paths[0]]) - small).mean() < 12
    coarse = embedding.embedded(paths, size - 1)
    assert sum(len(picture.data) for picture in coarse.values()) < size
    assert coarse[paths[0]].width == fine[paths[0]].width  # shown as large


def test_what_does_not_fit_however_coarse_is_left_out_from_the_end(tmp_path: Path) -> None:
    paths = [photo(tmp_path / f"{seed}.png", seed) for seed in range(3)]
    assert not embedding.embedded(paths, 100)
    room = next(room for room in range(100, 10**6, 100) if embedding.embedded(paths[:1], room))
    assert list(embedding.embedded(paths, room)) == paths[:1]


def test_the_same_files_give_the_same_page(tmp_path: Path) -> None:
    paths = [photo(tmp_path / "photo.png"), reported.picture(tmp_path / "chart.png")]
    assert embedding.embedded(paths, 10**6) == embedding.embedded(paths, 10**6)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(InputError, match=r"a.png: expected a picture"):
        embedding.embedded([tmp_path / "a.png"], 10**6)
