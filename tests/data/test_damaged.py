"""Damaged and hostile files: each is refused in one line that names it, runs nothing, and leaves nothing prepared."""

import gzip
import io
import json
import os
import pickle
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pytest
import yaml
from data.sound import COUNT, LAYOUTS, LEARNT, idx, shown
from PIL import Image

from pipeline.contracts import images
from pipeline.ground.errors import InputError
from stages.prepare import prepare

Spoil = Callable[[Path], None]
MINE = Path("data/raw/mine")


class Bomb:
    """Makes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return _write, ("executed", "by a pickle")


def _write(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def prepared(layout: str, spoil: Spoil) -> None:
    """Runs the stage on a folder that was spoiled."""
    role = LAYOUTS[layout].role
    MINE.mkdir(parents=True)
    truth = LAYOUTS[layout].write(MINE)
    train = sum(part == "train" for part, _ in truth.values())
    spoil(MINE)
    settings = {"source": "folder", "folder": str(MINE), "train": train, "test": COUNT - train}
    Path("params.yaml").write_text(yaml.safe_dump({"data": {role: settings}}), encoding="utf-8")
    prepare(role)


def assert_refused(layout: str, spoil: Spoil, blamed: str, words: str = ".") -> str:
    with pytest.raises(InputError, match=words) as caught:
        prepared(layout, spoil)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 700
    assert str(MINE / blamed) in message
    assert not Path("data/prepared").exists()
    assert not Path("executed").exists()
    return message


def test_the_folders_are_sound_before() -> None:
    prepared("CelebA", lambda _: None)
    assert len(images.load(Path("data/prepared/faces/train.safetensors"))) == LEARNT


# Every file of every format, damaged in every way

FILES = {  # a layout, and a file of it
    "images": ("MNIST", "train-images-idx3-ubyte"),
    "labels": ("MNIST", "t10k-labels-idx1-ubyte"),
    "packed images": ("EMNIST letters", "emnist-letters-test-images-idx3-ubyte.gz"),
    "packed labels": ("EMNIST letters", "emnist-letters-train-labels-idx1-ubyte.gz"),
    "mapping": ("EMNIST letters", "emnist-letters-mapping.txt"),
    "classes": ("IDX of thirty classes", "classes.txt"),
    "pixels": ("Kaggle's MNIST", "train.csv"),
    "class image": ("train and val", "val/bees/22.png"),
    "objects": ("i-CLEVR", "objects.json"),
    "scene labels": ("i-CLEVR", "train.json"),
    "list": ("i-CLEVR", "test.json"),
    "new list": ("i-CLEVR", "new_test.json"),
    "scene": ("i-CLEVR", "images/CLEVR_train_000003_1.png"),
    "attributes": ("CelebA", "list_attr_celeba.txt"),
    "Kaggle's attributes": ("Kaggle's CelebA", "list_attr_celeba.csv"),
    "partition": ("CelebA's tree", "Eval/list_eval_partition.txt"),
    "Kaggle's partition": ("Kaggle's CelebA", "list_eval_partition.csv"),
    "photograph": ("CelebA", "img_align_celeba/000007.jpg"),
    "archive": ("CelebA packed", "img_align_celeba.zip"),
    "table": ("table", "attributes.csv"),
    "pictures": ("table", "more/3.png"),
}
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "noise": lambda content: np.random.default_rng(0).bytes(len(content)),
    "zeros": lambda content: bytes(len(content)),
    "a web page": lambda _: b"<!DOCTYPE html>\n<html><title>Log in</title>\n<script>alert(1)</script></html>\n",
    "a pickle": lambda _: pickle.dumps(Bomb()),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_refused(file: str, damage: str) -> None:
    layout, name = FILES[file]

    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(DAMAGE[damage]((folder / name).read_bytes()))

    assert_refused(layout, spoil, name)


@pytest.mark.parametrize("file", FILES)
def test_a_link_out_of_the_folder_is_refused_though_it_leads_to_the_right_file(file: str) -> None:
    layout, name = FILES[file]

    def spoil(folder: Path) -> None:
        elsewhere = Path("elsewhere").absolute()
        (folder / name).rename(elsewhere)
        (folder / name).symlink_to(elsewhere)

    message = assert_refused(layout, spoil, name, "expected a file in .*, found one elsewhere")
    assert str(Path("elsewhere").absolute()) in message


@pytest.mark.parametrize("file", [file for file in FILES if file != "new list"])  # which need not be there
def test_a_link_in_a_circle_is_no_file(file: str) -> None:
    layout, name = FILES[file]

    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to((folder / name).absolute())

    with pytest.raises(InputError) as caught:
        prepared(layout, spoil)
    assert len(str(caught.value).splitlines()) == 1
    assert not Path("data/prepared").exists()


# One by one


@dataclass(frozen=True)
class Case:
    layout: str
    spoil: Spoil
    blamed: str  # file
    words: str


def write(name: str, content: bytes | str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def change(name: str, old: str, new: str) -> Spoil:
    def spoil(folder: Path) -> None:
        content = (folder / name).read_text(encoding="utf-8")
        assert old in content
        (folder / name).write_text(content.replace(old, new, 1), encoding="utf-8")

    return spoil


def picture(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png(width: int, height: int, scanlines: bytes) -> bytes:
    """A grey one, of a bit a pixel."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(scanlines)) + chunk(b"IEND", b"")


