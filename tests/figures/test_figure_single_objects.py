"""Single objects, where their labels say."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from figure_inputs import COLOURS, OBJECTS, SHAPES, contrary, reader, scenes, scenes_inputs, undecided, written
from figure_reading import assert_well_set, caption, drawn, frames, names, picture, seen, tick_labels
from torch import Tensor

from pipeline.figures import single_objects


@pytest.mark.parametrize("referee", [reader, contrary, undecided])
@pytest.mark.parametrize("classes", [OBJECTS, OBJECTS[::-1], tuple(sorted(OBJECTS))])
def test_single_objects_are_where_their_labels_say(
    referee: Callable[[Tensor], Tensor], classes: tuple[str, ...]
) -> None:
    inputs = replace(scenes_inputs(test=scenes(classes)), referee=referee)
    found = drawn("single_objects", inputs)
    assert_well_set(found, inputs.name)
    (axes,) = found.axes
    shapes, colours = tick_labels(axes), [label.get_text() for label in axes.get_xticklabels()]
    assert (sorted(shapes), sorted(colours)) == (sorted(SHAPES), sorted(COLOURS))
    sheet, wrong, faults = torch.tensor(picture(found)), [], 0
    half = 32 * 3
    for (y, shape), (x, colour) in itertools.product(
        zip(axes.get_yticks(), shapes, strict=True), zip(axes.get_xticks(), colours, strict=True)
    ):
        tile = sheet[int(y) - half : int(y) + half, int(x) - half : int(x) + half]
        asked = written(tile, 3)
        assert names(inputs, asked) == [f"{colour} {shape}"]
        assert (tile[3:] == sheet[3, 0]).all()  # one latent
        wrong += [f"saw {each}" for each in seen(inputs, asked) if each != f"{colour} {shape}"]
        faults += seen(inputs, asked) != [f"{colour} {shape}"]
    assert [text.get_text() for text in axes.texts] == wrong
    assert len(frames(axes)) == faults > 0
    assert f"recognised by the referee, and nothing besides: {24 - faults} of 24" in caption(found)


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
    assert single_objects.draw(scenes_inputs(test=scenes(kind="classes"))) is None
