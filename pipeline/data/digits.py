"""The role `digits`: grey 28x28 images of ten classes (the user's own: of two or more).

The embedded source draws MNIST-like digits from the 1,797 handwritten 8x8 digits that come with scikit-learn (Alpaydin
and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998). The others read files in MNIST's format; `folder`
reads also EMNIST's files, and tables of pixels as Kaggle has them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.contracts.images import ImageSet, Layout
from pipeline.data.reading import attributes, emnist, handwritten, idx, pixels
from pipeline.data.reading.download import fetch
from pipeline.data.reading.places import named, within
from pipeline.ground.errors import InputError
from pipeline.ground.params import Count, Seed, Strict
from pipeline.ground.seeding import generator
from pipeline.renderers.digits.variants import SIZE, handwrite, split

Part = Literal["train", "test"]
CLASSES = tuple("0123456789")
LAYOUT = Layout((1, SIZE, SIZE), CLASSES, "classes")
_CPU = torch.device("cpu")
_NAMES = "classes.txt"  # of the user's own: the class of label 0 in the first line, and so on
_TABLE = "train.csv"
_FOUR = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
_KNOWN = (
    f"known are MNIST's four IDX files ({_FOUR[0]} and so on), EMNIST's (emnist-letters-{_FOUR[0]} and so on) "
    f"and Kaggle's {_TABLE}"
)


class Settings(Strict):
    """Where the images come from and how many.

    folder: of the images and labels, for the source `folder` only. train, test: images. seed: of the deformations
    (digits8x8) or of the choice among the images there are (other sources); never of the split into train and test.
    """

    source: Literal["digits8x8", "mnist", "fashion_mnist", "folder"]
    folder: str = "data/raw/digits"
    train: Count
    test: Count
    seed: Seed = 0


def load(settings: Settings, raw: Path = Path("data/raw")) -> tuple[ImageSet, ImageSet]:
    """The train and test images, (N, 1, 28, 28), with exclusive labels (N, K).

    No original has images in both. Each split depends on its own size and the seed only. Downloads go to
    `raw/<source>/`. Raises InputError when a download fails, or a file is missing, damaged or has too few images.
    """
    if settings.source == "digits8x8":
        return _embedded(settings)
    if settings.source == "folder":
        return _folder(settings, Path(settings.folder))

    from torchvision.datasets import MNIST, FashionMNIST  # slow, and the other sources do without

    dataset = MNIST if settings.source == "mnist" else FashionMNIST
    folder = raw / settings.source
    for name, md5 in dataset.resources:
        fetch(
            [mirror + name for mirror in dataset.mirrors],
            f"md5:{md5}",
            folder / name,
            embedded="data.digits.source: digits8x8",
            folder="data.digits.source: folder with data.digits.folder",
        )
    classes = CLASSES if settings.source == "mnist" else tuple(FashionMNIST.classes)
    train, test = (_pair(lambda name: idx.find(folder, name), prefix) for prefix in ("train", "t10k"))
    return _splits(train, test, dict(enumerate(classes)), settings)


def _embedded(settings: Settings) -> tuple[ImageSet, ImageSet]:
    originals, targets = handwritten.digits()

    def draw(members: Tensor, count: int, part: str) -> ImageSet:
        random = generator(_CPU, "digits", part, settings.seed)
        rounds = -(-count // len(members))
        order = torch.cat([torch.randperm(len(members), generator=random) for _ in range(rounds)])
        index = members[order[:count]]
        return _labelled(handwrite(originals[index], random), targets[index], index, CLASSES, settings)

    train, test = split(targets)
    return draw(train, settings.train, "train"), draw(test, settings.test, "test")


# Files


@dataclass(frozen=True)
class Images:
    """All images (N, 28, 28) uint8 of a file, and their labels (N,) uint8. Both files are for messages."""

    images: Tensor
    targets: Tensor
    path: Path
    targets_path: Path


def _folder(settings: Settings, folder: Path) -> tuple[ImageSet, ImageSet]:
    """The user's own images, in any of the known layouts."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; data.digits.folder names one of images and labels; {_KNOWN}")

    def find(name: str) -> Path:
        return within(folder, idx.find(folder, name))

    if any(idx.there(folder, name) for name in _FOUR):
        return _splits(_pair(find, "train"), _pair(find, "t10k"), _names(folder), settings, folder / _NAMES)
    if sets := emnist.sets(folder):
        name = _only(folder, sets, "EMNIST's sets")
        train, test = (_upright(_pair(find, f"{name}-{part}")) for part in ("train", "test"))
        return _splits(train, test, emnist.mapping(folder, name), settings, emnist.listed(folder, name))
    if tables := sorted(path.name for path in folder.glob(f"*{_TABLE}")):
        return _tables(settings, folder, _only(folder, tables, f"files *{_TABLE}"))
    raise InputError(f"{folder}: expected images and labels, found neither; {_KNOWN}")


