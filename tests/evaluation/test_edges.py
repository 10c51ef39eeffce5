"""The smallest sizes of everything: each goes from training to numbers, or `latentlab check` refuses it in one line."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from evaluation.rehearsal import CONTENT, EACH, Rehearsal, pictures, rehearsal

from pipeline.contracts.images import ImageSet
from pipeline.ground import plugins
from pipeline.ground.errors import InputError
from tools.check import faults
from tools.models import misfits


def checked(name: str, block: dict[str, Any], train: int) -> list[str]:
    """What `latentlab check` says of an entry, where there are so many training images."""
    content = copy.deepcopy({key: value for key, value in CONTENT.items() if key != "experiments"})
    content["experiments"] = {name: block}
    content["data"][block["data"]]["train"] = train
    for judge in ("classifier", "referee"):
        content[judge][block["data"]]["batch"] = 16
    content["report"] |= {"explorer": [], "overview": [], "sections": []}
    return faults(content) or misfits(content)


def works(tried: Rehearsal) -> None:
    tried.judge()
    tried.train()
    found = tried.measured()
    assert "frechet_distance" in found.values
    assert all(math.isfinite(value) for half in (found.values, *found.halves) for value in half.values())
    measured = tried.evaluation().measurements({0: found}, "a machine")
    assert measured.metrics


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for role in CONTENT["data"]:
        (tmp_path / "data/weights" / role).mkdir(parents=True)


SIZES: dict[str, dict[str, Any]] = {
    "a latent of 1": {"latent": 1},
    "a batch of 1": {"batch": 1},
    "a batch that leaves one over": {"batch": 5},  # of 96
    "a batch of two": {"batch": 2},
    "all training images at once": {"batch": 96},
    "two codes": {"codes": 2},
    "one unit": {"hidden": 1, "width": 1},
    "one Gaussian": {"mixture": 1},
    "more Gaussians than images": {"mixture": 97},
}
# What check refuses of these, and in which words.
REFUSED = {
    ("a latent of 1", "scenes_cvae"): "latent: expected more than 24",
    ("a batch of 1", "scenes_cvae"): "batch: expected 2 or more",
    ("one unit", "scenes_cvae"): "width: Input should be greater than or equal to 2",
    ("all training images at once", "wgan_gp"): "batch: expected at most 19",
    ("all training images at once", "wgan_clip"): "batch: expected at most 19",
}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [*EACH.values(), "wgan_clip"])
def test_a_smallest_size_works_or_is_refused(name: str, size: str) -> None:
    changes = {key: value for key, value in SIZES[size].items() if key in CONTENT["experiments"][name]}
    if not changes:
        return
    tried = rehearsal(name, **changes)
    said = checked(name, dict(tried.block), train=96)
    words = REFUSED.get((size, name))
    if words is None:
        assert not said
        works(tried)
    else:
        assert [f"experiments.{name}" in fault and words in fault for fault in said] == [True]
        with pytest.raises(InputError, match=words.partition(":")[0]):
            tried.train()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["fc_vae", "fc_cvae", "cgan", "wgan_gp", "face_acgan", "face_ae", "face_infogan"])
def test_one_class_or_one_attribute_works(name: str) -> None:
    role = CONTENT["experiments"][name]["data"]
    train, test = pictures(role, 96, 0, classes=1), pictures(role, 64, 1, classes=1)
    works(rehearsal(name, train, test))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["scenes_cgan", "scenes_projection"])
def test_one_label_set_a_list_works(name: str) -> None:
    train, test = pictures("scenes", 96, 0, lists=1), pictures("scenes", 64, 1, lists=1)
    works(rehearsal(name, train, test))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["fc_cvae", "cgan"])
def test_fewer_test_images_than_classes_work_or_say_which_metric_cannot(name: str) -> None:
    role = CONTENT["experiments"][name]["data"]
    tried = rehearsal(name, test=pictures(role, 7, 1))
    tried.judge()
    tried.train()
    with pytest.raises(
        InputError, match=r"metric manifold: expected equally many real images and drawings, more than 5"
    ):
        tried.measured()


@pytest.mark.usefixtures("here")
def test_an_acgan_draws_classes_too() -> None:
    train, test = pictures("faces", 96, 0, classes=5, kind="classes"), pictures("faces", 64, 1, 5, "classes")
    works(rehearsal("face_acgan", train, test))


def _bare(data: ImageSet) -> ImageSet:
    return replace(data, labels=torch.zeros_like(data.labels))


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("which", [_bare])
@pytest.mark.parametrize("name", ["face_acgan", "face_infogan"])
def test_faces_none_of_which_has_an_attribute_are_refused_by_the_metric_that_asks(
    name: str, which: Callable[[ImageSet], ImageSet]
) -> None:
    tried = rehearsal(name, which(pictures("faces", 96, 0)), which(pictures("faces", 64, 1)))
    tried.judge()
    tried.train()
    with pytest.raises(InputError, match=r"label that holds, found none"):
        tried.measured()


# What else each network takes than its own role's images
SIDES = {"mlp": (28, 32, 64), "skip": (64,)}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("role", list(CONTENT["data"]))
@pytest.mark.parametrize("name", EACH.values())
def test_every_family_and_network_works_with_every_roles_labels_or_is_refused(name: str, role: str) -> None:
    """Labels of which one holds, objects and attributes alike; whether a model is asked for them or not."""
    own = CONTENT["experiments"][name]
    if own["data"] == role:
        return
    tried = rehearsal(name, *(pictures(role, count, count) for count in (96, 64)), data=role)
    said = checked(name, dict(tried.block), train=96)
    side = plugins.load("data", role).LAYOUT.shape[2]
    if side not in SIDES.get(own["network"], (32, 64)):
        assert [f"network {own['network']}: expected images of" in fault for fault in said] == [True]
    else:
        assert not said
        works(tried)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "conditional"),
    [("cgan", False), ("scenes_projection", False), ("wgan_gp", True), ("face_vae", True), ("fc_cvae", False)],
)
def test_labels_are_heeded_or_not_in_every_network(name: str, conditional: bool) -> None:
    """A projection discriminator without labels is one without a projection."""
    tried = rehearsal(name, conditional=conditional)
    assert not checked(name, dict(tried.block), train=96)
    works(tried)
