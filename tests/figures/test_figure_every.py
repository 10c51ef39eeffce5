"""What holds for every figure."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from figure_inputs import (
    ATTRIBUTES,
    HOUSES,
    INPUTS,
    OBJECTS,
    Averager,
    Coder,
    blind,
    contrary,
    faces_inputs,
    scenes,
    scenes_inputs,
    vae_inputs,
)
from figure_reading import assert_well_set, caption, drawn, picture, several
from torch import Tensor

from pipeline.figures import curves
from pipeline.figures.common import style
from pipeline.figures.common.inputs import Inputs
from pipeline.ground import plugins

FIGURES = ("samples", "corners", "interpolation", "classes", "reconstructions", "real_fake", "curves")
GAN_FIGURES = ("samples", "corners", "interpolation", "real_fake", "curves", "conditions", "single_objects", "progress")
FACE_FIGURES = {
    "faces": ("samples", "classes", "interpolation", "real_fake", "flips", "eyes"),
    "encoder of faces": ("samples", "interpolation", "reconstructions", "real_fake", "latent_map", "eyes"),
    "codes of faces": ("samples", "real_fake", "codes", "eyes"),
}
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
    *((figure, name) for figure in ("eyes", "learning") for name in ("conditional", "gan", "scenes")),
    *(("codes", name) for name in ("faces", "encoder of faces", "conditional", "gan")),
]
APPLY = [
    (figure, name)
    for name in INPUTS
    for figure in FACE_FIGURES.get(name, GAN_FIGURES if "scenes" in name else FIGURES)
    if (figure, name) not in NOT_APPLY
]


@pytest.mark.parametrize(("figure", "name"), APPLY)
def test_everything_is_labelled_and_nothing_clipped(figure: str, name: str) -> None:
    for found in several(figure, INPUTS[name]).values():
        assert_well_set(found, INPUTS[name].name)


@pytest.mark.parametrize(("figure", "name"), NOT_APPLY)
def test_does_not_apply(figure: str, name: str) -> None:
    assert plugins.load("figures", figure).draw(INPUTS[name]) is None


def test_no_curves_no_figure() -> None:
    inputs = INPUTS["conditional"]
    assert curves.draw(Inputs(inputs.name, inputs.models, {}, {}, blind, blind, inputs.test, 0)) is None


@pytest.mark.parametrize(
    ("figure", "inputs"),
    [
        *((figure, vae_inputs) for figure in FIGURES),
        *((figure, scenes_inputs) for figure in GAN_FIGURES if figure not in FIGURES),
        *((figure, faces_inputs) for figure in ("flips", "eyes")),
        ("latent_map", lambda: faces_inputs(Averager())),
        ("codes", lambda: faces_inputs(Coder())),
    ],
)
def test_the_same_inputs_give_the_same_bytes(figure: str, inputs: Callable[[], Inputs], tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        style.save(drawn(figure, inputs()), tmp_path / name)
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("figure", "inputs"),
    [
        *((figure, vae_inputs) for figure in ("samples", "corners", "interpolation", "classes", "real_fake")),
        *((figure, scenes_inputs) for figure in ("interpolation", "conditions", "single_objects")),
        *((figure, faces_inputs) for figure in ("flips", "interpolation", "eyes")),
        ("codes", lambda seed: faces_inputs(Coder(), seed=seed)),
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


def test_one_hot_counts_round() -> None:
    assert vae_inputs().one_hot(torch.tensor([0, 9, 10])).argmax(1).tolist() == [0, 9, 0]


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
    inputs = replace(scenes_inputs(test=replace(test, images=images)), judge=judge)
    for name in ("conditions", "progress"):
        assert f"the judge on real images: {right}" in caption(drawn(name, inputs)), name
    inputs = replace(scenes_inputs(test=replace(test, images=images)), referee=judge)
    for name in ("conditions", "single_objects"):
        assert f"in real images: {right}" in caption(drawn(name, inputs)), name
