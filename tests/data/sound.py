"""A user's own folders, small and sound, in every layout that is known; each image shows its number."""

import csv
import gzip
import io
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal
from zipfile import ZipFile

import numpy as np
from PIL import Image

from pipeline.data.faces import CELEBA
from pipeline.data.scenes import CLASSES as OBJECTS

Part = Literal["train", "test"]
Truth = dict[int, tuple[Part, frozenset[str]]]  # of each image by number: its side, and the labels that hold
Bytes = np.ndarray[Any, np.dtype[np.uint8]]
COUNT = 30  # images, of which LEARNT are for training where a layout says which
LEARNT = 20
STEP = 8  # of grey levels, from an image's number to the next one's


@dataclass(frozen=True)
class Layout:
    """write: makes the folder's files and tells the truth about them."""

    role: Literal["digits", "colour", "scenes", "faces"]
    write: Callable[[Path], Truth]


def side(number: int) -> Part:
    return "train" if number < LEARNT else "test"


def fifth(number: int) -> Part:
    """Where a layout does not say."""
    return "test" if number % 5 == 4 else "train"


def shown(number: int, size: tuple[int, int] = (32, 32)) -> bytes:
    """A PNG file, all of one grey."""
    file = io.BytesIO()
    Image.new("RGB", size, (STEP * number,) * 3).save(file, "png")
    return file.getvalue()


# digits


def digit(number: int) -> Bytes:
    """(28, 28): the number in the top row; below white at the left, so that rows are told from columns."""
    image = np.zeros((28, 28), np.uint8)
    image[1:, 0], image[0] = 255, STEP * number
    return image


def idx(values: Bytes) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def pair(folder: Path, prefix: str, numbers: range, labels: Sequence[int], turned: bool, suffix: str) -> None:
    images = np.stack([digit(n).T if turned else digit(n) for n in numbers])
    for kind, values in (("images-idx3", images), ("labels-idx1", np.array(labels, np.uint8))):
        content = idx(values)
        path = folder / f"{prefix}-{kind}-ubyte{suffix}"
        path.write_bytes(gzip.compress(content) if suffix == ".gz" else content)