def zipped(change: Callable[[ZipFile], None]) -> Spoil:
    """Adds to the archive."""

    def spoil(folder: Path) -> None:
        with ZipFile(folder / "img_align_celeba.zip", "a", ZIP_DEFLATED) as file:
            change(file)

    return spoil


def rezipped(name: str, content: bytes) -> Spoil:
    """The archive anew, with one of its images another."""

    def spoil(folder: Path) -> None:
        path = folder / "img_align_celeba.zip"
        with ZipFile(path) as file:
            members = {each: file.read(each) for each in file.namelist()} | {f"img_align_celeba/{name}": content}
        with ZipFile(path, "w", ZIP_DEFLATED) as file:
            for each, there in members.items():
                file.writestr(each, there)

    return spoil


def locked(folder: Path) -> None:
    """Says of its members that they are encrypted."""
    path = folder / "img_align_celeba.zip"
    content = bytearray(path.read_bytes())
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        content[at + 8] |= 1
        at = content.find(b"PK\x01\x02", at + 4)
    path.write_bytes(content)


def promising(folder: Path) -> None:
    """Says of its members that they have four gigabytes each."""
    path = folder / "img_align_celeba.zip"
    content = bytearray(path.read_bytes())
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        content[at + 24 : at + 28] = b"\xfe\xff\xff\xff"
        at = content.find(b"PK\x01\x02", at + 4)
    path.write_bytes(content)


def elsewhere(name: str) -> Spoil:
    """A folder that is a link out of the folder, to the right files."""

    def spoil(folder: Path) -> None:
        place = Path("elsewhere").absolute()
        (folder / name).rename(place)
        (folder / name).symlink_to(place)

    return spoil


def secret(folder: Path) -> None:
    """An image beside the folder, which its table asks for."""
    (folder.parent / "secret.png").write_bytes(shown(3))


