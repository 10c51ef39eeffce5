import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pipeline.contracts import images
from pipeline.contracts.images import ImageSet
from pipeline.data import scenes
from pipeline.data.scenes import CLASSES, Settings
from pipeline.ground import params
from pipeline.ground.errors import InputError

Splits = tuple[ImageSet, ImageSet]


def embedded(train: int = 12, test: int = 6, seed: int = 0) -> Splits:
    return scenes.load(Settings(source="clevr", train=train, test=test, seed=seed))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return embedded(train=200, test=100)


def as_sets(labels: Tensor) -> set[tuple[int, ...]]:
    return {tuple(row.nonzero()[:, 0].tolist()) for row in labels}


# The embedded source


def test_classes_are_i_clevrs_in_its_order() -> None:
    assert len(set(CLASSES)) == 24
    assert (CLASSES[0], CLASSES[7], CLASSES[8], CLASSES[23]) == (
        "gray cube",
        "yellow cube",
        "gray sphere",
        "yellow cylinder",
    )


def test_splits_have_the_sizes_asked_for(splits: Splits) -> None:
    for split, n in zip(splits, (200, 100), strict=True):
        assert split.images.shape == (n, 3, 64, 64)
        assert split.labels.shape == (n, 24)
        assert split.kind == "objects"
        assert split.source == "clevr"
        assert split.classes == CLASSES


def test_no_scene_is_on_both_sides(splits: Splits) -> None:
    train, test = (set(split.originals.tolist()) for split in splits)
    assert not train & test


def test_scenes_come_in_threes_to_which_objects_are_added(splits: Splits) -> None:
    for split in splits:
        cut = []
        for scene in split.originals.unique():
            labels = split.labels[split.originals == scene]
            labels = labels[labels.sum(1).argsort()].int()
            assert labels.sum(1).tolist() == list(range(1, len(labels) + 1))
            assert (labels.diff(dim=0) >= 0).all()
            cut.append(3 - len(labels))
        assert sum(cut) == -len(split) % 3
        assert sum(missing > 0 for missing in cut) <= 1


def test_images_of_a_scene_share_most_pixels_and_others_do_not(splits: Splits) -> None:
    train, _ = splits
    grey = train.images.float().mean(1).flatten(1)
    alike = torch.stack([((grey - one).abs() < 0.5).float().mean(1) for one in grey])  # shares of pixels
    same = train.originals[:, None] == train.originals
    assert alike[same].quantile(0.05) > 0.4
    assert alike[~same].quantile(0.95) < 0.4
    assert alike[same].mean() > alike[~same].mean() + 0.4


def test_images_show_their_labels_colours(splits: Splits) -> None:
    """Yellow and cyan things are the ones with the strongest yellow and cyan pixels."""
    train, _ = splits
    red, green, blue = train.images.permute(1, 0, 2, 3).int()
    excess = {"yellow": torch.minimum(red, green) - blue, "cyan": torch.minimum(green, blue) - red}
    for colour, strength in excess.items():
        shows = train.labels[:, [colour in name for name in CLASSES]].any(1)
        found = (strength > 40).sum((1, 2)) > 4
        assert (found == shows).float().mean() > 0.9


def test_the_first_images_are_a_mixture(splits: Splits) -> None:
    for split in splits:
        assert split.labels[:60].sum(1).unique().tolist() == [1, 2, 3]
        assert len(split.originals[:60].unique()) > 20
        assert split.labels.any(0).all()


def test_same_settings_same_images_other_seed_other_images() -> None:
    (train, test), (again, test_again), (other, _) = embedded(), embedded(), embedded(seed=1)
    assert torch.equal(train.images, again.images)
    assert torch.equal(test.images, test_again.images)
    assert not torch.equal(train.images, other.images)


def test_a_split_does_not_depend_on_the_other_ones_size() -> None:
    train, test = embedded()
    assert torch.equal(embedded(test=4)[0].images, train.images)
    same = embedded(train=4)[1]
    assert torch.equal(same.images, test.images)
    assert torch.equal(same.labels, test.labels)


def test_lists_of_label_sets_have_i_clevrs_make_up(splits: Splits) -> None:
    for split in splits:
        test, new_test = split.conditions["test"], split.conditions["new_test"]
        assert test.dtype == new_test.dtype == torch.uint8
        assert test.sum(1).bincount().tolist() == [0, 6, 12, 14]
        assert new_test.sum(1).bincount().tolist() == [0, 0, 12, 20]
        assert (int(test.sum()), int(new_test.sum())) == (72, 84)
        assert len(as_sets(test)) == len(as_sets(new_test)) == 32
        assert not as_sets(test) & as_sets(new_test)


def test_lists_of_label_sets_never_change(splits: Splits) -> None:
    _, test = embedded(seed=3)
    for name, sets in splits[0].conditions.items():
        assert torch.equal(sets, test.conditions[name])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [31, 4000])
