"""Every layout that data/README.md lists is read, each image on its side with its labels; others are told which are."""

from collections.abc import Callable
from pathlib import Path

import pytest
from data.sound import COUNT, KINDS, LAYOUTS, OWN, STEP, Part, Truth

from pipeline.contracts.images import ImageSet
from pipeline.ground import plugins
from pipeline.ground.errors import InputError

Splits = tuple[ImageSet, ImageSet]
PARTS: tuple[Part, Part] = ("train", "test")


def read(role: str, folder: Path, train: int, test: int, seed: int = 0) -> Splits:
    module = plugins.load("data", role)
    splits: Splits = module.load(
        module.Settings(source="folder", folder=str(folder), train=train, test=test, seed=seed)
    )
    return splits


def made(folder: Path, layout: str) -> tuple[Truth, Splits]:
    """The truth, and all that is read."""
    folder.mkdir()
    truth = LAYOUTS[layout].write(folder)
    train = sum(part == "train" for part, _ in truth.values())
    return truth, read(LAYOUTS[layout].role, folder, train, len(truth) - train)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_known_layout_is_read_whole_and_right(tmp_path: Path, layout: str) -> None:
    truth, splits = made(tmp_path / "mine", layout)
    found: Truth = {}
    for part, split in zip(PARTS, splits, strict=True):
        for image, labels in zip(split.images, split.labels, strict=True):
            names = frozenset(split.classes[i] for i in labels.nonzero()[:, 0].tolist())
            found[round(float(image[0, 0, 5]) / STEP)] = part, names
    assert found == truth
    assert len(found) == COUNT == sum(map(len, splits))
    train, test = splits
    assert train.classes == test.classes
    assert not set(train.originals.tolist()) & set(test.originals.tolist())
    assert len({*train.originals.tolist(), *test.originals.tolist()}) >= COUNT // 3
    assert train.source == "folder"


@pytest.mark.parametrize("layout", [name for name, each in LAYOUTS.items() if each.role == "digits"])
def test_digits_stand_upright(tmp_path: Path, layout: str) -> None:
    _, splits = made(tmp_path / "mine", layout)
    for split in splits:
        assert (split.images[:, 0, 1:, 0] == 255).all()
        assert (split.images[:, 0, 1:, 1:] == 0).all()


@pytest.mark.parametrize(
    ("layout", "classes"),
    [
        ("MNIST", tuple("0123456789")),
        ("IDX of three classes", KINDS),
        ("EMNIST letters", tuple(f"{chr(65 + n)}{chr(97 + n)}" for n in range(26))),
        ("EMNIST balanced", tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")),
        ("tables of EMNIST", tuple(f"{chr(65 + n)}{chr(97 + n)}" for n in range(26))),
        ("train and val", tuple(sorted(KINDS))),
        ("two classes", ("no", "yes")),
        ("table with pandas' index", OWN),
    ],
)
def test_classes_come_along_in_their_order(tmp_path: Path, layout: str, classes: tuple[str, ...]) -> None:
    _, (train, _) = made(tmp_path / "mine", layout)
    assert train.classes == classes
    assert train.labels.shape == (len(train), len(classes))


@pytest.mark.parametrize("layout", ["i-CLEVR", "i-CLEVR without new_test"])
def test_a_list_that_is_not_there_is_absent_and_said_once(
    tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, splits = made(tmp_path / "mine", layout)
    there = ["test"] if layout.endswith("new_test") else ["test", "new_test"]
    assert all([*split.conditions] == there for split in splits)
    said = [line for line in capsys.readouterr().out.splitlines() if "new_test" in line]
    assert len(said) == 2 - len(there)


def test_a_folder_may_be_a_link(tmp_path: Path) -> None:
    for name, each in LAYOUTS.items():
        folder = tmp_path / name
        folder.mkdir()
        each.write(folder)
        (tmp_path / f"link to {name}").symlink_to(folder)
        read(each.role, tmp_path / f"link to {name}", 5, 3)


@pytest.mark.parametrize("layout", ["Kaggle's MNIST", "train and val", "i-CLEVR in iclevr", "Kaggle's CelebA"])
def test_the_choice_depends_on_its_own_size_and_the_seed_only(tmp_path: Path, layout: str) -> None:
    folder, role = tmp_path, LAYOUTS[layout].role
    LAYOUTS[layout].write(folder)
    originals = [
        read(role, folder, 10, test, seed)[0].images.flatten().tolist() for test, seed in ((2, 0), (5, 0), (2, 1))
    ]
    assert originals[0] == originals[1] != originals[2]


def nothing(folder: Path) -> None:
    (folder / "notes.txt").write_text("of no use", encoding="utf-8")


def one_deeper(folder: Path) -> None:
    """As archives unpack themselves: all in one folder."""
    (folder / "dataset").mkdir()
    LAYOUTS["class folders"].write(folder / "dataset")


@pytest.mark.parametrize(
    ("role", "write", "known"),
    [
        ("digits", nothing, ("train-images-idx3-ubyte", "emnist-letters-train-images-idx3-ubyte", "train.csv")),
        ("colour", nothing, ("a folder for each class", "train/", "test/", "val/", "valid/")),
        ("colour", one_deeper, ("only dataset", "a folder for each class", "train/")),
        ("scenes", nothing, ("objects.json", "train.json", "images/", "iclevr/", "beside")),
        ("faces", nothing, ("list_attr_celeba.txt", "Anno/", "Eval/", "Img/", "Kaggle", "attributes.csv")),
    ],
)
def test_an_unknown_layout_is_told_the_known_ones(
    tmp_path: Path, role: str, write: Callable[[Path], None], known: tuple[str, ...]
) -> None:
    write(tmp_path)
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError) as caught:
            read(role, folder, 5, 3)
        message = str(caught.value)
        assert message.startswith(f"{folder}")
        assert len(message.splitlines()) == 1
        if folder == tmp_path:
            assert [word for word in known if word not in message] == []