def table_naming(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        secret(folder)
        change("attributes.csv", "0.png", name)(folder)

    return spoil


def photograph_naming(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        secret(folder)
        for file in ("list_attr_celeba.txt", "list_eval_partition.txt"):
            change(file, "000009.jpg", name)(folder)

    return spoil


def scene_naming(name: str) -> Spoil:
    return change("train.json", '"CLEVR_train_000000_0.png"', json.dumps(name))


def both_sets(folder: Path) -> None:
    LAYOUTS["EMNIST balanced"].write(folder)


def renamed(old: str, new: str) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / old).rename(folder / new)

    return spoil


def undecodable(folder: Path) -> None:
    """A class whose name is no UTF-8."""
    (folder / "train/bees").rename(os.fsdecode(os.fsencode(folder / "train") + b"/\xff\xfe"))


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\n(executed) (w) file closefile\n%%EOF\n"
TRAIN, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
BEES, PHOTO, SCENE = "train/bees/01.png", "img_align_celeba/000007.jpg", "images/CLEVR_train_000003_1.png"
ZIP = "img_align_celeba.zip"
FLOATS = np.full((32, 32), np.nan, np.float32)
CASES: dict[str, Case] = {
    # IDX
    "promises four gigabytes": Case(
        "MNIST", write(TRAIN, struct.pack(">4I", 2051, 2**22, 28, 28)), TRAIN, "promises 4194304 x 28 x 28 bytes"
    ),
    "promises 2 ** 96 bytes": Case(
        "MNIST", write(TRAIN, struct.pack(">4I", 2051, *[2**32 - 1] * 3)), TRAIN, "promises"
    ),
    "a gzip bomb": Case(
        "MNIST packed",
        write(f"{TRAIN}.gz", gzip.compress(struct.pack(">4I", 2051, 20, 28, 28) + bytes(2**26), 1)),
        f"{TRAIN}.gz",
        "promises 20 x 28 x 28 bytes, found .* or more",
    ),
    "a gzip bomb that promises it": Case(
        "MNIST packed",
        write(f"{TRAIN}.gz", gzip.compress(struct.pack(">4I", 2051, 2**24, 28, 28) + bytes(2**22))),
        f"{TRAIN}.gz",
        "expected at most 2147483648",
    ),
    "two gzip files in one": Case(
        "MNIST packed",
        write(f"{LABELS}.gz", gzip.compress(idx(np.zeros(20, np.uint8))) * 2),
        f"{LABELS}.gz",
        "promises",
    ),
    "gzip of gzip": Case(
        "MNIST packed", write(f"{LABELS}.gz", gzip.compress(gzip.compress(b"0"))), f"{LABELS}.gz", "header|magic"
    ),
    "integers of 32 bits": Case(
        "MNIST", write(LABELS, struct.pack(">HBBI", 0, 12, 1, 20) + bytes(80)), LABELS, "2049, found 3073"
    ),
    "little-endian": Case(
        "MNIST", write(LABELS, struct.pack("<II", 2049, 20) + bytes(20)), LABELS, "magic number 2049"
    ),
    "images in colour": Case(
        "MNIST", write(TRAIN, idx(np.zeros((20, 28, 28, 3), np.uint8))), TRAIN, "2051, found 2052"
    ),
    "no images at all": Case("MNIST", write(TRAIN, idx(np.zeros((0, 28, 28), np.uint8))), LABELS, "expected 0 labels"),
    "images without size": Case("MNIST", write(TRAIN, idx(np.zeros((20, 0, 0), np.uint8))), TRAIN, "found 0 x 0"),
    "fewer labels": Case("MNIST", write(LABELS, idx(np.zeros(19, np.uint8))), LABELS, "20 labels.*found 19"),
    "label out of range": Case("MNIST", write(LABELS, idx(np.full(20, 10, np.uint8))), LABELS, "0 to 9, found 10"),
    "no labels": Case("MNIST", renamed(LABELS, "labels"), LABELS, "no such file"),
    # EMNIST
    "letter 0": Case(
        "EMNIST unpacked",
        write("emnist-letters-train-labels-idx1-ubyte", idx(np.zeros(20, np.uint8))),
        "emnist-letters-train-labels-idx1-ubyte",
        "labels from 1 to 26, found 0",
    ),
    "no mapping": Case(
        "EMNIST letters", renamed("emnist-letters-mapping.txt", "m.txt"), "emnist-letters-mapping.txt", "no such file"
    ),
    "two sets": Case("EMNIST letters", both_sets, "", "one of EMNIST's sets, found emnist-balanced, emnist-letters"),
    "a code that is none": Case(
        "EMNIST letters",
        change("emnist-letters-mapping.txt", "1 65 97", "1 A a"),
        "emnist-letters-mapping.txt",
        "line 1: expected a label .*found '1 A a'",
    ),
    "a code of a line break": Case(
        "EMNIST letters",
        change("emnist-letters-mapping.txt", "1 65 97", "1 10"),
        "emnist-letters-mapping.txt",
        "without line breaks",
    ),
    "a label without a character": Case(
        "EMNIST letters", change("emnist-letters-mapping.txt", "1 65 97", "1"), "emnist-letters-mapping.txt", "line 1"
    ),
    "a label of 256": Case(
        "EMNIST letters", change("emnist-letters-mapping.txt", "1 65", "256 65"), "emnist-letters-mapping.txt", "255"
    ),
    "a label twice": Case(
        "EMNIST letters", change("emnist-letters-mapping.txt", "2 66", "1 66"), "emnist-letters-mapping.txt", "1 again"
    ),
    "a character twice": Case(
        "EMNIST letters",
        change("emnist-letters-mapping.txt", "2 66 98", "2 65 97"),
        "emnist-letters-mapping.txt",
        "Aa again",
    ),
    # tables of pixels, and lists of classes
    "a value of 256": Case("Kaggle's MNIST", change("train.csv", ",255,", ",256,"), "train.csv", "0 to 255, found 256"),
    "a value below 0": Case("Kaggle's MNIST", change("train.csv", ",255,", ",-1,"), "train.csv", "0 to 255, found -1"),
    "a value of 10 ** 9": Case("Kaggle's MNIST", change("train.csv", ",255,", ",1000000000,"), "train.csv", "whole"),
    "a value that is NaN": Case("Kaggle's MNIST", change("train.csv", ",255,", ",nan,"), "train.csv", "whole numbers"),
    "no value": Case("Kaggle's MNIST", change("train.csv", ",255,", ",,"), "train.csv", "whole numbers"),
    "half a grey": Case("Kaggle's MNIST", change("train.csv", ",255,", ",0.5,"), "train.csv", "whole numbers"),
    "a value less": Case("Kaggle's MNIST", change("train.csv", ",255,", ","), "train.csv", "columns"),
    "a column less": Case("Kaggle's MNIST", change("train.csv", ",pixel783", ""), "train.csv", "found 784 columns"),
    "no labels in a table": Case("Kaggle's MNIST", change("train.csv", "label", "id"), "train.csv", "found 'id' first"),
    "class 12": Case(
        "Kaggle's MNIST", change("train.csv", "\n3,", "\n12,"), "train.csv", "0 to 9, found 12; .*classes.txt"
    ),
    "a head and no more": Case(
        "Kaggle's MNIST", write("train.csv", ",".join(["label", *map(str, range(784))])), "train.csv", "images|whole"
    ),
    "two tables": Case("Kaggle's MNIST", write("old_train.csv", "label\n"), "", "found old_train.csv, train.csv"),
    "one class": Case("IDX of three classes", write("classes.txt", "ants\n"), "classes.txt", "two or more.*found 1"),
    "a class twice": Case("IDX of three classes", write("classes.txt", "a\nb\na"), "classes.txt", "found a twice"),
    "a class of control": Case(
        "IDX of three classes", write("classes.txt", "a\nb\x07\nc"), "classes.txt", "line breaks"
    ),
    "one class less": Case("IDX of three classes", write("classes.txt", "a\nb"), LABELS, "0 to 1, found 2"),
    # images
    "a PNG bomb": Case("train and val", write(BEES, png(9000, 9000, bytes(9000 * 1126))), BEES, "9000 x 9000 pixels"),
    "a PNG that promises terabytes": Case(
        "train and val", write(BEES, png(2**21, 2**21, b"")), BEES, "expected an image"
    ),
    "a PNG of 100 megapixels": Case("CelebA", write(PHOTO, png(10000, 10000, b"")), PHOTO, "expected an image"),
    "a GIF that promises gigabytes": Case(
        "i-CLEVR",
        write(SCENE, b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;"),
        SCENE,
        "expected an image",
    ),
    "PostScript": Case("train and val", write(BEES, POSTSCRIPT), BEES, "cannot identify"),
    "PostScript of a scene": Case("i-CLEVR", write(SCENE, POSTSCRIPT), SCENE, "cannot identify"),
    "PostScript of a face": Case("CelebA", write(PHOTO, POSTSCRIPT), PHOTO, "cannot identify"),
    "SVG": Case("train and val", write(BEES, '<svg xmlns="http://www.w3.org/2000/svg"/>'), BEES, "cannot identify"),
    "NaN": Case("train and val", write(BEES, picture(Image.fromarray(FLOATS), "tiff")), BEES, "8 bits.*mode F"),
    "NaN of a scene": Case("i-CLEVR", write(SCENE, picture(Image.fromarray(FLOATS), "tiff")), SCENE, "8 bits.*mode F"),
    "sixteen bits": Case(
        "i-CLEVR", write(SCENE, picture(Image.fromarray(np.zeros((9, 9), np.uint16)), "png")), SCENE, "8 bits.*I;16"
    ),
    "a broken sum": Case("train and val", write(BEES, shown(1)[:-20] + b"?" * 20), BEES, "expected an image"),
    "a name in two lines": Case(
        "train and val", renamed("train/bees", "train/b\nees"), "train", r"line breaks.*b\\nees"
    ),
    "a name of no characters": Case(
        "train and val",
        undecodable,
        "train",
        r"found '\\udcff\\udcfe'",
    ),
    "a broken image with a name in two lines": Case(
        "train and val", write("train/bees/0\n1.png", b"?"), r"train/bees/0\n1.png", "cannot identify"
    ),
    "a class that lies elsewhere": Case("train and val", elsewhere("train/ants"), "train/ants", "found one elsewhere"),
    "an empty class": Case(
        "train and val", lambda folder: (folder / "train/dogs").mkdir(), "train/dogs", "expected images.*found none"
    ),
    "a class less in val": Case(
        "train and val", renamed("val/bees", "val/.bees"), "val", "class folders of train/, found no bees"
    ),
    # i-CLEVR
    "lists in lists": Case("i-CLEVR", write("train.json", "[" * 10**5 + "]" * 10**5), "train.json", "valid JSON"),
    "lists in lists to draw": Case(
        "i-CLEVR", write("test.json", "[" * 500 + "]" * 500), "test.json", r"found \[\[\[\["
    ),
    "a number of 5000 digits": Case(
        "i-CLEVR", write("objects.json", '{"a": 1' + "0" * 5000 + "}"), "objects.json", "JSON"
    ),
    "a number that is NaN": Case(
        "i-CLEVR", change("objects.json", ": 0,", ": NaN,"), "objects.json", "mapping of labels to numbers"
    ),
    "a number that is true": Case(
        "i-CLEVR", change("objects.json", ": 1,", ": true,"), "objects.json", "labels to numbers"
    ),
    "a label of 24": Case("i-CLEVR", change("objects.json", ": 23", ": 24"), "objects.json", "numbered 0 to 23"),
    "a negative label": Case("i-CLEVR", change("objects.json", ": 0,", ": -1,"), "objects.json", "numbered 0 to 23"),
    "a million labels": Case(
        "i-CLEVR", write("objects.json", json.dumps({str(n): n for n in range(10**5)})), "objects.json", "24 labels"
    ),
    "a label in two lines": Case(
        "i-CLEVR", change("objects.json", "gray cube", "gray\\ncube"), "objects.json", "without line breaks"
    ),
    "an image out of the folder": Case("i-CLEVR", scene_naming("../../secret.png"), "train.json", "image names like"),
    "an image with a way out": Case(
        "i-CLEVR", scene_naming("../images/CLEVR_train_000000_0.png"), "train.json", "image names like"
    ),
    "a scene of 30 digits": Case("i-CLEVR", scene_naming(f"CLEVR_train_{'9' * 30}_0.png"), "train.json", "names like"),
    "a scene of 5000 digits": Case(
        "i-CLEVR", scene_naming(f"CLEVR_train_{'9' * 5000}_0.png"), "train.json", "names like"
    ),
    "no number": Case("i-CLEVR", scene_naming("CLEVR_train_٣_0.png"), "train.json", "image names like"),
    "an image's name in two lines": Case("i-CLEVR", scene_naming("CLEVR\n"), "train.json", r"found \"CLEVR\\n\""),
    "scenes that lie elsewhere": Case(
        "i-CLEVR",
        elsewhere("images"),
        "images",
        "found one elsewhere",
    ),
    "no scenes": Case("i-CLEVR", renamed("images", "pictures"), "", "images that train.json lists, found none; known"),
    # tables of attributes
    "a path out of the folder": Case("table", table_naming("../secret.png"), "../secret.png", "found one elsewhere"),
    "a way out and in again": Case("table", table_naming("more/../../secret.png"), "more", "found one elsewhere"),
    "a path from the root": Case("table", table_naming("/etc/passwd"), "", "found one elsewhere, /etc/passwd"),
    "a name in two lines in a table": Case("table", table_naming('"0\n.png"'), "attributes.csv", "without line breaks"),
    "a name with a null byte": Case("table", table_naming("0\0.png"), "attributes.csv", "."),
    "no name": Case("table", table_naming(""), "attributes.csv", "without line breaks"),
    "a cell that is NaN": Case("table", change("attributes.csv", ".png,1", ".png,NaN"), "attributes.csv", "'NaN'"),
    "no cell": Case("table", change("attributes.csv", ".png,1", ".png,"), "attributes.csv", "found ''"),
    "a cell of 2": Case("table", change("attributes.csv", ".png,1", ".png,2"), "attributes.csv", "found '2'"),
    "a quote without an end": Case(
        "table", change("attributes.csv", "0.png", '"0.png'), "attributes.csv", "line breaks"
    ),
    "a cell of a megabyte": Case("table", table_naming("0" * 2**20), "attributes.csv", "field larger than"),
    "an attribute in two lines": Case(
        "table", change("attributes.csv", "Hat", '"H\nt"'), "attributes.csv", "without line breaks"
    ),
    "an attribute of control": Case("table", change("attributes.csv", "Hat", "H\x07t"), "attributes.csv", r"H\\x07t"),
    "commas and semicolons": Case(
        "table", change("attributes.csv", "file,", "file;a;b;c;d;"), "attributes.csv", "values"
    ),
    # CelebA
    "a count of 5000 digits": Case(
        "CelebA", change("list_attr_celeba.txt", "30\n", "3" * 5000 + "\n"), "list_attr_celeba.txt", "number of its"
    ),
    "a photograph out of the folder": Case(
        "CelebA", photograph_naming("../../secret.png"), "img_align_celeba/../..", "one elsewhere"
    ),
    "a photograph out of the archive": Case(
        "CelebA packed", photograph_naming("../secret.png"), ZIP, r"img_align_celeba/\.\./secret.png"
    ),
    "an attribute of CelebA's less": Case(
        "Kaggle's CelebA", change("list_attr_celeba.csv", "Smiling", "Grinning"), "list_attr_celeba.csv", "no Smiling"
    ),
    "part 3": Case(
        "Kaggle's CelebA", change("list_eval_partition.csv", ",2", ",3"), "list_eval_partition.csv", "line 22"
    ),
    "one in two parts": Case(
        "CelebA", change("list_eval_partition.txt", "000029.jpg 2", "000000.jpg 2"), "list_eval_partition.txt", "in two"
    ),
    "three columns of parts": Case(
        "Kaggle's CelebA", change("list_eval_partition.csv", "partition", "a,b"), "list_eval_partition.csv", "3 columns"
    ),
    "photographs that lie elsewhere": Case(
        "CelebA", elsewhere("img_align_celeba"), "img_align_celeba", "found one elsewhere"
    ),
    # archives
    "a member out of the archive": Case(
        "CelebA packed", zipped(lambda f: f.writestr("../a", "")), ZIP, r"found '\.\./a'"
    ),
    "a member from the root": Case("CelebA packed", zipped(lambda f: f.writestr("/etc/a", "")), ZIP, "found '/etc/a'"),
    "a member out of a Windows archive": Case(
        "CelebA packed", zipped(lambda f: f.writestr(ZipInfo("a\\..\\..\\b"), "")), ZIP, "members in the archive"
    ),
    "a zip bomb": Case("CelebA packed", rezipped("000007.jpg", bytes(2**26 + 1)), ZIP, "000007.jpg: .*67108865 bytes"),
    "members that promise gigabytes": Case("CelebA packed", promising, ZIP, "4294967294 bytes"),
    "an image bomb in an archive": Case(
        "CelebA packed", rezipped("000007.jpg", png(9000, 9000, bytes(9000 * 1126))), ZIP, "9000 x 9000 pixels"
    ),
    "a link in an archive": Case("CelebA packed", rezipped("000007.jpg", b"/etc/passwd"), ZIP, "expected an image"),
    "a locked archive": Case("CelebA packed", locked, ZIP, "encrypted"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_told_in_one_line(case: str) -> None:
    each = CASES[case]
    assert_refused(each.layout, each.spoil, each.blamed, each.words)
