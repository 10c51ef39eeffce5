"""Sheets of images for the eye: what may be on one, which two make a pair, and how real the referee finds them.

A number that says how real images look earns trust where it agrees with people who look at the same images and do not
know where they come from, as Stein et al. 2023 asked them.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from pipeline.contracts import checkpoint
from pipeline.contracts.images import ImageSet, scale
from pipeline.contracts.model import AdversarialModel
from pipeline.evaluation.drawing import at_once, drawings
from pipeline.evaluation.metrics.frechet import frechet_distance
from pipeline.evaluation.metrics.manifold import manifold
from pipeline.ground import storage
from pipeline.ground.errors import InputError
from pipeline.ground.files import write_json
from pipeline.ground.seeding import derive, generator
from pipeline.judges import referee
from pipeline.judges.panel import Panel
from pipeline.judges.spoiling import SPOILINGS, Spoiling

SHOWN = 36  # images on a sheet
MEASURED = 1500  # images of each source, at most, that a pair is measured by
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)  # of the strongest spoiling
KINDS = (("model", "model"), ("model", "moment"), ("model", "spoiled"), ("spoiled", "spoiled"))  # of pairs
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Trained:
    """A trained model's file. moment: its generator's snapshot at an iteration of training, None: the trained model."""

    model: Path
    moment: Path | None = None
    iteration: int | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.model,) if self.moment is None else (self.model, self.moment)

    def __str__(self) -> str:
        name = f"{self.model.parent.name} seed {self.model.stem.removeprefix('seed')}"
        return name if self.iteration is None else f"{name}, iteration {self.iteration}"


@dataclass(frozen=True)
class Real:
    """Real test images, spoiled in one of SPOILINGS by a share of its strongest, or as they are: None and 0."""

    spoiling: str | None
    share: float

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    @property
    def way(self) -> Spoiling | None:
        """Raises InputError when there is no such way any more."""
        ways = {each.name: each for each in SPOILINGS}
        if self.spoiling is not None and self.spoiling not in ways:
            raise InputError(f"spoiling {self.spoiling}: expected one of {', '.join(ways)}")
        return None if self.spoiling is None else ways[self.spoiling]

    def __str__(self) -> str:
        way = self.way
        return "real" if way is None else f"real, {way.name} {self.share:.0%}"


Source = Trained | Real
Groups = Mapping[str, Sequence[Source]]  # by experiment or way of spoiling


@dataclass(frozen=True)
class Pair:
    """Two different sources of one role, whose sheets stand side by side: a left, b right."""

    role: str
    a: Source
    b: Source


@dataclass(frozen=True)
class Key:
    """What the sheets are of each pair, the first pair first; seed: of the choice and of all noise.

    files: a fingerprint of each file that sheets were drawn from, by its path.
    """

    seed: int
    files: Mapping[str, str]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Realism:
    """Of a source's images, by the referee's features, against real images."""

    frechet_distance: float
    precision: float


def sources(models: Path, role: str, source: str) -> dict[str, Groups]:
    """All sources of a role by kind: `model`, `moment` and `spoiled`.

    models: the folder of all experiments; those trained on images from elsewhere than `source` are left out. A model's
    last moment is the trained model itself and left out too.
    """
    trained: dict[str, list[Source]] = {}
    moments: dict[str, list[Source]] = {}
    for path in sorted(models.glob("*/seed*.safetensors")):
        header = checkpoint.header(path)
        if (header.data, header.source) == (role, source):
            trained.setdefault(path.parent.name, []).append(Trained(path))
            for moment in checkpoint.snapshots(path)[:-1]:
                facts = storage.read(moment, "a snapshot of a generator", tensors=False)[1]
                moments.setdefault(path.parent.name, []).append(Trained(path, moment, facts["iteration"]))
    spoiled: dict[str, list[Source]] = {way.name: [Real(way.name, share) for share in SHARES] for way in SPOILINGS}
    return {"model": trained, "moment": moments, "spoiled": {"": [Real(None, 0)], **spoiled}}


def choose(found: Mapping[str, Mapping[str, Groups]], count: int, seed: int) -> list[Pair]:
    """`count` pairs in random order: equally many of each role, and of each kind that the role has sources for.

    found: what `sources` gives, by role. Numbers that do not divide evenly leave some with one more.
    """
    pairs = []
    for number, (role, groups) in enumerate(found.items()):
        random = Random(derive("eyes", role, seed))
        kinds = [
            (first, second)
            for first, second in KINDS
            if groups[first] and groups[second] and (first != second or sum(map(len, groups[first].values())) > 1)
        ]
        for turn in range(number, number + count // len(found) + (number < count % len(found))):
            first, second = kinds[turn % len(kinds)]
            both = _two(groups[first], groups[second], first == second, random)
            pairs.append(Pair(role, *random.sample(both, 2)))
    Random(derive("eyes order", seed)).shuffle(pairs)
    return pairs


def _two(first: Groups, second: Groups, alike: bool, random: Random) -> tuple[Source, Source]:
    """Two sources; of sources alike, two of different groups where there are, as others may not be told apart."""
    group = random.choice(list(first))
    one = random.choice(first[group])
    elsewhere = [name for name in second if name != group] if alike else []
    other = random.choice(second[random.choice(elsewhere or list(second))])
    while other == one:
        other = random.choice(second[random.choice(elsewhere or list(second))])
    return one, other


@torch.inference_mode()
def draw(source: Source, asked: ImageSet, device: torch.device, *keys: int | str) -> Tensor:
    """A source's images (N, C, H, W) in [0, 1], on the CPU; keys: of their noise, see `pipeline.ground.seeding`.

    A model's are of the labels of `asked` (N images, on the CPU), real ones are these images themselves, spoiled.
    """
    if isinstance(source, Real):
        images, noise, way = scale(asked.images, "unit"), generator(CPU, *keys), source.way
        if way is None:
            return images
        strength = source.share * way.most
        return torch.cat([way.apply(part, torch.full((len(part),), strength), noise) for part in images.split(500)])
    model, _ = checkpoint.load(source.model, device)
    generate: Callable[[Tensor, Tensor], Tensor] = model.generate
    if source.moment is not None:
        assert isinstance(model, AdversarialModel)
        model.load_state_dict(storage.read(source.moment, "a snapshot of a generator")[0], strict=False)
        generate = partial(model.generate_by, "generator")
    latents = model.prior(len(asked), generator(device, *keys))
    return torch.cat([part for part, *_ in drawings(generate, model.pixels, _nothing, latents, asked.labels)])


def _nothing(images: Tensor) -> tuple[Tensor, ...]:
    return ()


def sheet(source: Source, test: ImageSet, device: torch.device, *keys: int | str) -> Tensor:
    """The images of one sheet (N, C, H, W) in [0, 1]: SHOWN, or fewer where there are fewer test images."""
    rows = torch.randperm(len(test), generator=generator(CPU, "sheet", *keys))[:SHOWN]
    return draw(source, test.take(rows), device, "shown", *keys)


def halves(originals: Tensor, *keys: int | str) -> tuple[Tensor, Tensor]:
    """Rows of two halves of the images with these originals (N,), ascending: all variants of an original are in one."""
    which = originals.unique(return_inverse=True)[1]
    order = torch.randperm(int(which.max()) + 1, generator=generator(CPU, "halves", *keys))
    first = (order < len(order) // 2)[which]
    return first.nonzero()[:, 0], (~first).nonzero()[:, 0]


@dataclass(frozen=True)
class Bench:
    """Where pairs of one role are measured. test: on the CPU; features: the referee's of them, (N, D). seed: of the
    pairs.
    """

    test: ImageSet
    features: Tensor
    panel: Panel
    device: torch.device
    seed: int

    def measure(self, pair: Pair, number: int) -> tuple[Realism, Realism]:
        """How real both sources are, drawn again, against the same real images, as many as are drawn.

        These are the test images, or, if one of the sources is made of these, one half of them: the other half is
        spoiled. Its labels are what models are asked for.
        """
        rows = torch.arange(len(self.test))
        made_of_real = isinstance(pair.a, Real) or isinstance(pair.b, Real)
        reference, asked = halves(self.test.originals, self.seed) if made_of_real else (rows, rows)
        count = min(len(reference), len(asked), MEASURED)
        real, images = self.features[reference[:count]], self.test.take(asked[:count])
        drawn = [
            draw(source, images, self.device, "measured", self.seed, number, side)
            for side, source in (("A", pair.a), ("B", pair.b))
        ]
        first, second = (self._realism(each, real, self.test.originals[reference[:count]]) for each in drawn)
        return first, second

    def _realism(self, images: Tensor, real: Tensor, originals: Tensor) -> Realism:
        """images (N, C, H, W) in [0, 1]; real: features (N, D), with originals (N,)."""
        size = at_once(self.device, 500)
        parts = [referee.look(self.panel.referee, part.to(self.device)).features.cpu() for part in images.split(size)]
        fake = torch.cat(parts)
        return Realism(frechet_distance(real, fake), manifold(real, fake, originals=originals)["precision"])


def key(seed: int, pairs: Sequence[Pair], tests: Mapping[str, Path]) -> Key:
    """tests: each role's file of test images."""
    used = {file for pair in pairs for file in (tests[pair.role], *pair.a.files, *pair.b.files)}
    return Key(seed, {file.as_posix(): _fingerprint(file) for file in sorted(used)}, tuple(pairs))


def check(known: Key) -> None:
    """Raises InputError when sheets were drawn from other files than there are now: the eye saw something else."""
    for name, fingerprint in known.files.items():
        if (found := _fingerprint(Path(name))) != fingerprint:
            raise InputError(f"{name}: expected the file that was drawn from, {fingerprint}, found another, {found}")


def _fingerprint(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:12]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `dvc repro` makes it") from None


def write_key(path: Path, known: Key) -> None:
    """As JSON, in which each pair's number stands beside it."""
    written = TypeAdapter(Key).dump_python(known, mode="json")
    pairs = [{"pair": number, **each} for number, each in enumerate(written["pairs"], 1)]
    write_json(path, {**written, "pairs": pairs})


def read_key(path: Path) -> Key:
    """What `write_key` wrote. Raises InputError when it is missing or something else."""
    try:
        return TypeAdapter(Key).validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `latentlab eyes make` makes it") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
        raise InputError(f"{path}: expected what `latentlab eyes make` wrote, found {where}") from None