def four(folder: Path, names: Sequence[str] = "0123456789", suffix: str = "") -> Truth:
    """MNIST's files."""
    labels = [n % len(names) for n in range(COUNT)]
    pair(folder, "train", range(LEARNT), labels[:LEARNT], False, suffix)
    pair(folder, "t10k", range(LEARNT, COUNT), labels[LEARNT:], False, suffix)
    if names != "0123456789":
        (folder / "classes.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return {n: (side(n), frozenset({names[labels[n]]})) for n in range(COUNT)}


LETTERS = {n: (chr(64 + n), chr(96 + n)) for n in range(1, 27)}
BALANCED = {n: (c,) for n, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")}


def mapping(folder: Path, name: str, characters: Mapping[int, Sequence[str]]) -> Truth:
    """EMNIST's list of labels."""
    lines = [" ".join(map(str, (label, *map(ord, each)))) for label, each in characters.items()]
    (folder / f"emnist-{name}-mapping.txt").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    labels = [*characters]
    return {n: (side(n), frozenset({"".join(characters[labels[n % len(labels)]])})) for n in range(COUNT)}


def emnist(folder: Path, name: str, characters: Mapping[int, Sequence[str]], suffix: str = ".gz") -> Truth:
    labels = [[*characters][n % len(characters)] for n in range(COUNT)]
    pair(folder, f"emnist-{name}-train", range(LEARNT), labels[:LEARNT], True, suffix)
    pair(folder, f"emnist-{name}-test", range(LEARNT, COUNT), labels[LEARNT:], True, suffix)
    return mapping(folder, name, characters)


def pixel_rows(numbers: range, labels: Sequence[int] | None, head: bool, turned: bool = False) -> str:
    names = [f"pixel{n}" for n in range(784)]
    rows: list[list[Any]] = [[*([] if labels is None else ["label"]), *names]] if head else []
    for n in numbers:
        image = digit(n).T if turned else digit(n)
        rows.append([*([] if labels is None else [labels[n]]), *image.flatten().tolist()])
    return "\n".join(",".join(map(str, row)) for row in rows) + "\n"


def kaggle(folder: Path) -> Truth:
    """The competition's: its test.csv has no labels."""
    labels = [n % 10 for n in range(COUNT)]
    (folder / "train.csv").write_text(pixel_rows(range(COUNT), labels, True), encoding="utf-8")
    (folder / "test.csv").write_text(pixel_rows(range(3), None, True), encoding="utf-8")
    (folder / "sample_submission.csv").write_text("ImageId,Label\n1,0\n", encoding="utf-8")
    return {n: (fifth(n), frozenset({str(n % 10)})) for n in range(COUNT)}


def two_tables(folder: Path, start: str, head: bool, turned: bool = False) -> Truth:
    labels = [n % 26 + 1 if turned else n % 10 for n in range(COUNT)]
    (folder / f"{start}train.csv").write_text(pixel_rows(range(LEARNT), labels, head, turned), encoding="utf-8")
    (folder / f"{start}test.csv").write_text(pixel_rows(range(LEARNT, COUNT), labels, head, turned), encoding="utf-8")
    if turned:
        return mapping(folder, "letters", LETTERS)
    return {n: (side(n), frozenset({str(n % 10)})) for n in range(COUNT)}


# colour


def class_folders(folder: Path, parts: Mapping[str, range], names: Sequence[str]) -> None:
    """Images sorted into folders of their class, in each of the folders `parts`."""
    for part, numbers in parts.items():
        for n in numbers:
            place = folder / part / names[n % len(names)]
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{n:02}.png").write_bytes(shown(n))


KINDS = ("ants", "bees", "naïve cats")


def sides(folder: Path, learnt: str, tested: str, names: Sequence[str] = KINDS) -> Truth:
    class_folders(folder, {learnt: range(LEARNT), tested: range(LEARNT, COUNT)}, names)
    return {n: (side(n), frozenset({names[n % len(names)]})) for n in range(COUNT)}


def fifths(folder: Path, place: str) -> Truth:
    """Every fifth file of each of three classes is for the test."""
    class_folders(folder, {place: range(COUNT)}, KINDS)
    return {n: (fifth(n // 3), frozenset({KINDS[n % 3]})) for n in range(COUNT)}


def three_sides(folder: Path) -> Truth:
    """A validation set as well, which is not used."""
    class_folders(folder, {"val": range(5)}, KINDS)
    return sides(folder, "train", "test")


# scenes


def iclevr(folder: Path, place: str, new_test: bool = True) -> Truth:
    """Ten scenes of three images."""
    (folder / place).mkdir(exist_ok=True)
    labels, truth = {}, {}
    for n in range(COUNT):
        scene, step = divmod(n, 3)
        name = f"CLEVR_train_{scene:06d}_{step}.png"
        (folder / place / name).write_bytes(shown(n, (32, 24)))
        labels[name] = [OBJECTS[scene + i] for i in range(step + 1)]
        part: Part = "test" if scene % 4 == 3 else "train"
        truth[n] = part, frozenset(labels[name])
    lists: dict[str, Any] = {"objects": {name: i for i, name in enumerate(OBJECTS)}, "train": labels}
    lists["test"] = [["gray cube"], ["red cube", "cyan sphere"]]
    if new_test:
        lists["new_test"] = [["blue cube", "gray cube"]]
    for key, content in lists.items():
        (folder / f"{key}.json").write_text(json.dumps(content), encoding="utf-8")
    return truth


# faces

COLUMNS = sorted([*CELEBA, "Arched_Eyebrows", "Eyeglasses", "Young", *(f"Other_{i:02d}" for i in range(24))])
NAMES = [f"{n:06d}.jpg" for n in range(COUNT)]


def holds(number: int, column: str) -> bool:
    return (number * len(column) + len(column.strip("aeiou"))) % 3 == 0 or column[number % len(column)] in "aei"


def celeba(folder: Path, tree: tuple[str, str, str], form: str, images: str) -> Truth:
    """tree: the folders of the attributes, of the partition and of the images. form: txt or csv. images: dir, deep or
    zip.
    """
    annotations, evaluations, place = (folder / each for each in tree)
    for each in (annotations, evaluations, place):
        each.mkdir(exist_ok=True)
    divider = "," if form == "csv" else " "
    head = [divider.join(["image_id", *COLUMNS])] if form == "csv" else [str(COUNT), " ".join(COLUMNS) + " "]
    rows = [divider.join([NAMES[n], *("1" if holds(n, c) else "-1" for c in COLUMNS)]) for n in range(COUNT)]
    (annotations / f"list_attr_celeba.{form}").write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")
    parts = [f"{name}{divider}{0 if side(n) == 'train' else 2}" for n, name in enumerate(NAMES)]
    head = ["image_id,partition"] if form == "csv" else []
    (evaluations / f"list_eval_partition.{form}").write_text("\n".join([*head, *parts]) + "\n", encoding="utf-8")
    if images == "zip":
        with ZipFile(place / "img_align_celeba.zip", "w") as file:
            for n, name in enumerate(NAMES):
                file.writestr(f"img_align_celeba/{name}", shown(n, (18, 22)))
    else:
        inner = place / "img_align_celeba" / ("img_align_celeba" if images == "deep" else "")
        inner.mkdir(parents=True)
        for n, name in enumerate(NAMES):
            (inner / name).write_bytes(shown(n, (18, 22)))
    return {n: (side(n), frozenset(c for c in CELEBA if holds(n, c))) for n in range(COUNT)}


OWN = ("Hat", "Scarf", "Über all")


def table(
    folder: Path,
    words: tuple[str, str] = ("0", "1"),
    delimiter: str = ",",
    index: Sequence[str] = (),
    name: str = "file",
    encoding: str = "utf-8",
) -> Truth:
    """A table of one's own. words: no and yes. index: heads of columns of row numbers."""
    (folder / "more").mkdir()
    rows = [[*index, name, *OWN]]
    for n in range(COUNT):
        file = f"{'more/' if n % 2 else ''}{n}.png"
        (folder / file).write_bytes(shown(n, (22, 18)))
        rows.append([*[str(n)] * len(index), file, *(words[holds(n, c)] for c in OWN)])
    with (folder / "attributes.csv").open("w", encoding=encoding, newline="") as written:
        csv.writer(written, delimiter=delimiter).writerows(rows)
    return {n: (fifth(n), frozenset(c for c in OWN if holds(n, c))) for n in range(COUNT)}


FLAT, TREE = (".", ".", "."), ("Anno", "Eval", "Img")
LAYOUTS: dict[str, Layout] = {
    "MNIST": Layout("digits", four),
    "MNIST packed": Layout("digits", partial(four, suffix=".gz")),
    "IDX of three classes": Layout("digits", partial(four, names=KINDS)),
    "IDX of thirty classes": Layout("digits", partial(four, names=[f"class {n}" for n in range(30)])),
    "EMNIST letters": Layout("digits", partial(emnist, name="letters", characters=LETTERS)),
    "EMNIST balanced": Layout("digits", partial(emnist, name="balanced", characters=BALANCED)),
    "EMNIST unpacked": Layout("digits", partial(emnist, name="letters", characters=LETTERS, suffix="")),
    "Kaggle's MNIST": Layout("digits", kaggle),
    "tables of MNIST": Layout("digits", partial(two_tables, start="mnist_", head=False)),
    "tables of Fashion-MNIST": Layout("digits", partial(two_tables, start="fashion-mnist_", head=True)),
    "tables of EMNIST": Layout("digits", partial(two_tables, start="emnist-letters-", head=False, turned=True)),
    "class folders": Layout("colour", partial(fifths, place=".")),
    "class folders in train": Layout("colour", partial(fifths, place="train")),
    "train and test": Layout("colour", partial(sides, learnt="train", tested="test")),
    "train and val": Layout("colour", partial(sides, learnt="train", tested="val")),
    "train and valid": Layout("colour", partial(sides, learnt="train", tested="valid")),
    "train, val and test": Layout("colour", three_sides),
    "two classes": Layout("colour", partial(sides, learnt="train", tested="val", names=("no", "yes"))),
    "ten classes": Layout("colour", partial(sides, learnt="train", tested="val", names="0123456789")),
    "i-CLEVR": Layout("scenes", partial(iclevr, place="images")),
    "i-CLEVR in iclevr": Layout("scenes", partial(iclevr, place="iclevr")),
    "i-CLEVR in one folder": Layout("scenes", partial(iclevr, place=".")),
    "i-CLEVR without new_test": Layout("scenes", partial(iclevr, place="iclevr", new_test=False)),
    "CelebA": Layout("faces", partial(celeba, tree=FLAT, form="txt", images="dir")),
    "CelebA packed": Layout("faces", partial(celeba, tree=FLAT, form="txt", images="zip")),
    "CelebA's tree": Layout("faces", partial(celeba, tree=TREE, form="txt", images="dir")),
    "CelebA's tree packed": Layout("faces", partial(celeba, tree=TREE, form="txt", images="zip")),
    "Kaggle's CelebA": Layout("faces", partial(celeba, tree=FLAT, form="csv", images="deep")),
    "table": Layout("faces", table),
    "table of -1 and 1": Layout("faces", partial(table, words=("-1", "1"))),
    "table of floats": Layout("faces", partial(table, words=("0.0", "1.0"))),
    "table of booleans": Layout("faces", partial(table, words=("False", "True"))),
    "table of words": Layout("faces", partial(table, words=("no", "Yes"))),
    "table with pandas' index": Layout("faces", partial(table, words=("False", "True"), index=("",))),
    "table with two indices": Layout("faces", partial(table, index=("", "Unnamed: 0"))),
    "table of nameless names": Layout("faces", partial(table, name="")),
    "table with semicolons": Layout("faces", partial(table, delimiter=";", encoding="utf-8-sig")),
    "table with tabs": Layout("faces", partial(table, delimiter="\t", words=("no", "yes"))),
}
