"""The role `faces`: 64x64 colour images of faces, each with attributes that hold or not.

The embedded source draws faces from the parts of python-avatars (Avataaars by Pablo Stanley). `celeba` is downloaded
(Liu et al., "Deep Learning Face Attributes in the Wild", 2015); `folder` reads the same files, or images with a table.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from PIL import Image, ImageOps
from torch import Tensor

from pipeline.console.progress import progress
from pipeline.contracts.images import ImageSet, Layout
from pipeline.data.reading import archive, pictures
from pipeline.data.reading import attributes as tables
from pipeline.data.reading.attributes import Table
from pipeline.data.reading.download import fetch
from pipeline.data.reading.places import within
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
_IMAGES, _LABELS, _PARTITION = "img_align_celeba", "list_attr_celeba", "list_eval_partition"
_TABLE = "attributes.csv"
_KNOWN = (
    f"known are CelebA's own files ({_LABELS}.txt and {_IMAGES}/, or Anno/, Eval/ and Img/), Kaggle's ({_LABELS}.csv), "
    f"and images with a table {_TABLE}"
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
    files = _downloaded(raw / "celeba") if settings.source == "celeba" else None
    with progress("prepare") as bar:

        def show(done: int) -> None:
            bar("faces", done, total, {})

        if settings.source == "avatars":
            return _embedded(settings, show)
        return _celeba(files, settings, show) if files else _folder(Path(settings.folder), settings, show)


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
class CelebA:
    """CelebA's files. images: a folder, or an archive."""

    labels: Path
    partition: Path | None
    images: Path


def _downloaded(folder: Path) -> CelebA:
    """CelebA's files in `folder`; the large one, 1.4 GB, comes last."""
    from torchvision import datasets  # slow, and the other sources do without

    listed = {name: (drive, md5) for drive, md5, name in datasets.CelebA.file_list}

    def download(name: str) -> Path:
        drive, md5 = listed[name]
        return fetch(
            [_DRIVE.format(drive)],
            f"md5:{md5}",
            folder / name,
            embedded="data.faces.source: avatars",
            folder="data.faces.source: folder with data.faces.folder",
        )

    return CelebA(download(f"{_LABELS}.txt"), download(f"{_PARTITION}.txt"), download(f"{_IMAGES}.zip"))


def _folder(folder: Path, settings: Settings, show: Callable[[int], None]) -> tuple[ImageSet, ImageSet]:
    """CelebA's images or the user's own, in any of the known layouts."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; data.faces.folder names one of faces; {_KNOWN}")
    if labels := _there(folder, "Anno", f"{_LABELS}.txt", f"{_LABELS}.csv"):
        images = _there(folder, "Img", _IMAGES, f"{_IMAGES}.zip")
        if images is None:
            raise InputError(f"{folder}: expected {_IMAGES}/ or {_IMAGES}.zip, found neither; {_KNOWN}")
        partition = _there(folder, "Eval", f"{_PARTITION}.txt", f"{_PARTITION}.csv")
        return _celeba(CelebA(labels, partition, images), settings, show)
    path = folder / _TABLE
    if not path.exists():
        raise InputError(f"{folder}: expected {_LABELS}.txt or {_TABLE}, found neither; {_KNOWN}")
    table = tables.table(within(folder, path))
    return _splits(table, None, lambda name: _picture(folder, folder / name, path), settings, show)


def _there(folder: Path, subfolder: str, *names: str) -> Path | None:
    """The first of these that is there, in `folder` or, as in CelebA's own tree, in its subfolder."""
    paths = (place / name for place in (folder, folder / subfolder) for name in names)
    return next((within(folder, path) for path in paths if path.exists()), None)


def _celeba(files: CelebA, settings: Settings, show: Callable[[int], None]) -> tuple[ImageSet, ImageSet]:
    table = tables.celeba(files.labels, CELEBA)
    partition = tables.partition(files.partition) if files.partition else None
    if partition is not None:
        for name in table.names:
            if name not in partition:
                wanted = f"a line for each image of {files.labels.name}"
                raise InputError(f"{files.partition}: expected {wanted}, found none for {name}")
    with _reader(files.images, table) as read:
        return _splits(table, partition, read, settings, show)


def _splits(
    table: Table, partition: Mapping[str, str] | None, read: Read, settings: Settings, show: Callable[[int], None]
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
def _reader(path: Path, table: Table) -> Iterator[Read]:
    """CelebA's images, out of their folder or their archive; either may hold another folder of the same name."""
    if path.is_dir():
        place = path / _IMAGES if (path / _IMAGES).is_dir() else path
        yield lambda name: _picture(path, place / name, table.path)
        return
    with archive.opened(path) as file:
        starts = (f"{_IMAGES}/", f"{_IMAGES}/{_IMAGES}/", "")
        start = next((each for each in starts if any(each + name in file.names for name in table.names)), starts[0])

        def read(name: str) -> Tensor:
            if start + name not in file.names:
                raise InputError(f"{path}: expected {start}{name}, which {table.path.name} lists, found none")
            return pictures.read(file.read(start + name), f"{path}: {name}", _square)

        yield read


def _picture(folder: Path, path: Path, listed: Path) -> Tensor:
    if not within(folder, path).is_file():
        raise InputError(f"{path}: no such file, but {listed.name} lists it")
    return pictures.read(path, str(path), _square)


def _square(image: Image.Image) -> Image.Image:
    """The largest square in the middle, 64x64, resized by PIL's bicubic filter, which averages as it shrinks."""
    upright = ImageOps.exif_transpose(image).convert("RGB")
    return ImageOps.fit(upright, (SIZE, SIZE), Image.Resampling.BICUBIC)
