"""What one would show of a model: a cover, and eyes beside real ones; and where each kind of picture goes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from figure_inputs import HOUSES, INPUTS, faces, faces_inputs, scenes_inputs
from figure_reading import assert_well_set, drawn, picture
from matplotlib.figure import Figure
from PIL import Image

from pipeline.figures import cover
from pipeline.figures.common import saving
from pipeline.figures.common.plain import fitting, sheet


@pytest.mark.parametrize(("name", "columns", "side"), [("conditional", 4, 8), ("faces", 3, 64)])
def test_covers_are_pixels_of_a_square_of_images(name: str, columns: int, side: int) -> None:
    found = cover.draw(INPUTS[name])
    assert found.shape == (columns * (side + cover.GAP) - cover.GAP,) * 2 + (3,)
    assert np.array_equal(found, cover.draw(INPUTS[name]))
    assert not np.array_equal(found, cover.draw(replace(INPUTS[name], seed=1)))


def test_covers_show_classes_in_order_or_what_a_list_asks_for() -> None:
    step = 64 + cover.GAP
    for inputs, wanted in ((HOUSES, torch.eye(10)[:9]), (scenes_inputs(), None)):
        expected = wanted if wanted is not None else inputs.test.conditions["test"][:9]
        found = cover.draw(inputs)
        for number, labels in enumerate(expected):
            tile = found[number // 3 * step :, number % 3 * step :]
            assert (tile[0, : len(labels), 0] // 255).tolist() == labels.tolist()


def test_sheets_keep_order_size_and_colours() -> None:
    images = torch.rand(5, 1, 4, 8, generator=torch.Generator().manual_seed(0))
    found = sheet(images, 2, 8, 3)
    assert found.shape == (3 * 7 - 3, 19, 3)
    assert np.array_equal(found[7:11, 11:, 1], images[3, 0].mul(255).round().byte())
    assert (found[14:, 8:] == 255).all()
    flat = sheet(torch.full((1, 3, 4, 4), 0.5), 1, 40, 3)
    assert flat.shape == (40, 40, 3)
    assert set(flat.flatten()) == {128}


def test_type_fits() -> None:
    assert fitting(["short"], 20, 500).size == 20
    long = "a rather long line of text"
    assert 9 <= fitting(["short", long], 20, 200).size < 20
    assert fitting(["short", long], 20, 200).getlength(long) <= 200


def test_eyes_are_those_of_drawn_and_real_faces_of_the_same_labels() -> None:
    test = faces()
    images = torch.zeros_like(test.images)
    images[:, :, 26:36, 16:26] = 200  # eyes
    images[:, 0, 30, 30] = torch.arange(len(images), dtype=torch.uint8) + 1  # who it is
    inputs = replace(faces_inputs(), test=replace(test, images=images))
    found = drawn("eyes", inputs)
    assert_well_set(found, "some_faces")
    shown = picture(found)
    high, wide = 18, 38
    scale = 1150 // (4 * wide)
    tops = [row * (high * scale + 3) for row in range(4)]
    real = shown[tops[0] :, -2 * wide * scale - 3 :][: high * scale : scale, : wide * scale : scale]
    assert (real[3:13, 3:13] == 200).all()  # both eyes of 64 x 64 pixels are in it
    assert not real[:, :3].any()
    people = {
        int(shown[top + 7 * scale, -x * wide * scale - 3 * (x - 1) + 17 * scale, 0]) for top in tops for x in (1, 2)
    }
    assert len(people - {0}) == 8
    greys = {int(shown[top, x * (wide * scale + 3), 0]) for top in tops for x in (0, 1)}
    assert len(greys) == 8  # a latent each


def test_each_kind_of_picture_has_its_place(tmp_path: Path) -> None:
    saving.save(None, tmp_path, "X", "nothing")
    saving.save(Figure(), tmp_path, "X", "one")
    saving.save({"a": Figure(), "b": Figure()}, tmp_path, "X", "two")
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    saving.save(pixels, tmp_path, "X", "cover")
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"figures/X/one.png", "figures/X/two_a.png", "figures/X/two_b.png", "showcase/X/cover.png"}
    with Image.open(tmp_path / "showcase/X/cover.png") as file:
        assert np.array_equal(np.asarray(file), pixels)
