"""The role `digits`: grey 28x28 images of ten classes.

The embedded source draws MNIST-like digits from the 1,797 handwritten 8x8 digits that come with scikit-learn (Alpaydin
and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998). The others read files in MNIST's format.
"""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.contracts.images import ImageSet, Layout
from pipeline.data.reading import handwritten, idx
from pipeline.data.reading.download import fetch
from pipeline.ground.errors import InputError
from pipeline.ground.params import Count, Seed, Strict
from pipeline.ground.seeding import generator
from pipeline.renderers.digits.variants import SIZE, handwrite, split

CLASSES = tuple("0123456789")
LAYOUT = Layout((1, SIZE, SIZE), CLASSES, "classes")
_CPU = torch.device("cpu")


class Settings(Strict):
    """Where the images come from and how many.

    folder: of the four IDX files, for the source `folder` only. train, test: images. seed: of the deformations
    (digits8x8) or of the choice among the images there are (other sources); never of the split into train and test.
    """

    source: Literal["digits8x8", "mnist", "fashion_mnist", "folder"]
    folder: str = "data/raw/digits"
    train: Count
    test: Count
    seed: Seed = 0


def load(settings: Settings, raw: Path = Path("data/raw")) -> tuple[ImageSet, ImageSet]:
    """The train and test images, (N, 1, 28, 28), with exclusive labels (N, 10).

    No original has images in both. Each split depends on its own size and the seed only. Downloads go to
    `raw/<source>/`. Raises InputError when a download fails, or a file is missing, damaged or has too few images.
    """
    if settings.source == "digits8x8":
        return _embedded(settings)
    if settings.source == "folder":
        return _files(settings, Path(settings.folder), CLASSES)

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
    return _files(settings, folder, CLASSES if settings.source == "mnist" else tuple(FashionMNIST.classes))


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


def _files(settings: Settings, folder: Path, classes: tuple[str, ...]) -> tuple[ImageSet, ImageSet]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; data.digits.folder names one with the four IDX files")

    def read(prefix: str, part: str, count: int) -> tuple[ImageSet, int]:
        """`count` images at random, and how many there are."""
        images_path = idx.find(folder, f"{prefix}-images-idx3-ubyte")
        labels_path = idx.find(folder, f"{prefix}-labels-idx1-ubyte")
        images, targets = idx.read(images_path, 3), idx.read(labels_path, 1)
        if images.shape[1:] != (SIZE, SIZE):
            found = " x ".join(map(str, images.shape[1:]))
            raise InputError(f"{images_path}: expected images of {SIZE} x {SIZE} pixels, found {found}")
        if len(images) != len(targets):
            raise InputError(f"{labels_path}: expected {len(images)} labels, as many as images, found {len(targets)}")
        if (targets >= len(classes)).any():
            raise InputError(f"{labels_path}: expected labels from 0 to {len(classes) - 1}, found {int(targets.max())}")
        if len(images) < count:
            raise InputError(f"data.digits.{part}: expected at most the {len(images)} of {images_path}, found {count}")
        random = generator(_CPU, "digits", part, settings.seed)
        index = torch.randperm(len(images), generator=random)[:count]
        return _labelled(images[index, None], targets[index], index, classes, settings), len(images)

    train, train_total = read("train", "train", settings.train)
    test, _ = read("t10k", "test", settings.test)
    # Numbered on from the train file's, so that no test image passes for a train image's variant.
    return train, replace(test, originals=test.originals + train_total)


def _labelled(
    images: Tensor, targets: Tensor, originals: Tensor, classes: tuple[str, ...], settings: Settings
) -> ImageSet:
    labels = F.one_hot(targets.long(), len(classes)).to(torch.uint8)
    return ImageSet(images, labels, originals, classes, kind=LAYOUT.kind, source=settings.source)
