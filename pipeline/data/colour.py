"""The role `colour`: 32x32 images in red, green and blue, of ten classes (the user's own: of two or more).

The embedded source paints house numbers, like those of SVHN, from the 1,797 handwritten 8x8 digits that come with
scikit-learn (Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998). `svhn` and `cifar10` are
downloaded (Netzer et al., 2011; Krizhevsky, 2009). `folder` reads image files of any size and kind, sorted by class.
"""

import tarfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from pipeline.contracts.images import ImageSet, Layout
from pipeline.data.reading import handwritten, pictures
from pipeline.data.reading.download import fetch
from pipeline.data.reading.places import named, within
from pipeline.ground.errors import InputError
from pipeline.ground.params import Count, Seed, Strict
from pipeline.ground.seeding import generator
from pipeline.renderers.colour.houses import SIZE, paint, split

DIGITS = tuple("0123456789")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".tif", ".tiff", ".webp")
LAYOUT = Layout((3, SIZE, SIZE), DIGITS, "classes")
_CPU = torch.device("cpu")
_TESTS = ("test", "val", "valid", "validation")  # folders for the test, the first that is there
_KNOWN = "known are a folder for each class, and such folders in train/ and in test/, val/ or valid/"

# The edition in plain bytes: torchvision's is in pickles, which could run code when they are read.
_CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_CIFAR10_CHECKSUM = "md5:c32a1d4ab5d03f1284b67883e8d87530"
_CIFAR10_TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
_CIFAR10_TEST = ("test_batch.bin",)
_CIFAR10_CLASSES = "batches.meta.txt"


class Settings(Strict):
    """Where the images come from and how many.

    folder: of the class folders, for the source `folder` only. train, test: images. seed: of the painting
    (street_digits) or of the choice among the images there are (other sources); never of the split into train and test.
    """

    source: Literal["street_digits", "svhn", "cifar10", "folder"]
    folder: str = "data/raw/colour"
    train: Count
    test: Count
    seed: Seed = 0


def load(settings: Settings, raw: Path = Path("data/raw")) -> tuple[ImageSet, ImageSet]:
    """The train and test images, (N, 3, 32, 32), with exclusive labels (N, K).

    No original has images in both. Each split depends on its own size and the seed only. Downloads go to
    `raw/<source>/`. Raises InputError when a download fails, or a file is missing, damaged or has too few images.
    """
    if settings.source == "street_digits":
        return _embedded(settings)
    if settings.source == "folder":
        return _folder(settings, Path(settings.folder))
    return _svhn(settings, raw / "svhn") if settings.source == "svhn" else _cifar10(settings, raw / "cifar10")


