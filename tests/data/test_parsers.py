"""Parsers under fire: whatever a file holds, it is read soundly, or refused in one line that names it.

Most are sound files, damaged here and there, so that parsers are reached in their depths; some are anything.
"""

import gzip
import io
import json
import re
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
import torch
from data.sound import LETTERS, celeba, iclevr, idx, mapping, pixel_rows, shown, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat
from torch import Tensor

from pipeline.data import colour, faces, scenes
from pipeline.data.reading import archive, attributes, emnist, pictures, pixels
from pipeline.data.reading import idx as reader
from pipeline.ground.errors import InputError

NUMBER = {name: n for n, name in enumerate(scenes.CLASSES)}
BATCH = "test_batch.bin"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


# What a parser must give when it does not refuse


def images(found: Tensor, *shape: int | None) -> None:
    assert found.dtype == torch.uint8
    assert len(found.shape) == len(shape)
    assert all(wanted in (None, there) for wanted, there in zip(shape, found.shape, strict=True))


def plain(names: Sequence[str]) -> None:
    assert all(name and len(name.splitlines()) == 1 for name in names)


def labelled(found: attributes.Table) -> None:
    assert found.labels.shape == (len(found.names), len(found.classes))
    assert len(found.names) == len(set(found.names)) > 0
    assert set(found.labels.flatten().tolist()) <= {0, 1}
    plain([*found.names, *found.classes])


def read_idx(path: Path) -> None:
    images(reader.read(path, 3), None, None, None)


def read_pixels(path: Path) -> None:
    pixels.labelled(path)
    found, labels = pixels.read(path, 28)
    images(found, None, 28, 28)
    images(labels, len(found))


def read_mapping(path: Path) -> None:
    path.rename(path.with_name("emnist-letters-mapping.txt"))
    try:
        found = emnist.mapping(path.parent, "emnist-letters")
    finally:
        path.with_name("emnist-letters-mapping.txt").unlink()
    assert len(set(found.values())) == len(found) >= 2
    assert all(0 <= label <= 255 for label in found)
    plain([*found.values()])


def read_partition(path: Path) -> None:
    assert set(attributes.partition(path).values()) <= {"0", "1", "2"}


def read_archive(path: Path) -> None:
    with archive.opened(path) as file:
        for name in sorted(file.names):
            assert ".." not in name.split("/")
            images(pictures.read(file.read(name), str(path), faces._square), 3, 64, 64)


def read_mat(path: Path) -> None:
    found, labels = colour._matlab(path)
    images(found, None, 3, 32, 32)
    assert set(labels.tolist()) <= set(range(10))


def read_records(path: Path) -> None:
    content = colour._members(path, (BATCH,))[BATCH]
    images(colour._records(path, BATCH, content), None, 3073)


def read_classes(path: Path) -> None:
    found = scenes._classes(path)
    assert len(set(found)) == len(found) == 24
    plain(found)


def read_labels(path: Path) -> None:
    for image, labels in scenes._labels(path, NUMBER).items():
        images(labels, 24)
        assert labels.sum() >= 1
        assert int(scenes._scene(path, image)) < 2**63


def read_sets(path: Path) -> None:
    images(scenes._sets(path, NUMBER), None, 24)


def made(write: Callable[[Path], object], name: str) -> Callable[[Path], bytes]:
    """The content of a file of a sound folder."""

    def content(folder: Path) -> bytes:
        folder.mkdir()
        write(folder)
        return (folder / name).read_bytes()

    return content


