"""The role `faces`: 64x64 colour images of faces, each with attributes that hold or not.

The embedded source draws faces from the parts of python-avatars (Avataaars by Pablo Stanley). `celeba` is downloaded
(Liu et al., "Deep Learning Face Attributes in the Wild", 2015); `folder` reads the same files, or images with a table.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from pipeline.console.progress import progress
from pipeline.contracts.images import ImageSet, Layout
from pipeline.data.reading.download import fetch
from pipeline.ground.errors import InputError
from pipeline.ground.params import Count, Seed, Strict
from pipeline.ground.seeding import derive, generator
from pipeline.renderers.faces.avatars import draw
from pipeline.renderers.faces.features import ATTRIBUTES, Faces, attributes, choose, numbers
from pipeline.renderers.faces.portrait import SIZE

Part = Literal["train", "test"]
Read = Callable[[str], Tensor]  # an image by its name
# The 13 of CelebA's 40 attributes that are used.
CELEBA = (
    "Bangs",
    "Big_Lips",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Lipstick",
)
LAYOUT = Layout((3, SIZE, SIZE), ATTRIBUTES, "attributes")
_CPU = torch.device("cpu")
_IMAGES, _LABELS, _PARTITION, _TABLE = (
    "img_align_celeba",
    "list_attr_celeba.txt",
    "list_eval_partition.txt",
    "attributes.csv",
)
# `confirm` stands for the click on the page that says that a large file was not scanned for viruses.
_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id={}"


class Settings(Strict):
    """Where the images come from and how many.

    folder: of the images and their attributes, for the source `folder` only. train, test: images. seed: of the drawing
    (avatars) or of the choice among the images there are (other sources); never of the split into train and test.
    """

    source: Literal["avatars", "celeba", "folder"]
    folder: str = "data/raw/faces"
    train: Count
    test: Count
    seed: Seed = 0


def load(settings: Settings, raw: Path = Path("data/raw")) -> tuple[ImageSet, ImageSet]:
    """The train and test images, (N, 3, 64, 64), in random order, with labels (N, K) of which any may hold.

    No face is in both. Each split depends on its own size and the seed only. It shows its progress. Downloads go to
    `raw/celeba/`. Raises InputError when a download fails, or a file is missing, damaged or has too few images.
    """
    total = settings.train + settings.test
    with progress("prepare") as bar:

        def show(done: int) -> None:
            bar("faces", done, total, {})

        if settings.source == "avatars":
            return _embedded(settings, show)
        if settings.source == "celeba":
            return _celeba(_downloaded(raw / "celeba"), settings, show)
        return _folder(Path(settings.folder), settings, show)


# The embedded source


def _embedded(settings: Settings, show: Callable[[int], None]) -> tuple[ImageSet, ImageSet]:
    def split(part: Part, count: int, before: int) -> ImageSet:
        random = generator(_CPU, "faces", part, settings.seed)
        faces = _of_side(part, count, random)
        images = draw(faces, random, lambda done: show(before + done))
        return ImageSet(images, attributes(faces), numbers(faces), ATTRIBUTES, kind=LAYOUT.kind, source=settings.source)

    return split("train", settings.train, 0), split("test", settings.test, settings.train)


def _of_side(part: Part, count: int, random: torch.Generator) -> Faces[Tensor]:
    """Faces at random among those of a side: a hash of a face's number puts every other one on the test's side."""
    found = Faces(*torch.empty(len(Faces._fields), 0, dtype=torch.int64))
    while len(found.cut) < count:
        drawn = choose(count, random)
        tested = torch.tensor([derive("faces", number) % 2 == 1 for number in numbers(drawn).tolist()])
        here = (tested == (part == "test")).nonzero()[:, 0]
        found = Faces(*(torch.cat([old, new[here]]) for old, new in zip(found, drawn, strict=True)))
    return Faces(*(slot[:count] for slot in found))


# Photographs


@dataclass(frozen=True)
class Table:
    """Images by name with labels (N, K) uint8, as the file `path` lists them."""

    path: Path
    classes: tuple[str, ...]
    names: Sequence[str]
    labels: Tensor


def _downloaded(folder: Path) -> Path:
    """CelebA's files in `folder`; the large one, 1.4 GB, comes last."""
    from torchvision.datasets import CelebA  # slow, and the other sources do without

    listed = {name: (drive, md5) for drive, md5, name in CelebA.file_list}
    for name in (_LABELS, _PARTITION, f"{_IMAGES}.zip"):
        drive, md5 = listed[name]
        fetch(
            [_DRIVE.format(drive)],
            f"md5:{md5}",
            folder / name,
            embedded="data.faces.source: avatars",
            folder="data.faces.source: folder with data.faces.folder",
        )
    return folder