def _embedded(settings: Settings) -> tuple[ImageSet, ImageSet]:
    originals, targets = handwritten.digits()

    def draw(members: Tensor, count: int, part: str) -> ImageSet:
        random = generator(_CPU, "colour", part, settings.seed)
        rounds = -(-count // len(members))
        order = torch.cat([torch.randperm(len(members), generator=random) for _ in range(rounds)])
        index = members[order[:count]]
        # Of the same side: no test digit shows at a train image's edge, nor the other way round.
        neighbours = members[torch.randint(len(members), (count, 2), generator=random)]
        images = paint(originals[index], originals[neighbours], random)
        return _labelled(images, targets[index], index, DIGITS, settings)

    train, test = split(targets)
    return draw(train, settings.train, "train"), draw(test, settings.test, "test")


def _svhn(settings: Settings, folder: Path) -> tuple[ImageSet, ImageSet]:
    from torchvision.datasets import SVHN  # slow, and the other sources do without

    def read(part: Literal["train", "test"], first: int) -> tuple[ImageSet, int]:
        """Images chosen at random, and how many there are; the originals are numbered from `first`."""
        url, name, md5 = SVHN.split_list[part]
        path = _fetch(url, f"md5:{md5}", folder / name)
        images, targets = _matlab(path)
        index = _choice(len(images), part, str(path), settings)
        return _labelled(images[index], targets[index], first + index, DIGITS, settings), len(images)

    train, total = read("train", 0)
    test, _ = read("test", total)
    return train, test


def _matlab(path: Path) -> tuple[Tensor, Tensor]:
    """The images (N, 3, 32, 32), a view, and the classes (N,) of a file of SVHN's, in which 10 stands for 0."""
    from scipy.io import loadmat  # slow, and the other sources do without

    try:
        content: dict[str, Any] = loadmat(path, variable_names=["X", "y"])
    except Exception as error:  # whatever a damaged file makes scipy raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: expected a sound MATLAB file, found otherwise ({reason})") from None
    missing = [name for name in ("X", "y") if name not in content]
    if missing:
        raise InputError(f"{path}: expected the variables X and y, found no {' and no '.join(missing)}")
    images, targets = content["X"], content["y"]
    if images.ndim != 4 or images.shape[:3] != (SIZE, SIZE, 3) or images.dtype != np.uint8:
        raise InputError(f"{path}: expected X of 32 x 32 x 3 x N bytes, found {_size(images)} of {images.dtype}")
    if targets.shape != (images.shape[3], 1):
        raise InputError(f"{path}: expected y of {images.shape[3]} x 1, as many as images, found {_size(targets)}")
    outside = targets[~np.isin(targets, range(1, 11))]
    if outside.size:
        raise InputError(f"{path}: expected labels from 1 to 10 in y, found {outside[0]}")
    return torch.from_numpy(images).permute(3, 2, 0, 1), torch.from_numpy(targets[:, 0].astype(np.int64)) % 10


def _cifar10(settings: Settings, folder: Path) -> tuple[ImageSet, ImageSet]:
    path = _fetch(_CIFAR10_URL, _CIFAR10_CHECKSUM, folder / _CIFAR10_URL.rpartition("/")[2])
    members = _members(path, (*_CIFAR10_TRAIN, *_CIFAR10_TEST, _CIFAR10_CLASSES))
    classes = tuple(members[_CIFAR10_CLASSES].decode("ascii", "replace").split())
    if len(classes) != 10:
        raise InputError(f"{path}: {_CIFAR10_CLASSES}: expected 10 class names, found {len(classes)}")

    def read(names: tuple[str, ...], part: Literal["train", "test"], first: int) -> tuple[ImageSet, int]:
        """Images chosen at random, and how many there are; the originals are numbered from `first`."""
        records = torch.cat([_records(path, name, members[name]) for name in names])
        index = _choice(len(records), part, str(path), settings)
        chosen = records[index]
        images = chosen[:, 1:].reshape(-1, 3, SIZE, SIZE)  # a whole plane of red, then of green, then of blue
        return _labelled(images, chosen[:, 0], first + index, classes, settings), len(records)

    train, total = read(_CIFAR10_TRAIN, "train", 0)
    test, _ = read(_CIFAR10_TEST, "test", total)
    return train, test


def _members(path: Path, names: tuple[str, ...]) -> dict[str, bytearray]:
    """The files of these names in a .tar.gz, read without unpacking any."""
    found = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                file = archive.extractfile(member) if name in names else None
                if file:
                    found[name] = bytearray(file.read())  # torch warns of memory that it cannot write to
    except Exception as error:  # whatever a damaged file makes tarfile, gzip and zlib raise
        raise InputError(f"{path}: expected a sound .tar.gz file, found otherwise ({error})") from None
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(f"{path}: expected {', '.join(names)}, found no {missing[0]}")
    return found


def _records(path: Path, name: str, content: bytearray) -> Tensor:
    """(N, 1 + 3072) uint8: a class and an image each."""
    length = 1 + 3 * SIZE * SIZE
    if not content or len(content) % length:
        raise InputError(f"{path}: {name}: expected records of {length} bytes, found {len(content)} bytes in all")
    records = torch.frombuffer(content, dtype=torch.uint8).view(-1, length)
    if (records[:, 0] > 9).any():
        raise InputError(f"{path}: {name}: expected labels from 0 to 9, found {int(records[:, 0].max())}")
    return records


def _folder(settings: Settings, folder: Path) -> tuple[ImageSet, ImageSet]:
    """The user's own images: a folder for each class, or such folders in train/ and in test/, val/ or valid/.

    Without folders for the test, every fifth file of each class, sorted by name, is for it.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder; data.colour.folder names one with a folder of images for each class"
        )
    place = folder / "train" if (folder / "train").is_dir() else folder
    tests = [folder / name for name in _TESTS if (folder / name).is_dir()] if place != folder else []
    if tests:
        train, test = _listed(place, folder), _listed(tests[0], folder)
        if list(train) != list(test):
            name = min(train.keys() ^ test.keys())
            there, lacking = (place, tests[0]) if name in train else (tests[0], place)
            raise InputError(f"{lacking}: expected the class folders of {there.name}/, found no {name}")
    else:
        every = _listed(place, folder)
        for name, files in every.items():
            if len(files) < 5:
                wanted = "at least 5 images, as every fifth is for the test"
                raise InputError(f"{place / name}: expected {wanted}, found {len(files)}")
        test = {name: files[4::5] for name, files in every.items()}
        train = {name: [file for i, file in enumerate(files) if i % 5 != 4] for name, files in every.items()}

    def read(classes: dict[str, list[Path]], part: Literal["train", "test"], first: int) -> ImageSet:
        """Images chosen at random; the originals are numbered from `first`, class by class."""
        files = [file for each in classes.values() for file in each]
        targets = torch.tensor([i for i, each in enumerate(classes.values()) for _ in each])
        index = _choice(len(files), part, str(folder), settings)
        images = torch.stack([_image(within(folder, files[i])) for i in index.tolist()])
        return _labelled(images, targets[index], first + index, tuple(classes), settings)

    return read(train, "train", 0), read(test, "test", sum(map(len, train.values())))


def _listed(place: Path, folder: Path) -> dict[str, list[Path]]:
    """The image files of each class folder in `place`, both sorted by name; hidden ones and other files are passed
    over. folder: that everything is to lie in.
    """
    inside = (path for path in within(folder, place).iterdir() if not path.name.startswith("."))
    folders = sorted(path for path in inside if path.is_dir() and named(place, path.name))
    if len(folders) < 2:
        found = f"only {folders[0].name}" if folders else "none"
        wanted = "a folder of images for each of two classes or more"
        raise InputError(f"{place}: expected {wanted}, found {found}; {_KNOWN}")
    listed = {}
    for each in folders:
        files = sorted(path for path in within(folder, each).iterdir() if not path.name.startswith("."))
        listed[each.name] = [path for path in files if path.suffix.lower() in SUFFIXES]
        if not listed[each.name]:
            raise InputError(f"{each}: expected images ({' '.join(SUFFIXES)}), found none; {_KNOWN}")
    return listed


def _image(path: Path) -> Tensor:
    """(3, 32, 32) of a file: turned as its camera says, put on white where transparent, cropped, resized.

    The crop is the largest square in the middle. Smaller and larger squares are resized, antialiased bicubic.
    """

    def become(file: Image.Image) -> Image.Image:
        image = ImageOps.exif_transpose(file)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side))
        return square if side == SIZE else square.resize((SIZE, SIZE), Image.Resampling.BICUBIC)

    return pictures.read(path, str(path), become)


def _fetch(url: str, checksum: str, path: Path) -> Path:
    return fetch(
        [url],
        checksum,
        path,
        embedded="data.colour.source: street_digits",
        folder="data.colour.source: folder with data.colour.folder",
    )


def _choice(total: int, part: Literal["train", "test"], place: str, settings: Settings) -> Tensor:
    """Indices of the images of a split, at random, each at most once."""
    count = settings.train if part == "train" else settings.test
    if total < count:
        raise InputError(f"data.colour.{part}: expected at most the {total} of {place}, found {count}")
    return torch.randperm(total, generator=generator(_CPU, "colour", part, settings.seed))[:count]


def _labelled(
    images: Tensor, targets: Tensor, originals: Tensor, classes: tuple[str, ...], settings: Settings
) -> ImageSet:
    labels = F.one_hot(targets.long(), len(classes)).to(torch.uint8)
    return ImageSet(images.contiguous(), labels, originals, classes, kind=LAYOUT.kind, source=settings.source)


def _size(array: np.ndarray[Any, Any]) -> str:
    return " x ".join(map(str, array.shape))
