"""The role `scenes`: 64x64 colour images of one to three objects, told apart by 24 labels of shape and colour.

The embedded source renders scenes in the manner of i-CLEVR (El-Nouby et al., "Tell, Draw, and Repeat", 2019); the other
reads i-CLEVR as distributed. Scenes come in threes of images: object after object is added.
"""

import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor

from pipeline.console.progress import progress
from pipeline.contracts.images import ImageSet, Layout
from pipeline.data.reading import pictures
from pipeline.data.reading.places import line, named, within
from pipeline.ground.errors import InputError
from pipeline.ground.params import Count, Seed, Strict
from pipeline.ground.seeding import generator
from pipeline.renderers.scenes.layout import COLOURS, SHAPES, STEPS
from pipeline.renderers.scenes.tracer import SIZE, draw

CLASSES = tuple(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS)
CONDITIONS = {"test": (6, 12, 14), "new_test": (0, 12, 20)}  # label sets to draw: how many of one, two, three labels

LAYOUT = Layout((3, SIZE, SIZE), CLASSES, "objects")
_CPU = torch.device("cpu")
_NAME = re.compile(r"CLEVR_train_([0-9]{1,18})_([0-9]{1,18})\.png")
_IMAGES = ("images", "iclevr", ".")  # where they may lie, from the folder on
_OPTIONAL = "new_test"  # a list that some copies come without
_KNOWN = (
    "known is i-CLEVR: objects.json, train.json, test.json, mostly new_test.json, and images in images/, in iclevr/ "
    "or beside these files"
)


class Settings(Strict):
    """Where the images come from and how many.

    folder: of i-CLEVR's images and JSON files, for the source `folder` only. train, test: images. seed: of the scenes
    (clevr) or of the choice among the images there are (folder); never of the label sets to draw.
    """

    source: Literal["clevr", "folder"]
    folder: str = "data/raw/scenes"
    train: Count
    test: Count
    seed: Seed = 0


def load(settings: Settings, raw: Path = Path("data/raw")) -> tuple[ImageSet, ImageSet]:
    """The train and test images, (N, 3, 64, 64), with labels (N, 24) of which one to three hold.

    Both carry the lists of label sets to draw, `test` and `new_test`, (32, 24) each in the embedded source. No scene
    has images in both splits. Each split depends on its own size and the seed only. It takes a minute or more, so it
    shows its progress. Nothing is downloaded to `raw`. Raises InputError when a file is missing, damaged, or not as
    i-CLEVR has it, or has too few images.
    """
    total = settings.train + settings.test
    with progress("prepare") as bar:

        def show(done: int) -> None:
            bar("scenes", min(done, total), total, {})  # the last scene may be cut

        return _embedded(settings, show) if settings.source == "clevr" else _folder(settings, show)


# The embedded source


def conditions() -> dict[str, list[tuple[int, ...]]]:
    """The embedded source's label sets to draw: always the same, all different, in the order of their sizes.

    The last of `test` is the one set that no training image shows.
    """
    random = generator(_CPU, "scenes", "conditions")
    lists: dict[str, list[tuple[int, ...]]] = {name: [] for name in CONDITIONS}
    taken: set[tuple[int, ...]] = set()
    for name, counts in CONDITIONS.items():
        for size, count in enumerate(counts, 1):
            while sum(len(labels) == size for labels in lists[name]) < count:
                labels = tuple(sorted(torch.randperm(len(CLASSES), generator=random)[:size].tolist()))
                if labels not in taken:
                    taken.add(labels)
                    lists[name].append(labels)
    return lists