def test_training_shows_all_of_the_test_list_but_its_last_set(seed: int, count: int) -> None:
    *seen, unseen = scenes.conditions()["test"]
    added = scenes._training_objects(count, [*seen, unseen], torch.Generator().manual_seed(seed))
    shown = {tuple(sorted(scene[:step])) for scene in added.tolist() for step in (1, 2, 3)}
    assert unseen not in shown
    assert set(seen) <= shown
    assert all(len(set(scene)) == 3 for scene in added.tolist())


def test_training_images_show_the_test_list_but_its_last_set(splits: Splits) -> None:
    train, _ = splits
    wanted = [tuple(row.nonzero()[:, 0].tolist()) for row in train.conditions["test"]]
    assert set(wanted) - as_sets(train.labels) == {wanted[-1]}


def test_the_unseen_set_stays_unseen_when_chance_would_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = [(3,), (4, 5), (0, 1, 2)]
    monkeypatch.setattr(scenes, "_objects", lambda n, random: torch.tensor([[2, 1, 0]] * n))
    added = scenes._training_objects(50, asked, torch.Generator().manual_seed(0)).tolist()
    assert (set(added[0][:2]), added[1][0]) == ({4, 5}, 3)
    for scene in added[2:]:
        assert scene[:2] == [2, 1]
        assert scene[2] not in (0, 1, 2)


def test_prepared_scenes_survive_the_file(splits: Splits, tmp_path: Path) -> None:
    images.save(splits[0], tmp_path / "train.safetensors")
    again = images.load(tmp_path / "train.safetensors")
    assert torch.equal(again.images, splits[0].images)
    assert torch.equal(again.conditions["new_test"], splits[0].conditions["new_test"])


def test_progress_ends_with_all_images(capsys: pytest.CaptureFixture[str]) -> None:
    scenes.load(Settings(source="clevr", train=7, test=4, seed=0))
    assert capsys.readouterr().out.splitlines()[-1].startswith("prepare: scenes 11/11")


@pytest.mark.parametrize(
    ("wrong", "key"),
    [({"source": "clever"}, "source"), ({"train": 0}, "train"), ({"test": -1}, "test"), ({"sede": 1}, "sede")],
)
def test_wrong_settings_are_named(wrong: dict[str, Any], key: str) -> None:
    block = {"source": "clevr", "folder": "here", "train": 10, "test": 10, "seed": 0} | wrong
    with pytest.raises(InputError, match=f"data.scenes.{key}"):
        params.parse(Settings, block, "data.scenes")


# i-CLEVR's files

TRAIN, TEST = 9, 3  # images that the tests' folder has for each split: four scenes


def name(scene: int, step: int) -> str:
    return f"CLEVR_train_{scene:06d}_{step}.png"


def write(folder: Path) -> Path:
    """Four scenes; an image's left half is of the level 40 x scene, its right half of 60 x step."""
    (folder / "images").mkdir(parents=True)
    labels = {}
    for scene in range(4):
        for step in range(3):
            pixels = np.full((240, 320, 4), 255, np.uint8)
            pixels[:, :160, :3], pixels[:, 160:, :3] = 40 * scene, 60 * step
            Image.fromarray(pixels if scene else pixels[..., :3]).save(folder / "images" / name(scene, step))
            labels[name(scene, step)] = [CLASSES[scene + i] for i in range(step + 1)]
    dump(folder / "objects.json", {each: 23 - i for i, each in enumerate(CLASSES)})  # not in our order
    dump(folder / "train.json", labels)
    dump(folder / "test.json", [["gray cube"], ["red cube", "cyan sphere"]])
    dump(folder / "new_test.json", [["blue cube", "gray cube", "yellow cylinder"]])
    return folder