def _folder(folder: Path, settings: Settings, show: Callable[[int], None]) -> tuple[ImageSet, ImageSet]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; data.faces.folder names one with {_LABELS} or {_TABLE}")
    if (folder / _LABELS).exists():
        return _celeba(folder, settings, show)
    if not (folder / _TABLE).exists():
        raise InputError(f"{folder}: expected {_LABELS} or {_TABLE}, found neither")
    table = _csv(folder / _TABLE)
    return _splits(table, None, lambda name: _picture(folder / name, table.path), settings, show)


def _celeba(folder: Path, settings: Settings, show: Callable[[int], None]) -> tuple[ImageSet, ImageSet]:
    table = _listed(folder / _LABELS)
    path = folder / _PARTITION
    partition = _parts(path) if path.exists() else None
    if partition is not None:
        for name in table.names:
            if name not in partition:
                raise InputError(f"{path}: expected a line for each image of {_LABELS}, found none for {name}")
    with _reader(folder, table.path) as read:
        return _splits(table, partition, read, settings, show)


def _splits(
    table: Table, partition: dict[str, str] | None, read: Read, settings: Settings, show: Callable[[int], None]
) -> tuple[ImageSet, ImageSet]:
    """Images chosen at random: of the parts 0 and 2 of a partition, else every fifth image is for the test."""

    def side(index: int, name: str) -> str:
        return partition[name] if partition is not None else "2" if index % 5 == 4 else "0"

    def split(part: Part, count: int, before: int) -> ImageSet:
        wanted = "0" if part == "train" else "2"
        there = torch.tensor([i for i, name in enumerate(table.names) if side(i, name) == wanted], dtype=torch.int64)
        if len(there) < count:
            found = f"{len(there)} of {table.path} that are for it"
            raise InputError(f"data.faces.{part}: expected at most the {found}, found {count}")
        random = generator(_CPU, "faces", part, settings.seed)
        index = there[torch.randperm(len(there), generator=random)[:count]]
        images = torch.empty(count, 3, SIZE, SIZE, dtype=torch.uint8)
        with ThreadPoolExecutor() as readers:
            for i, image in enumerate(readers.map(lambda each: read(table.names[each]), index.tolist())):
                images[i] = image
                show(before + i + 1)
        return ImageSet(images, table.labels[index], index, table.classes, kind=LAYOUT.kind, source=settings.source)

    return split("train", settings.train, 0), split("test", settings.test, settings.train)


@contextmanager
def _reader(folder: Path, listed: Path) -> Iterator[Read]:
    """CelebA's images, out of their folder or their archive."""
    if (folder / _IMAGES).is_dir():
        yield lambda name: _picture(folder / _IMAGES / name, listed)
        return
    path = folder / f"{_IMAGES}.zip"
    if not path.exists():
        raise InputError(f"{folder}: expected {_IMAGES}/ or {path.name}, found neither")
    try:
        archive = ZipFile(path)
    except (OSError, BadZipFile) as error:
        raise InputError(f"{path}: expected a sound .zip file, found otherwise ({_line(error)})") from None

    def read(name: str) -> Tensor:
        try:
            content = archive.read(f"{_IMAGES}/{name}")
        except KeyError:
            raise InputError(f"{path}: expected {_IMAGES}/{name}, which {listed.name} lists, found none") from None
        except Exception as error:  # whatever a damaged file makes zipfile and zlib raise
            raise InputError(f"{path}: {name}: expected a sound file, found otherwise ({_line(error)})") from None
        return _square(io.BytesIO(content), f"{path}: {name}")

    with archive:
        yield read