def _embedded(settings: Settings, show: Callable[[int], None]) -> tuple[ImageSet, ImageSet]:
    lists = conditions()
    encoded = {name: torch.stack([_multi_hot(labels) for labels in sets]) for name, sets in lists.items()}

    def split(part: str, count: int, first: int, before: int) -> ImageSet:
        random = generator(_CPU, "scenes", part, settings.seed)
        scenes = -(-count // STEPS)
        added = _training_objects(scenes, lists["test"], random) if part == "train" else _objects(scenes, random)
        images = draw(added, random, lambda done: show(before + STEPS * done)).flatten(0, 1)
        hot = torch.eye(len(CLASSES), dtype=torch.uint8)[added].cumsum(1, dtype=torch.uint8).flatten(0, 1)
        # Two numberings, of even and of odd numbers, so that no test scene passes for a train scene at any size.
        originals = (torch.arange(scenes) * 2 + first).repeat_interleave(STEPS)
        order = torch.randperm(count, generator=random)
        return ImageSet(
            images[order], hot[order], originals[order], CLASSES, kind=LAYOUT.kind, source="clevr", conditions=encoded
        )

    return split("train", settings.train, 0, 0), split("test", settings.test, 1, settings.train)


def _objects(scenes: int, random: torch.Generator) -> Tensor:
    """The labels (S, 3) of the objects added to each scene: no label twice in a scene."""
    return torch.rand(scenes, len(CLASSES), generator=random).topk(STEPS, dim=1).indices


def _training_objects(scenes: int, asked: list[tuple[int, ...]], random: torch.Generator) -> Tensor:
    """Like `_objects`, but no image shows the last set of `asked`, and the first scenes show its others.

    So what `test` asks for has been seen but for one set, in any training set of 31 scenes, 93 images, or more.
    """
    *seen, unseen = asked
    added = _objects(scenes, random)
    for labels, wanted in zip(added, reversed(seen), strict=False):
        rest = [label for label in labels.tolist() if label not in wanted]
        first = [wanted[i] for i in torch.randperm(len(wanted), generator=random)]
        labels[:] = torch.tensor((first + rest)[:STEPS])
    while True:
        ordered = added.sort(1).values
        wrong = (ordered == torch.tensor(unseen)).all(1) | (ordered.diff(dim=1) == 0).any(1)
        if not wrong.any():
            return added
        # Only the object added last, so that a scene keeps the set of one or two that it is to show.
        added[wrong, -1] = torch.randint(len(CLASSES), (int(wrong.sum()),), generator=random)


def _multi_hot(labels: tuple[int, ...] | list[int]) -> Tensor:
    hot = torch.zeros(len(CLASSES), dtype=torch.uint8)
    hot[list(labels)] = 1
    return hot


# i-CLEVR's files


def _folder(settings: Settings, show: Callable[[int], None]) -> tuple[ImageSet, ImageSet]:
    folder = Path(settings.folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; data.scenes.folder names one of scenes; {_KNOWN}")
    classes = _classes(within(folder, folder / "objects.json"))
    number = {name: index for index, name in enumerate(classes)}
    labels = _labels(within(folder, folder / "train.json"), number)
    there = [name for name in CONDITIONS if name != _OPTIONAL or (folder / f"{name}.json").exists()]
    lists = {name: _sets(within(folder, folder / f"{name}.json"), number) for name in there}
    for name in CONDITIONS.keys() - lists.keys():
        print(f"prepare: scenes without the list {name}, as {folder} holds no {name}.json", flush=True)
    # Every fourth scene is for the test, whatever the sizes and the seed.
    scenes = {image: int(_scene(folder / "train.json", image)) for image in labels}
    tested = set(sorted(set(scenes.values()))[3::4])
    place = _place(folder, labels)

    def split(part: str, count: int, before: int) -> ImageSet:
        there = sorted((scene, image) for image, scene in scenes.items() if (scene in tested) == (part == "test"))
        if len(there) < count:
            found = f"{len(there)} of {folder / 'train.json'} that are for it"
            raise InputError(f"data.scenes.{part}: expected at most the {found}, found {count}")
        random = generator(_CPU, "scenes", part, settings.seed)
        chosen = [there[i] for i in torch.randperm(len(there), generator=random)[:count]]
        images = torch.empty(count, 3, SIZE, SIZE, dtype=torch.uint8)
        with ThreadPoolExecutor() as readers:
            for i, image in enumerate(readers.map(lambda each: _read(within(folder, place / each[1])), chosen)):
                images[i] = image
                show(before + i + 1)
        hot = torch.stack([labels[image] for _, image in chosen])
        originals = torch.tensor([scene for scene, _ in chosen])
        return ImageSet(images, hot, originals, classes, kind=LAYOUT.kind, source="folder", conditions=lists)

    return split("train", settings.train, 0), split("test", settings.test, settings.train)


def _place(folder: Path, labels: Mapping[str, Tensor]) -> Path:
    """Where the images lie."""
    for place in (folder / name for name in _IMAGES):
        if place.is_dir() and any((place / image).is_file() for image in labels):
            return place
    raise InputError(f"{folder}: expected the images that train.json lists, found none; {_KNOWN}")


def _scene(path: Path, image: str) -> str:
    match = _NAME.fullmatch(image)
    if match is None:
        raise InputError(f"{path}: expected image names like CLEVR_train_002066_0.png, found {_brief(image)}")
    return match[1]


def _read(path: Path) -> Tensor:
    """One image, (3, 64, 64) uint8: all of it, resized by PIL's bicubic filter, which averages when it shrinks."""
    if not path.is_file():
        raise InputError(f"{path}: no such file, but train.json has labels for it")
    return pictures.read(
        path, str(path), lambda image: image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    )


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {_KNOWN}") from None
    except (OSError, ValueError, RecursionError) as error:  # the last of lists in lists in lists
        raise InputError(f"{path}: expected valid JSON, found {line(error)}") from None


def _classes(path: Path) -> tuple[str, ...]:
    """The labels' names in the order of their numbers."""
    numbers = _json(path)
    if not isinstance(numbers, dict) or not all(type(number) is int for number in numbers.values()):
        raise InputError(f"{path}: expected a mapping of labels to numbers, found {_brief(numbers)}")
    if sorted(numbers.values()) != list(range(len(CLASSES))):
        found = _cut(" ".join(map(str, sorted(numbers.values()))), 120)
        raise InputError(f"{path}: expected {len(CLASSES)} labels numbered 0 to {len(CLASSES) - 1}, found {found}")
    return tuple(named(path, name) for name in sorted(numbers, key=numbers.__getitem__))


def _labels(path: Path, number: dict[str, int]) -> dict[str, Tensor]:
    """Each image's labels (24,)."""
    listed = _json(path)
    if not isinstance(listed, dict) or not listed:
        raise InputError(f"{path}: expected a mapping of images to lists of labels, found {_brief(listed)}")
    return {image: _encode(path, names, number) for image, names in listed.items()}


def _sets(path: Path, number: dict[str, int]) -> Tensor:
    """A list of label sets, (M, 24)."""
    listed = _json(path)
    if not isinstance(listed, list) or not listed:
        raise InputError(f"{path}: expected a list of lists of labels, found {_brief(listed)}")
    return torch.stack([_encode(path, names, number) for names in listed])


def _encode(path: Path, names: Any, number: dict[str, int]) -> Tensor:
    if not isinstance(names, list) or not names:
        raise InputError(f"{path}: expected lists of labels, found {_brief(names)}")
    for name in names:
        if not isinstance(name, str) or name not in number:
            raise InputError(f"{path}: expected labels of objects.json, found {_brief(name)}")
    return _multi_hot([number[name] for name in names])


def _brief(value: Any) -> str:
    """For a message: short, and in one line."""
    try:
        return _cut(json.dumps(value), 60)
    except RecursionError:
        return "lists in lists in lists"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