def dump(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def read(folder: Path, train: int = TRAIN, test: int = TEST, seed: int = 0) -> Splits:
    return scenes.load(Settings(source="folder", folder=str(folder), train=train, test=test, seed=seed))


def test_folder_is_read_with_its_labels_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    train, test = read(write(tmp_path / "mine"))
    assert (len(train), len(test)) == (TRAIN, TEST)
    assert train.classes == tuple(reversed(CLASSES))
    assert train.source == "folder"
    assert train.kind == "objects"
    for split in (train, test):
        assert torch.equal(split.images[:, 0, 32, 8].long(), 40 * split.originals)
        for image, labels, scene in zip(split.images, split.labels, split.originals.tolist(), strict=True):
            step = int(image[0, 32, 56]) // 60
            shown = {split.classes[i] for i in labels.nonzero()[:, 0].tolist()}
            assert shown == {CLASSES[scene + i] for i in range(step + 1)}


def test_folder_is_split_by_scene_whatever_sizes_and_seed(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    for train, test in (read(folder), read(folder, seed=1), read(folder, 5, 2, seed=2)):
        assert set(train.originals.tolist()) <= {0, 1, 2}
        assert set(test.originals.tolist()) == {3}


def test_folders_lists_are_read_for_both_splits(tmp_path: Path) -> None:
    for split in read(write(tmp_path / "mine")):
        assert as_sets(split.conditions["test"]) == {(23,), (9, 22)}
        assert as_sets(split.conditions["new_test"]) == {(0, 21, 23)}


def test_fewer_images_than_there_are_is_a_seeded_random_choice(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    one, same, other = (read(folder, train=5, seed=seed)[0].images for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_images_are_never_cropped(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[:, :10], pixels[:, -10:], pixels[:8, 100:200], pixels[-8:, 100:200] = 255, 255, 255, 255
    Image.fromarray(pixels).save(folder / "images" / name(3, 1))
    _, test = read(folder)
    image = test.images[test.labels.sum(1) == 2][0, 0].int()
    assert image[32, [0, -1]].min() > 240
    assert image[[0, -1], 30].min() > 240
    assert image[4:-4, 4:-4].max() < 10


def test_images_are_averaged_as_they_shrink(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    stripes = np.zeros((240, 320, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the pixels that they become
    Image.fromarray(stripes).save(folder / "images" / name(3, 1))
    _, test = read(folder)
    image = test.images[test.labels.sum(1) == 2][0].float()
    assert image[:, 4:-4, 4:-4].sub(127.5).abs().max() < 16


def changed(file: str, change: Callable[[Any], Any]) -> Callable[[Path], Path]:
    def spoil(folder: Path) -> Path:
        content = json.loads((folder / file).read_text(encoding="utf-8"))
        dump(folder / file, change(content))
        return folder / file

    return spoil


def written(file: str, content: bytes | None) -> Callable[[Path], Path]:
    def spoil(folder: Path) -> Path:
        if content is None:
            (folder / file).unlink()
        else:
            (folder / file).write_bytes(content)
        return folder / file

    return spoil


def halved(folder: Path) -> Path:
    path = folder / "images" / name(1, 1)
    path.write_bytes(path.read_bytes()[:400])
    return path


IMAGE = f"images/{name(0, 0)}"
FAULTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing image": (written(IMAGE, None), "no such file"),
    "image cut": (halved, "expected an image"),
    "not an image": (written(IMAGE, b"hello"), "expected an image"),
    "empty image": (written(IMAGE, b""), "expected an image"),
    "no objects": (written("objects.json", None), "no such file"),
    "no labels": (written("train.json", None), "no such file"),
    "no list": (written("test.json", None), "no such file"),
    "broken JSON": (written("train.json", b'{"a": ['), "valid JSON"),
    "not text": (written("test.json", b"\xff\xfe\x00"), "valid JSON"),
    "objects as list": (changed("objects.json", list), "mapping of labels to numbers"),
    "a number as text": (changed("objects.json", lambda o: o | {"gray cube": "23"}), "mapping of labels to numbers"),
    "a label less": (changed("objects.json", lambda o: dict(list(o.items())[1:])), "24 labels numbered 0 to 23"),
    "a number twice": (changed("objects.json", lambda o: o | {"gray cube": 0}), "24 labels numbered 0 to 23"),
    "numbers from one": (changed("objects.json", lambda o: {k: v + 1 for k, v in o.items()}), "0 to 23.* 24$"),
    "labels as list": (changed("train.json", list), "mapping of images"),
    "nothing": (changed("train.json", lambda _: {}), "mapping of images"),
    "unknown label": (changed("train.json", lambda t: t | {name(0, 0): ["grey cube"]}), 'found "grey cube"'),
    "no label": (changed("train.json", lambda t: t | {name(0, 0): []}), r"lists of labels, found \[\]"),
    "label not in a list": (changed("train.json", lambda t: t | {name(0, 0): "red cube"}), 'found "red cube"'),
    "other name": (changed("train.json", lambda t: t | {"CLEVR_val_000001_0.png": ["red cube"]}), "CLEVR_val_000001"),
    "list as mapping": (changed("test.json", lambda _: {"a": 1}), "list of lists of labels"),
    "empty list": (changed("new_test.json", lambda _: []), "list of lists of labels"),
    "unknown label to draw": (changed("new_test.json", lambda _: [["red cone"]]), 'found "red cone"'),
    "numbers to draw": (changed("test.json", lambda _: [[3]]), "found 3"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_file_is_named_with_its_fault(tmp_path: Path, fault: str) -> None:
    spoil, words = FAULTS[fault]
    folder = write(tmp_path / "mine")
    path = spoil(folder)
    with pytest.raises(InputError, match=words) as caught:
        read(folder)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("part", "there"), [("train", TRAIN), ("test", TEST)])
def test_more_images_than_there_are_is_refused_with_both_numbers(
    tmp_path: Path, part: Literal["train", "test"], there: int
) -> None:
    folder = write(tmp_path / "mine")
    with pytest.raises(InputError, match=rf"data\.scenes\.{part}: .*the {there} of .*train\.json.*found 10"):
        read(folder, train=10 if part == "train" else 1, test=10 if part == "test" else 1)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such folder.*data\.scenes\.folder") as caught:
        read(tmp_path / "nowhere")
    assert str(caught.value).startswith(str(tmp_path / "nowhere"))