def _picture(path: Path, listed: Path) -> Tensor:
    if not path.is_file():
        raise InputError(f"{path}: no such file, but {listed.name} lists it")
    return _square(path, str(path))


def _square(file: Path | io.BytesIO, place: str) -> Tensor:
    """(3, 64, 64): the largest square in the middle, resized by PIL's bicubic filter, which averages as it shrinks."""
    try:
        with Image.open(file) as image:
            if image.mode.startswith(("I", "F")):
                raise ValueError(f"more than 8 bits for a colour, mode {image.mode}")
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except Exception as error:  # whatever a foreign file makes Pillow raise
        raise InputError(
            f"{place}: expected an image with 8 bits for a colour, found otherwise ({_line(error)})"
        ) from None
    fitted = ImageOps.fit(upright, (SIZE, SIZE), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(fitted)).permute(2, 0, 1)


def _listed(path: Path) -> Table:
    """CelebA's labels: the number of images, the attributes, then a line for each image."""
    lines = _text(path).splitlines()
    head = lines[0].strip() if lines else ""
    rows = [line.split() for line in lines[2:] if line.strip()]
    if not head.isdecimal() or int(head) != len(rows):
        raise InputError(f"{path}: expected the number of its images, {len(rows)}, in line 1, found {head[:40]!r}")
    classes = lines[1].split() if rows else []
    missing = [name for name in CELEBA if name not in classes]
    if missing:
        raise InputError(f"{path}: expected CelebA's attributes in line 2, found no {missing[0]}")
    return _table(path, classes, rows, CELEBA)


def _parts(path: Path) -> dict[str, str]:
    """Of each image by name: 0 for training, 1 for validation, which is not used here, 2 for the test."""
    rows = [line.split() for line in _text(path).splitlines() if line.strip()]
    for number, row in enumerate(rows, 1):
        if len(row) != 2 or row[1] not in ("0", "1", "2"):
            raise InputError(f"{path}: line {number}: expected an image and 0, 1 or 2, found {' '.join(row)[:40]!r}")
    return dict(rows)


def _csv(path: Path) -> Table:
    """A table of the user's own: the images' names in its first column, an attribute in each other."""
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(_text(path), newline="")) if row]
    except csv.Error as error:
        raise InputError(f"{path}: expected a table of comma-separated values, found otherwise ({error})") from None
    head = rows[0] if rows else []
    classes = head[1:]
    if not classes or not all(classes):
        found = ",".join(head)[:60]
        raise InputError(f"{path}: expected a column of names and one or more of attributes, found {found!r}")
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise InputError(f"{path}: expected different attributes, found {twice} twice")
    if len(rows) == 1:
        raise InputError(f"{path}: expected images, found none")
    return _table(path, classes, rows[1:], tuple(classes))


def _table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]], kept: tuple[str, ...]) -> Table:
    """Of rows of a name and a value for each of `columns`, those `kept`."""
    seen = set()
    values = {"1": 1, "0": 0, "-1": 0}
    at = [columns.index(name) for name in kept]
    labels = []
    for name, *cells in rows:
        if len(cells) != len(columns):
            raise InputError(f"{path}: expected {len(columns)} values for {name}, found {len(cells)}")
        wrong = [cell for cell in cells if cell not in values]
        if wrong:
            raise InputError(f"{path}: expected 1, 0 or -1 for {name}, found {wrong[0][:40]!r}")
        if name in seen:
            raise InputError(f"{path}: expected each image once, found {name} again")
        seen.add(name)
        labels.append([values[cells[i]] for i in at])
    return Table(path, kept, [row[0] for row in rows], torch.tensor(labels, dtype=torch.uint8))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a text file, found otherwise ({_line(error)})") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
