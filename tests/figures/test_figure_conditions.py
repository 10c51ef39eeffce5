"""Lists of conditions, with what can be recognised in each drawing."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from figure_inputs import INPUTS, OBJECTS, contrary, reader, scenes, scenes_inputs, undecided, written
from figure_reading import assert_well_set, caption, drawn, frames, names, picture, seen, several
from torch import Tensor

from pipeline.figures import conditions, single_objects
from pipeline.figures.common import style
from pipeline.judges.scores import accuracy


@pytest.mark.parametrize("referee", [reader, contrary, undecided])
def test_conditions_mark_what_the_referee_recognises(referee: Callable[[Tensor], Tensor]) -> None:
    inputs = replace(INPUTS["scenes"], referee=referee)
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
        wanted = int(sets.sum())
        assert f"recognised by the referee: {right} of {wanted} objects, {right / wanted:.2f}" in caption(figure)
        share = accuracy(reader(inputs.generate(torch.zeros(len(sets), 1), sets.float())), sets, "objects")
        assert f"among the judge's k highest scores, k objects asked for: {share:.2f}" in caption(figure)
        assert f"conditions: {name}" in figure.texts[0].get_text()


def test_conditions_stand_below_their_images_however_long() -> None:
    inputs = replace(scenes_inputs(test=scenes(("yellow cylinder",) * len(OBJECTS))), referee=contrary)
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
        for row in range(int(labels.sum())):
            box = next(texts).get_window_extent()
            assert tile.x0 <= box.x0 < tile.x0 + 10
            assert tile.y0 - 40 * (row + 1) < box.y1 < tile.y0
            assert not any(box.overlaps(other) for other in tiles)
    assert next(texts, None) is None


def test_conditions_draw_each_set_from_a_latent_of_its_own() -> None:
    inputs = replace(INPUTS["scenes"], referee=contrary)
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
    found = drawn("conditions", replace(INPUTS["scenes"], test=long, referee=contrary))
    assert "the first 32 of 96 label sets" in caption(found)
    assert len(frames(found.axes[0])) == 32
    found = drawn("conditions", INPUTS["scenes"])
    assert "32 label sets" in caption(found)
    assert "first" not in caption(found)


def test_figures_of_conditions_need_a_model_that_heeds_them() -> None:
    inputs = scenes_inputs()
    inputs.model.conditional = False
    assert conditions.draw(inputs) is None
    assert single_objects.draw(inputs) is None
