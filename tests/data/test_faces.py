import hashlib
import io
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CelebA

from pipeline.contracts import images
from pipeline.contracts.images import ImageSet
from pipeline.data import faces
from pipeline.data.faces import CELEBA, Settings
from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.renderers.faces import features as drawn
from pipeline.renderers.faces.features import ATTRIBUTES

Splits = tuple[ImageSet, ImageSet]
Spoil = Callable[[Path], None]


# The embedded source


def embedded(train: int = 12, test: int = 6, seed: int = 0) -> Splits:
    return faces.load(Settings(source="avatars", train=train, test=test, seed=seed))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return embedded(train=120, test=60)


def test_splits_have_the_sizes_asked_for(splits: Splits) -> None:
    for split, n in zip(splits, (120, 60), strict=True):
        assert split.images.shape == (n, 3, 64, 64)
        assert split.images.dtype == torch.uint8
        assert split.labels.shape == (n, len(ATTRIBUTES))
        assert split.labels.dtype == torch.uint8
        assert split.classes == ATTRIBUTES
        assert split.kind == "attributes"
        assert split.source == "avatars"
        assert not split.conditions


def test_any_attribute_holds_and_does_not(splits: Splits) -> None:
    for split in splits:
        shares = split.labels.float().mean(0)
        assert shares.min() > 0.1
        assert shares.max() < 0.75


def test_no_face_is_on_both_sides_whatever_the_seeds() -> None:
    sides: dict[Literal["train", "test"], set[int]] = {"train": set(), "test": set()}
    for seed in range(4):
        for part, numbers in sides.items():
            random = torch.Generator().manual_seed(seed)
            found = faces._of_side(part, 3000, random)
            assert len(found.cut) == 3000
            numbers |= set(drawn.numbers(found).tolist())
    assert not sides["train"] & sides["test"]
    assert min(map(len, sides.values())) > 11000


def test_originals_are_the_faces_numbers(splits: Splits) -> None:
    train, test = splits
    assert not set(train.originals.tolist()) & set(test.originals.tolist())
    for split in splits:
        for number in split.originals.unique():
            assert len(split.labels[split.originals == number].unique(dim=0)) == 1


def test_same_settings_same_images_other_seed_other_images() -> None:
    (train, test), (again, test_again), (other, _) = embedded(), embedded(), embedded(seed=1)
    assert torch.equal(train.images, again.images)
    assert torch.equal(train.labels, again.labels)
    assert torch.equal(test.images, test_again.images)
    assert not torch.equal(train.images, other.images)


def test_a_split_does_not_depend_on_the_other_ones_size() -> None:
    train, test = embedded()
    assert torch.equal(embedded(test=4)[0].images, train.images)
    same = embedded(train=4)[1]
    assert torch.equal(same.images, test.images)
    assert torch.equal(same.labels, test.labels)


def test_prepared_faces_survive_the_file(splits: Splits, tmp_path: Path) -> None:
    images.save(splits[0], tmp_path / "train.safetensors")
    again = images.load(tmp_path / "train.safetensors")
    assert torch.equal(again.images, splits[0].images)
    assert again.kind == "attributes"


def test_progress_ends_with_all_images(capsys: pytest.CaptureFixture[str]) -> None:
    embedded(train=7, test=4)
    assert capsys.readouterr().out.splitlines()[-1].startswith("prepare: faces 11/11")


@pytest.mark.parametrize(
    ("wrong", "key"),
    [({"source": "avatar"}, "source"), ({"train": 0}, "train"), ({"test": -1}, "test"), ({"sede": 1}, "sede")],
)
def test_wrong_settings_are_named(wrong: dict[str, Any], key: str) -> None:
    block = {"source": "avatars", "folder": "here", "train": 10, "test": 10, "seed": 0} | wrong
    with pytest.raises(InputError, match=f"data.faces.{key}"):
        params.parse(Settings, block, "data.faces")


# CelebA's files and a table of one's own

COUNT = 15
NAMES = [f"{i + 1:06d}.jpg" for i in range(COUNT)]
# As in CelebA, more attributes than are kept, in alphabetical order.
COLUMNS = sorted([*CELEBA, "Arched_Eyebrows", "Eyeglasses", "Young", *(f"Other_{i:02d}" for i in range(24))])
PARTS = [0] * 8 + [1] * 2 + [2] * 5


