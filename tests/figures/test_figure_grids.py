"""Grids of drawings: samples, corners, interpolations, classes, reconstructions, real beside fake."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from figure_inputs import ATTRIBUTES, CLASSES, INPUTS, Painter, faces, written
from figure_reading import caption, drawn, names, picture, tick_labels

from pipeline.contracts.images import Kind
from pipeline.figures import corners, reconstructions
from pipeline.figures.common import style
from pipeline.ground import plugins
from pipeline.models import vae


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