def _tables(settings: Settings, folder: Path, name: str) -> tuple[ImageSet, ImageSet]:
    """Of the table `name`, and of that of the test, which is there and has labels, or every fifth row is for it."""
    start = name.removesuffix(_TABLE)
    train_path, test_path = folder / name, folder / f"{start}test.csv"
    train, test = _table(within(folder, train_path)), None
    if test_path.is_file() and pixels.labelled(within(folder, test_path)):
        test = _table(test_path)
    if not start.startswith("emnist-"):
        return _splits(train, test, _names(folder), settings, folder / _NAMES)
    train, test, name = _upright(train), test and _upright(test), start.rstrip("-")
    return _splits(train, test, emnist.mapping(folder, name), settings, emnist.listed(folder, name))


def _only(folder: Path, names: list[str], what: str) -> str:
    if len(names) > 1:
        raise InputError(f"{folder}: expected one of {what}, found {', '.join(names)}; put each into its own folder")
    return names[0]


def _pair(find: Callable[[str], Path], prefix: str) -> Images:
    """Of two IDX files."""
    path, targets_path = find(f"{prefix}-images-idx3-ubyte"), find(f"{prefix}-labels-idx1-ubyte")
    images, targets = idx.read(path, 3), idx.read(targets_path, 1)
    if images.shape[1:] != (SIZE, SIZE):
        found = " x ".join(map(str, images.shape[1:]))
        raise InputError(f"{path}: expected images of {SIZE} x {SIZE} pixels, found {found}")
    if len(images) != len(targets):
        raise InputError(f"{targets_path}: expected {len(images)} labels, as many as images, found {len(targets)}")
    return Images(images, targets, path, targets_path)


def _table(path: Path) -> Images:
    images, targets = pixels.read(path, SIZE)
    return Images(images, targets, path, path)


def _upright(images: Images) -> Images:
    """EMNIST's images lie mirrored on their side: rows are columns."""
    return replace(images, images=images.images.transpose(1, 2))


def _names(folder: Path) -> dict[int, str]:
    """The classes by label: of the user's own list, or the ten digits."""
    path = folder / _NAMES
    if not path.is_file():
        return dict(enumerate(CLASSES))
    lines = [each.strip() for each in attributes.text(within(folder, path)).splitlines() if each.strip()]
    names = [named(path, each) for each in lines]
    if len(names) < 2 or len(set(names)) < len(names):
        found = next((f"{each} twice" for each in names if names.count(each) > 1), str(len(names)))
        raise InputError(f"{path}: expected a class in each line, two or more, all different; found {found}")
    return dict(enumerate(names))


def _splits(
    train: Images, test: Images | None, names: Mapping[int, str], settings: Settings, listed: Path | None = None
) -> tuple[ImageSet, ImageSet]:
    """Images chosen at random. names: the classes by label. Without a test, every fifth image is for it.

    listed: the file that names classes, or would, for a message.
    """
    classes = torch.full((256,), -1)  # by label
    classes[list(names)] = torch.arange(len(names))

    def choose(images: Images, there: Tensor, part: Part, first: int) -> ImageSet:
        """Of the images at `there` (M,); the originals are numbered from `first`."""
        unknown = images.targets[classes[images.targets.long()] < 0]
        if len(unknown):
            wanted = f"labels from {min(names)} to {max(names)}, found {int(unknown.max())}"
            hint = f"; {listed} may name more" if listed else ""
            raise InputError(f"{images.targets_path}: expected {wanted}{hint}")
        count = settings.train if part == "train" else settings.test
        if len(there) < count:
            raise InputError(f"data.digits.{part}: expected at most the {len(there)} of {images.path}, found {count}")
        random = generator(_CPU, "digits", part, settings.seed)
        index = there[torch.randperm(len(there), generator=random)[:count]]
        targets = classes[images.targets[index].long()]
        return _labelled(images.images[index, None], targets, first + index, tuple(names.values()), settings)

    rows = torch.arange(len(train.images))
    if test is None:
        tested = rows % 5 == 4
        return choose(train, rows[~tested], "train", 0), choose(train, rows[tested], "test", 0)
    # Numbered on from the train file's, so that no test image passes for a train image's variant.
    return choose(train, rows, "train", 0), choose(test, torch.arange(len(test.images)), "test", len(rows))


def _labelled(
    images: Tensor, targets: Tensor, originals: Tensor, classes: tuple[str, ...], settings: Settings
) -> ImageSet:
    labels = F.one_hot(targets.long(), len(classes)).to(torch.uint8)
    return ImageSet(images, labels, originals, classes, kind=LAYOUT.kind, source=settings.source)