def picture(form: str, mode: str = "RGB", **options: Any) -> Callable[[Path], bytes]:
    def content(_: Path) -> bytes:
        noise = np.random.default_rng(0).integers(0, 256, (40, 36, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(noise).convert(mode).save(file, form, **options)
        return file.getvalue()

    return content


def zipped(_: Path) -> bytes:
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as members:
        for n in range(3):
            members.writestr(f"img_align_celeba/{n:06d}.jpg", shown(n))
    return file.getvalue()


def matlab(_: Path) -> bytes:
    file = io.BytesIO()
    savemat(file, {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.ones((2, 1), np.uint8)})  # type: ignore[arg-type]
    return file.getvalue()


def tarred(_: Path) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as members:
        member = tarfile.TarInfo(f"cifar-10-batches-bin/{BATCH}")
        member.size = 2 * 3073
        members.addfile(member, io.BytesIO(bytes(member.size)))
    return file.getvalue()


ARRAY = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
TXT, CSV = ((".", ".", "."), "txt", "dir"), ((".", ".", "."), "csv", "dir")


@dataclass(frozen=True)
class Parser:
    """sound: a file's content, which may make a folder for it. name: of the file. read: it, and look at what comes."""

    sound: Callable[[Path], bytes]
    name: str
    read: Callable[[Path], None]


def of_colour(path: Path) -> None:
    images(colour._image(path), 3, 32, 32)


def of_faces(path: Path) -> None:
    images(faces._picture(path.parent, path, path), 3, 64, 64)


def of_scenes(path: Path) -> None:
    images(scenes._read(path), 3, 64, 64)


PARSERS: dict[str, Parser] = {
    "IDX": Parser(lambda _: idx(ARRAY), "images", read_idx),
    "IDX packed": Parser(lambda _: gzip.compress(idx(ARRAY)), "images.gz", read_idx),
    "pixels": Parser(lambda _: pixel_rows(range(2), [3, 4], True).encode(), "train.csv", read_pixels),
    "pixels without a head": Parser(lambda _: pixel_rows(range(2), [3, 4], False).encode(), "train.csv", read_pixels),
    "mapping": Parser(
        made(lambda folder: mapping(folder, "letters", LETTERS), "emnist-letters-mapping.txt"), "m.txt", read_mapping
    ),
    "CelebA": Parser(
        made(lambda folder: celeba(folder, *TXT), "list_attr_celeba.txt"),
        "list_attr_celeba.txt",
        lambda path: labelled(attributes.celeba(path, faces.CELEBA)),
    ),
    "Kaggle's CelebA": Parser(
        made(lambda folder: celeba(folder, *CSV), "list_attr_celeba.csv"),
        "list_attr_celeba.csv",
        lambda path: labelled(attributes.celeba(path, faces.CELEBA)),
    ),
    "partition": Parser(
        made(lambda folder: celeba(folder, *TXT), "list_eval_partition.txt"), "parts.txt", read_partition
    ),
    "Kaggle's partition": Parser(
        made(lambda folder: celeba(folder, *CSV), "list_eval_partition.csv"), "parts.csv", read_partition
    ),
    "table": Parser(
        made(lambda folder: table(folder, index=("",)), "attributes.csv"),
        "attributes.csv",
        lambda path: labelled(attributes.table(path)),
    ),
    "objects": Parser(made(lambda folder: iclevr(folder, "."), "objects.json"), "objects.json", read_classes),
    "scenes": Parser(made(lambda folder: iclevr(folder, "."), "train.json"), "train.json", read_labels),
    "list": Parser(made(lambda folder: iclevr(folder, "."), "test.json"), "test.json", read_sets),
    "archive": Parser(zipped, "img_align_celeba.zip", read_archive),
    "MATLAB": Parser(matlab, "train_32x32.mat", read_mat),
    "tar": Parser(tarred, "cifar-10-binary.tar.gz", read_records),
    "PNG": Parser(picture("png"), "a.png", of_colour),
    "palette": Parser(picture("png", "P", transparency=3), "a.png", of_colour),
    "JPEG": Parser(picture("jpeg"), "a.jpg", of_faces),
    "progressive JPEG": Parser(picture("jpeg", "CMYK", progressive=True), "a.jpg", of_faces),
    "GIF": Parser(picture("gif"), "a.gif", of_scenes),
    "BMP": Parser(picture("bmp"), "a.bmp", of_colour),
    "PPM": Parser(picture("ppm"), "a.ppm", of_faces),
    "TIFF": Parser(picture("tiff", compression="tiff_lzw"), "a.tif", of_scenes),
    "WebP": Parser(picture("webp"), "a.webp", of_colour),
}

# What texts, and numbers in heads of files, break at.
SPECIAL = [b"\xff" * 4, b"\0" * 4, b"\n", b'"', b",", b"{", b"-1", b"9" * 5000, "\u2028".encode()]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["change", "insert", "delete", "cut"]),
        st.floats(0, 1, exclude_max=True),
        st.one_of(
            st.binary(min_size=1, max_size=6),
            # What texts, and numbers in heads of files, break at.
            st.sampled_from(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\n", b'"', b",", b"{", b"-1", b"9" * 5000, "\u2028".encode()]
            ),
        ),
    ),
    min_size=1,
    max_size=4,
)


