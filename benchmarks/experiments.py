"""Experiments of params.yaml as benchmarks run them: in memory, with nothing written to results."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from pipeline.contracts.images import ImageSet, Kind
from pipeline.contracts.model import GenerativeModel
from pipeline.costs.work import Entry
from pipeline.ground import plugins
from pipeline.ground.seeding import derive
from pipeline.renderers.scenes.layout import COLOURS, SHAPES
from pipeline.training.loop import Run

# Of each role's images: (C, H, W), how many labels there are, and their kind.
ROLES: dict[str, tuple[tuple[int, int, int], int, Kind]] = {
    "digits": ((1, 28, 28), 10, "classes"),
    "colour": ((3, 32, 32), 10, "classes"),
    "scenes": ((3, 64, 64), 24, "objects"),
    "faces": ((3, 64, 64), 10, "attributes"),
}

# Metrics of objects go by the parts of their names.
OBJECTS = tuple(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS)


class Enough(Exception):
    """Ends a run at a point of its curve."""


def built(entry: Entry, data: ImageSet, seed: int = 0) -> GenerativeModel:
    """The entry's model on the CPU, with the weights that training starts from."""
    torch.manual_seed(derive("weights", seed))
    network = plugins.load("networks", entry.experiment.network).build(entry.network, data.shape)
    model: GenerativeModel = plugins.load("models", entry.experiment.family).build(
        entry.model, network, len(data.classes)
    )
    return model


def draws(model: GenerativeModel) -> int:
    """Batches that an iteration of training takes: as many as the player that wants most of its own."""
    return max(player.repeat if player.fresh else 1 for player in model.players())


def started(entry: Entry, data: ImageSet, seed: int = 0, points: int = 100, **changed: Any) -> Run:
    """A run on the data's device. points: of its curve; changed: settings of its training."""
    model = built(entry, data, seed).to(data.images.device)
    return Run(model, data, entry.training.model_copy(update=changed), seed, points)


def kinds(experiments: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """The first experiment of each family and network."""
    first: dict[tuple[str, str], str] = {}
    for name, block in experiments.items():
        first.setdefault((block["family"], block["network"]), name)
    return first


def noise(role: str, count: int, seed: int = 0) -> ImageSet:
    """Random bytes in the shape of a role's images, with labels of its kind: they take as long as real ones.

    Those of objects come with two lists of label sets to draw, as the role's do.
    """
    shape, labels, kind = ROLES[role]
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (count, *shape), generator=draw, dtype=torch.uint8)
    if kind == "classes":
        hot = torch.eye(labels, dtype=torch.uint8)[torch.randint(labels, (count,), generator=draw)]
    elif kind == "objects":
        place = torch.rand(count, labels, generator=draw).argsort(1)
        hot = (place < torch.randint(1, 4, (count, 1), generator=draw)).to(torch.uint8)
    else:
        hot = torch.randint(2, (count, labels), generator=draw, dtype=torch.uint8)
    classes = OBJECTS if kind == "objects" else tuple(f"{role} {number}" for number in range(labels))
    lists = {"test": hot[:6].clone(), "new_test": hot[-6:].clone()} if kind == "objects" else {}
    return ImageSet(images, hot, torch.arange(count), classes, kind, "noise", lists)


def updated(block: Mapping[str, Any], sizes: Mapping[str, Any], seeds: Sequence[int] = (0,)) -> dict[str, Any]:
    """An entry with other sizes where it has the key, and these seeds."""
    return {**block, **{key: value for key, value in sizes.items() if key in block}, "seeds": list(seeds)}
