"""The one on-disk format of prepared images, and the only place where bytes become numbers.

A split is one safetensors file. Images stay uint8, on disk and on the device, and are scaled batch by batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from pipeline.ground import storage
from pipeline.ground.errors import InputError

Pixels = Literal["unit", "symmetric"]  # [0, 1] or [-1, 1]
Kind = Literal["classes", "objects", "attributes"]  # of labels; see ImageSet
_LIST = "conditions."  # before the name of a list of label sets, in a file


@dataclass(frozen=True)
class Layout:
    """What is known of a role's images before they are prepared. shape: (C, H, W), of every source. classes: the names
    of the embedded source's labels, others may have other ones. kind: of labels, see `ImageSet`.
    """

    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True)
class ImageSet:
    """Images of one split with their labels.

    images: (N, C, H, W) uint8. labels: (N, K) uint8, a one for each label that holds. originals: (N,) int64, the
    original that an image was made from, so that variants of one can be told from independent images.
    classes: the K labels' names. kind: of labels. `classes`: exactly one holds; `objects`: some do, and are looked for;
    `attributes`: each may hold or not. source: where the images come from.
    conditions: (M, K) uint8 each, by name: lists of label sets that models are asked to draw; empty for most roles.
    """

    images: Tensor
    labels: Tensor
    originals: Tensor
    classes: tuple[str, ...]
    kind: Kind
    source: str
    conditions: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, k = len(self.images), len(self.classes)
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise ValueError(
                f"images: expected uint8 (N, C, H, W), found {self.images.dtype} {tuple(self.images.shape)}"
            )
        if self.labels.shape != (n, k) or self.originals.shape != (n,):
            raise ValueError(
                f"expected labels {(n, k)} and originals {(n,)}, "
                f"found {tuple(self.labels.shape)} and {tuple(self.originals.shape)}"
            )
        for name, sets in self.conditions.items():
            if sets.ndim != 2 or sets.shape[1] != k:
                raise ValueError(f"conditions {name}: expected (M, {k}), found {tuple(sets.shape)}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def exclusive(self) -> bool:
        """Whether exactly one label holds."""
        return self.kind == "classes"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        _, c, h, w = self.images.shape
        return c, h, w

    def to(self, device: torch.device) -> "ImageSet":
        return replace(
            self,
            images=self.images.to(device),
            labels=self.labels.to(device),
            originals=self.originals.to(device),
            conditions={name: sets.to(device) for name, sets in self.conditions.items()},
        )

    def first(self, count: int) -> "ImageSet":
        """At most `count` images; prepared images are in random order."""
        return self.take(torch.arange(min(count, len(self))))

    def take(self, index: Tensor) -> "ImageSet":
        """The images at `index` (M,), in that order."""
        return replace(self, images=self.images[index], labels=self.labels[index], originals=self.originals[index])


def scale(images: Tensor, pixels: Pixels) -> Tensor:
    """uint8 (...) to float32 in [0, 1] ("unit") or [-1, 1] ("symmetric")."""
    if pixels == "unit":
        return images.float().div_(255)
    return images.float().div_(127.5).sub_(1)


def to_unit(images: Tensor, pixels: Pixels) -> Tensor:
    """A model's images, in its own range, to float32 in [0, 1]."""
    images = images.float()
    return (images if pixels == "unit" else (images + 1) / 2).clamp(0, 1)


def save(split: ImageSet, path: Path) -> None:
    """Writes one split; the file appears whole or not at all."""
    header = {"classes": list(split.classes), "kind": split.kind, "source": split.source}
    tensors = {"images": split.images, "labels": split.labels, "originals": split.originals}
    lists = {_LIST + name: sets for name, sets in split.conditions.items()}
    storage.write(path, tensors | lists, header)


def load(path: Path) -> ImageSet:
    """Reads one split. Raises InputError when the file is missing or is not one of ours."""
    tensors, header = storage.read(path, "prepared images")
    try:
        return ImageSet(
            tensors["images"],
            tensors["labels"],
            tensors["originals"],
            tuple(header["classes"]),
            header["kind"],
            header["source"],
            {name.removeprefix(_LIST): sets for name, sets in tensors.items() if name.startswith(_LIST)},
        )
    except KeyError as error:
        raise InputError(f"{path}: expected prepared images, found a file without {error}") from None