def edited(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    for kind, where, new in edits:
        at = int(where * len(content))
        if kind == "cut":
            content = content[:at]
        else:
            skipped = {"change": len(new), "insert": 0, "delete": len(new)}[kind]
            content = content[:at] + (b"" if kind == "delete" else new) + content[at + skipped :]
    return content


def assert_sound_or_refused(path: Path, read: Callable[[Path], None]) -> None:
    try:
        read(path)
    except InputError as error:
        message = str(error)
        assert len(message.splitlines()) == 1
        assert message.isprintable()
        assert len(message) < 800
        assert message.startswith(str(path.parent))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The sound contents."""
    folder = tmp_path_factory.mktemp("sound")
    return {name: each.sound(folder / name) for name, each in PARSERS.items()}


@pytest.mark.parametrize("parser", PARSERS)
def test_sound_files_are_read(parser: str, place: Path, sound: dict[str, bytes]) -> None:
    path = place / PARSERS[parser].name
    path.write_bytes(sound[parser])
    PARSERS[parser].read(path)


@pytest.mark.parametrize("parser", PARSERS)
def test_damaged_files_are_read_or_refused(parser: str, place: Path, sound: dict[str, bytes]) -> None:
    path = place / PARSERS[parser].name

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(EDITS)
    def fire(edits: list[tuple[str, float, bytes]]) -> None:
        path.write_bytes(edited(sound[parser], edits))
        assert_sound_or_refused(path, PARSERS[parser].read)

    fire()


@pytest.mark.parametrize("parser", PARSERS)
def test_files_of_anything_are_read_or_refused(parser: str, place: Path) -> None:
    path = place / PARSERS[parser].name

    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))))
    def fire(content: bytes) -> None:
        path.write_bytes(content)
        assert_sound_or_refused(path, PARSERS[parser].read)

    fire()


NAMES = st.one_of(st.sampled_from(scenes.CLASSES), st.text(max_size=8))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1, 25), st.integers(), st.floats(), NAMES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(NAMES, st.just("CLEVR_train_000000_0.png")), inner, max_size=4),
        st.permutations(range(24)).map(lambda numbers: dict(zip(scenes.CLASSES, numbers, strict=True))),
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("read", [read_classes, read_labels, read_sets])
def test_any_json_is_read_or_refused(read: Callable[[Path], None], place: Path) -> None:
    path = place / "some.json"

    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(JSON)
    def fire(content: Any) -> None:
        path.write_text(json.dumps(content), encoding="utf-8")
        assert_sound_or_refused(path, read)

    fire()


# What is written is read


@settings(max_examples=50, deadline=None, database=None)
@given(shape=st.tuples(*[st.integers(0, 5)] * 3), packed=st.booleans(), seed=st.integers(0, 9))
def test_every_array_comes_back(place: Path, shape: tuple[int, int, int], packed: bool, seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    path = place / f"array{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    assert torch.equal(reader.read(path, 3), torch.from_numpy(array))


PLAIN = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters='"'),
    min_size=1,
    max_size=6,
).map(str.strip)


@settings(
    max_examples=100,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(
    names=st.lists(PLAIN.filter(bool), min_size=1, max_size=4, unique=True),
    classes=st.lists(PLAIN.filter(lambda name: bool(re.search("[a-z]", name))), min_size=1, max_size=4, unique=True),
    delimiter=st.sampled_from(",;\t"),
    index=st.booleans(),
    words=st.sampled_from(
        [("0", "1"), ("-1", "1"), ("False", "True"), ("no", "yes"), ("FALSE", "TRUE"), ("0.0", "1.0")]
    ),
    ending=st.sampled_from(["\n", "\r\n"]),
    seed=st.integers(0, 9),
)
def test_every_table_comes_back(
    place: Path,
    names: list[str],
    classes: list[str],
    delimiter: str,
    index: bool,
    words: tuple[str, str],
    ending: str,
    seed: int,
) -> None:
    holds = np.random.default_rng(seed).integers(0, 2, (len(names), len(classes)))
    rows = [["", "name", *classes]] + [
        [str(n), name, *(words[value] for value in row)]
        for n, (name, row) in enumerate(zip(names, holds.tolist(), strict=True))
    ]
    lines = [delimiter.join(f'"{cell}"' for cell in (row if index else row[1:])) for row in rows]
    path = place / "table.csv"
    path.write_bytes(ending.join([*lines, ""]).encode())
    found = attributes.table(path)
    assert (list(found.names), found.classes, found.labels.tolist()) == (names, tuple(classes), holds.tolist())