def holds(image: int, column: str) -> bool:
    return hashlib.sha256(f"{image} {column}".encode()).digest()[0] % 2 == 0


def photograph(image: int, size: tuple[int, int] = (178, 218)) -> bytes:
    """Of the grey level 15 x image in its central square, white above and below, or left and right."""
    width, height = size
    side = min(size)
    pixels = np.full((height, width, 3), 255, np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    pixels[top : top + side, left : left + side] = 15 * image
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png" if width > height else "jpeg", quality=98)
    return file.getvalue()


def label_lines() -> list[str]:
    rows = [f"{name} " + " ".join(f"{2 * holds(i, c) - 1:2d}" for c in COLUMNS) for i, name in enumerate(NAMES)]
    return [str(COUNT), " ".join(COLUMNS) + " ", *rows]


def write(folder: Path, archive: bool = False, partition: bool = True) -> Path:
    folder.mkdir()
    (folder / "list_attr_celeba.txt").write_text("\n".join(label_lines()) + "\n", encoding="utf-8")
    if partition:
        lines = [f"{name} {part}" for name, part in zip(NAMES, PARTS, strict=True)]
        (folder / "list_eval_partition.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if archive:
        with ZipFile(folder / "img_align_celeba.zip", "w") as file:
            for i, name in enumerate(NAMES):
                file.writestr(f"img_align_celeba/{name}", photograph(i))
    else:
        (folder / "img_align_celeba").mkdir()
        for i, name in enumerate(NAMES):
            (folder / "img_align_celeba" / name).write_bytes(photograph(i))
    return folder


def write_table(folder: Path) -> Path:
    """Images wider than high, some in a folder of their own."""
    (folder / "more").mkdir(parents=True)
    lines = ["file,Hat,Scarf"]
    for i in range(COUNT):
        name = f"{'more/' if i % 2 else ''}{i}.png"
        (folder / name).write_bytes(photograph(i, (90, 70)))
        lines.append(f"{name},{int(holds(i, 'Hat'))},{2 * holds(i, 'Scarf') - 1}")
    (folder / "attributes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def read(folder: Path, train: int = 8, test: int = 3, seed: int = 0) -> Splits:
    return faces.load(Settings(source="folder", folder=str(folder), train=train, test=test, seed=seed))


def assert_right(split: ImageSet, members: set[int]) -> None:
    assert set(split.originals.tolist()) <= members
    assert len(split.originals.unique()) == len(split)
    assert split.images.shape == (len(split), 3, 64, 64)
    assert split.kind == "attributes"
    for image, labels, number in zip(split.images, split.labels, split.originals.tolist(), strict=True):
        assert (image.int() - 15 * number).abs().max() <= 25  # JPEG blurs the edges a little
        assert labels.tolist() == [holds(number, name) for name in split.classes]


@pytest.mark.parametrize("archive", [False, True])
def test_celebas_files_are_split_by_their_partition(tmp_path: Path, archive: bool) -> None:
    train, test = read(write(tmp_path / "mine", archive), train=8, test=5)
    assert train.classes == test.classes == CELEBA
    assert train.source == "folder"
    assert_right(train, set(range(8)))
    assert_right(test, set(range(10, 15)))


def test_without_a_partition_every_fifth_image_is_for_the_test(tmp_path: Path) -> None:
    train, test = read(write(tmp_path / "mine", partition=False), train=12, test=3)
    assert_right(train, set(range(COUNT)) - {4, 9, 14})
    assert_right(test, {4, 9, 14})


def test_a_table_brings_its_own_attributes(tmp_path: Path) -> None:
    train, test = read(write_table(tmp_path / "mine"), train=12, test=3)
    assert train.classes == ("Hat", "Scarf")
    assert_right(train, set(range(COUNT)) - {4, 9, 14})
    assert_right(test, {4, 9, 14})


def test_fewer_images_than_there_are_is_a_seeded_random_choice(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    one, same, other = (read(folder, train=5, test=test, seed=seed)[0] for test, seed in ((3, 0), (2, 0), (3, 1)))
    assert torch.equal(one.images, same.images)
    assert not torch.equal(one.originals, other.originals)


def test_images_are_averaged_as_they_shrink(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    stripes = np.zeros((218, 178, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the pixels that they become
    for name in NAMES:
        Image.fromarray(stripes).save(folder / "img_align_celeba" / name, "png")
    train, _ = read(folder)
    assert train.images.float()[..., 4:-4].sub(127.5).abs().max() < 32


@pytest.mark.parametrize(("part", "there"), [("train", 8), ("test", 5)])
def test_more_images_than_there_are_is_refused_with_both_numbers(tmp_path: Path, part: str, there: int) -> None:
    with pytest.raises(InputError, match=rf"data\.faces\.{part}: .*the {there} of .*list_attr.*found 20"):
        read(write(tmp_path / "mine"), train=20 if part == "train" else 1, test=20 if part == "test" else 1)


def lines(file: str, change: Callable[[list[str]], list[str]]) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / file
        path.write_text("\n".join(change(path.read_text(encoding="utf-8").splitlines())), encoding="utf-8")

    return spoil


def content(file: str, change: Callable[[bytes], bytes]) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / file).write_bytes(change((folder / file).read_bytes()))

    return spoil


def gone(file: str) -> Spoil:
    return lambda folder: (folder / file).unlink()


def emptied(folder: Path) -> None:
    for path in (folder / "img_align_celeba").iterdir():
        path.unlink()
    (folder / "img_align_celeba").rmdir()


def wide(folder: Path) -> None:
    Image.fromarray(np.zeros((70, 70), np.uint16)).save(folder / "1.png")
    (folder / "1.png").rename(folder / IMAGE)


LABELS, PARTITION, IMAGE = "list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba/000003.jpg"
FAULTS: dict[str, tuple[Spoil, str, str]] = {
    "no labels": (gone(LABELS), "", "expected list_attr_celeba.txt or attributes.csv, found neither"),
    "no images": (emptied, "", "expected img_align_celeba/ or img_align_celeba.zip, found neither"),
    "missing image": (gone(IMAGE), IMAGE, "no such file, but list_attr_celeba.txt lists it"),
    "cut image": (content(IMAGE, lambda c: c[:300]), IMAGE, "expected an image"),
    "no image": (content(IMAGE, lambda _: b"hello"), IMAGE, "expected an image"),
    "sixteen bits": (wide, IMAGE, "8 bits for a colour.*I;16"),
    "wrong count": (lines(LABELS, lambda o: ["14", *o[1:]]), LABELS, "number of its images, 15, in line 1, found '14'"),
    "no count": (lines(LABELS, lambda o: o[1:]), LABELS, "number of its images"),
    "empty": (content(LABELS, lambda _: b""), LABELS, "number of its images"),
    "not text": (content(LABELS, lambda _: b"\xff\xfe\x00"), LABELS, "expected a text file"),
    "no Bangs": (lines(LABELS, lambda o: [o[0], o[1].replace("Bangs", "Fringe"), *o[2:]]), LABELS, "found no Bangs"),
    "short row": (lines(LABELS, lambda o: [*o[:-1], o[-1][:-3]]), LABELS, "40 values for 000015.jpg, found 39"),
    "wrong value": (lines(LABELS, lambda o: [*o[:-1], o[-1][:-2] + " 2"]), LABELS, "1, 0 or -1 .*found '2'"),
    "a name twice": (lines(LABELS, lambda o: [*o[:-1], o[-2]]), LABELS, "each image once, found 000014.jpg again"),
    "no part": (lines(PARTITION, lambda o: o[:-1]), PARTITION, "found none for 000015.jpg"),
    "wrong part": (lines(PARTITION, lambda o: ["000001.jpg 3", *o[1:]]), PARTITION, "line 1: .*found '000001.jpg 3'"),
}
ARCHIVE = "img_align_celeba.zip"
ARCHIVE_FAULTS: dict[str, tuple[Spoil, str, str]] = {
    "cut archive": (content(ARCHIVE, lambda c: c[: len(c) // 2]), ARCHIVE, "expected a sound .zip file"),
    "no archive": (content(ARCHIVE, lambda _: b"<html>"), ARCHIVE, "expected a sound .zip file"),
    "damaged member": (
        content(ARCHIVE, lambda c: c.replace(photograph(2), photograph(2)[::-1])),
        ARCHIVE,
        "000003.jpg",
    ),
    "missing member": (content(ARCHIVE, lambda c: c.replace(b"000003.jpg", b"000003.gif")), ARCHIVE, "000003.jpg"),
}
TABLE = "attributes.csv"
TABLE_FAULTS: dict[str, tuple[Spoil, str, str]] = {
    "no table": (gone(TABLE), "", "found neither"),
    "empty table": (content(TABLE, lambda _: b""), TABLE, "one or more of attributes, found ''"),
    "no attributes": (lines(TABLE, lambda o: [r.split(",")[0] for r in o]), TABLE, "of attributes, found 'file'"),
    "no rows": (lines(TABLE, lambda o: o[:1]), TABLE, "expected images, found none"),
    "an attribute twice": (lines(TABLE, lambda o: ["file,Hat,Hat", *o[1:]]), TABLE, "found Hat twice"),
    "a name twice": (lines(TABLE, lambda o: [*o, o[-1]]), TABLE, "each image once, found 14.png again"),
    "wrong value": (lines(TABLE, lambda o: [*o[:-1], "14.png,maybe,1"]), TABLE, "for 14.png, found 'maybe'"),
    "long row": (lines(TABLE, lambda o: [*o[:-1], "14.png,1,1,1"]), TABLE, "2 values for 14.png, found 3"),
    "not text": (content(TABLE, lambda _: b"\xff\xfe\x00"), TABLE, "expected a text file"),
    "missing image": (gone("more/3.png"), "more/3.png", "no such file, but attributes.csv lists it"),
}


def assert_refused(folder: Path, fault: tuple[Spoil, str, str], train: int, test: int) -> None:
    spoil, file, words = fault
    spoil(folder)
    with pytest.raises(InputError, match=words) as caught:
        read(folder, train, test)
    assert str(caught.value).startswith(f"{folder / file}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_celebas_files_is_named(tmp_path: Path, fault: str) -> None:
    assert_refused(write(tmp_path / "mine"), FAULTS[fault], 8, 5)


@pytest.mark.parametrize("fault", ARCHIVE_FAULTS)
def test_a_fault_in_the_archive_is_named(tmp_path: Path, fault: str) -> None:
    assert_refused(write(tmp_path / "mine", archive=True), ARCHIVE_FAULTS[fault], 8, 5)


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_a_fault_in_a_table_is_named(tmp_path: Path, fault: str) -> None:
    assert_refused(write_table(tmp_path / "mine"), TABLE_FAULTS[fault], 12, 3)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such folder; data\.faces\.folder") as caught:
        read(tmp_path / "nowhere")
    assert str(caught.value).startswith(str(tmp_path / "nowhere"))


# The download


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with CelebA's files, which a server gives as Google Drive would."""
    folder = write(tmp_path / "served", archive=True)
    listed = []
    for name in (ARCHIVE, LABELS, PARTITION):
        listed.append((name, hashlib.md5((folder / name).read_bytes()).hexdigest(), name))
    monkeypatch.setattr(CelebA, "file_list", listed)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as http:
        monkeypatch.setattr(faces, "_DRIVE", f"http://127.0.0.1:{http.server_port}/{{}}")
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder
        http.shutdown()
        thread.join()


def download(raw: Path) -> Splits:
    return faces.load(Settings(source="celeba", train=8, test=5, seed=0), raw)


def test_celeba_is_downloaded_once(served: Path, tmp_path: Path) -> None:
    train, test = download(tmp_path / "raw")
    assert_right(train, set(range(8)))
    assert_right(test, set(range(10, 15)))
    assert train.source == "celeba"
    for path in served.glob("*.*"):
        path.unlink()
    assert torch.equal(download(tmp_path / "raw")[0].images, train.images)


def test_a_page_instead_of_the_archive_is_one_clear_line(served: Path, tmp_path: Path) -> None:
    (served / ARCHIVE).write_text("<html>Too many users have viewed or downloaded this file recently</html>")
    with pytest.raises(InputError, match="wrong checksum") as caught:
        download(tmp_path / "raw")
    message = str(caught.value)
    assert "\n" not in message
    assert "data.faces.source: avatars needs no download" in message
    assert "data.faces.folder" in message
    assert not (tmp_path / "raw" / "celeba" / ARCHIVE).exists()


def test_celebas_attributes_and_files_are_those_of_torchvision() -> None:
    assert {ARCHIVE, LABELS, PARTITION} <= {name for _, _, name in CelebA.file_list}
    assert list(CELEBA) == sorted(set(CELEBA))
    assert len(CELEBA) == 13
