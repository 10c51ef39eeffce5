"""Real test images in the place of a model's samples, spoiled or chosen as a bad model might, and measured as samples.

The test images are cut in two halves, no original in both: samples are compared with one, the other is spoiled. So the
untouched images are as good as samples can be. Heusel et al. 2017, figure 3; Stein et al. 2023.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Generator, Tensor

from pipeline.contracts import images
from pipeline.contracts.images import ImageSet, Kind
from pipeline.evaluation import collect, jackknife
from pipeline.evaluation.drawing import at_once
from pipeline.evaluation.evidence import Evidence, Judged, Part
from pipeline.evaluation.jackknife import Chosen, Half
from pipeline.evaluation.metrics.nearest_train import balanced
from pipeline.figures.common import style
from pipeline.ground import params, plugins
from pipeline.ground.errors import InputError
from pipeline.ground.seeding import generator
from pipeline.judges import referee
from pipeline.judges.panel import Files, Opinion, Panel
from pipeline.judges.spoiling import SPOILINGS
from pipeline.statistics.intervals import LEVEL, difference
from pipeline.statistics.measurements import Measured

CPU: Final = torch.device("cpu")
PREPARED: Final = Path("data/prepared")
BLOCK: Final = 500  # images spoiled at a time, which bounds the memory
SHARES: Final = (0.2, 0.4, 0.6, 0.8, 1.0)
STRENGTHS: Final[Mapping[str, tuple[float, ...]]] = {  # others: SHARES of the strongest that a referee is shown
    "blur": (0.5, 1.0, 1.5, 2.0, 3.0),
    "grain": (0.02, 0.05, 0.1, 0.2, 0.4),
    "checkerboard": (0.03, 0.06, 0.1, 0.15, 0.25),
    "mixture": (0.1, 0.2, 0.3, 0.4, 0.5),
    "warped": (0.5, 1.0, 1.5, 2.0, 3.0),
}
WAYS: Final = {way.name: way for way in SPOILINGS}
# The plug-ins that need no more than images and what is seen in them
COMPARING: Final = ("frechet", "kernel", "manifold", "diversity", "nearest_train")
METRICS: Final = (*COMPARING, "recognised", "blurriness", "sharpness", "confidence", "condition")
HALVES: Final = 16
SIDE: Final = 64  # pixels of an image of the sheet, at most


@dataclass(frozen=True)
class Disturbance:
    """One way in which samples can be bad. untouched: the strength that changes nothing; steps: growing strengths."""

    name: str
    unit: str
    untouched: float
    steps: tuple[float, ...]

    @property
    def strengths(self) -> tuple[float, ...]:
        return (self.untouched, *self.steps)


@dataclass(frozen=True)
class Ground:
    """Real images of one role as its panel sees them.

    test: the half of the test images that samples are compared with; train: the training images. pool: what samples are
    made of, first N `held` images of the other half, then N training images: of as many originals with as many variants
    each, in the same random order, so that they differ in nothing else. originals (2 N,): of the pool; those of held
    images are below `count`, those of training images count up from there. panel: who looks at spoiled images;
    illegible: see `pipeline.judges.referee.Settings`.
    """

    role: str
    kind: Kind
    classes: tuple[str, ...]
    train: Judged
    test: Judged
    pool: Judged
    originals: Tensor
    panel: Panel
    illegible: float

    @property
    def held(self) -> Judged:
        return self.pool.take(torch.arange(len(self.originals) // 2))

    @property
    def count(self) -> int:
        """Originals of held images, and of training images in the pool."""
        return (int(self.originals.max()) + 1) // 2

    def evidence(self, fake: Judged) -> Evidence:
        """As of a conditional model that drew these images."""
        return Evidence(self.train, self.test, fake, True, self.kind, None, classes=self.classes)

    def seen_by(self, panel: Panel) -> "Ground":
        """The same real images as others see them, but for the training images of `train`."""
        sides = (
            collect.as_seen(side.images, look(panel, side.images), side.labels, side.originals)
            for side in (self.test, self.pool)
        )
        test, pool = sides
        return replace(self, test=test, pool=pool, panel=panel)


class Sample(NamedTuple):
    """What takes the place of N samples, and of which original of the pool each was made, (N,)."""

    fake: Judged
    originals: Tensor


@dataclass(frozen=True)
class Halves:
    """Random halves of the images that samples are compared with, and of the originals that samples are made of.

    own: (R, originals of the pool) bool. Variants of one original are not independent of one another and so are in a
    half together; spoiled images are in the same halves as untouched ones, so that what both owe to them cancels.
    """

    test: Sequence[Half]
    own: Tensor

    def chosen(self, originals: Tensor) -> list[Chosen]:
        """What each half takes of some evidence; originals (N,): of its fakes."""
        rows = [own[originals].nonzero()[:, 0] for own in self.own]
        return [Chosen(Part(half.rows, fake), None, None) for half, fake in zip(self.test, rows, strict=True)]


def prepare(
    role: str, train: ImageSet, test: ImageSet, seen: tuple[Opinion, Opinion], panel: Panel, illegible: float
) -> Ground:
    """seen: what the panel sees in the training and in the test images."""
    of_train, of_test = (
        collect.as_seen(data.images, opinion, data.labels, data.originals)
        for data, opinion in zip((train, test), seen, strict=True)
    )
    half = jackknife.draw(of_test, {}, 1, generator(CPU, "the half that is compared with"))[0].rows
    others = torch.ones(len(test), dtype=torch.bool)
    others[half] = False
    rest, noise = others.nonzero()[:, 0], generator(CPU, "held images and copies")
    shuffled = torch.randperm(len(train), generator=noise)  # else copies would be of those that nearest_train looks at
    copies, held = balanced(train.originals[shuffled], test.originals[rest])
    order = torch.randperm(len(held), generator=noise)
    copies, held = shuffled[copies[order]], rest[held[order]]
    both = [torch.cat([b[held], a[copies]]) for a, b in zip(*seen, strict=True)]
    pictures = torch.cat([test.images[held], train.images[copies]])
    pool = collect.as_seen(pictures, Opinion(*both), torch.cat([test.labels[held], train.labels[copies]]))
    variants = len(held) // len(test.originals[held].unique())
    own = order // variants
    originals = torch.cat([own, own + int(own.max()) + 1])
    return Ground(role, test.kind, test.classes, of_train, of_test.take(half), pool, originals, panel, illegible)


def load(role: str) -> Ground:
    """From the working folder. Raises InputError where it holds no prepared images, judge or referee of the role."""
    prepared, results = PREPARED / role, Path("results")
    files = Files(results / "classifiers" / role, results / "referees" / role)
    for path in (prepared / "test.safetensors", files.judge / "views.safetensors", files.referee / "views.safetensors"):
        if not path.exists():
            made = "run `latentlab repro` first, or `dvc repro classify referee`"
            raise InputError(f"{path}: expected images, judge and referee of {role}, found no such file; {made}")
    settings = params.parse(referee.Settings, params.read(f"referee.{role}"), f"referee.{role}")
    train, test = (images.load(prepared / f"{split}.safetensors") for split in ("train", "test"))
    seen = files.real("train"), files.real("test")
    return prepare(role, train, test, seen, files.panel(CPU), settings.illegible)


def halves(ground: Ground, number: int = HALVES) -> Halves:
    """Each holds half of the originals of held images and half of those of training images."""
    noise = generator(CPU, "halves", ground.role)
    of_test = jackknife.draw(ground.test, {}, number, noise)
    own = torch.zeros(number, 2, ground.count, dtype=torch.bool)
    for side in own.view(-1, ground.count):
        side[torch.randperm(ground.count, generator=noise)[: ground.count // 2]] = True
    return Halves(of_test, own.flatten(1))


def missing(labels: Tensor) -> Tensor:
    """Which images (N,) show one of the first labels, which are as many as make it most nearly half of the images."""
    shown = labels.cumsum(1) > 0  # (N, K): one of the labels up to this one
    return shown[:, int((shown.double().mean(0) - 0.5).abs().argmin())]


def left_out(ground: Ground, strength: float, noise: Generator) -> Tensor:
    """Half of the originals show one of half of the labels; that share of them is replaced by others.

    There are half as many samples as for other disturbances, so that none is there twice, and they stay as many.
    """
    own, gone = ground.originals[: len(ground.originals) // 2], torch.zeros(ground.count, dtype=torch.bool)
    gone[own[missing(ground.held.labels)]] = True
    order = torch.randperm(ground.count, generator=noise)
    out, kept = order[gone[order]], order[~gone[order]]
    count = min(len(out), len(kept) // 2)
    removed = round(strength * count)
    chosen = torch.zeros_like(gone)
    chosen[torch.cat([out[: count - removed], kept[: count + removed]])] = True
    return chosen[own].nonzero()[:, 0]


def repeated(ground: Ground, strength: float, noise: Generator) -> Tensor:
    """So many times the same images, as many in all as there are held ones."""
    total = len(ground.originals) // 2
    return torch.randperm(total, generator=noise) % max(1, round(total / strength))


def copied(ground: Ground, strength: float, noise: Generator) -> Tensor:
    """That share of the held originals replaced by training images."""
    own, chosen = ground.originals[: len(ground.originals) // 2], torch.zeros(ground.count, dtype=torch.bool)
    chosen[torch.randperm(ground.count, generator=noise)[: round(strength * ground.count)]] = True
    return torch.arange(len(own)) + len(own) * chosen[own]


# Of sets of images: rows of the pool, of a strength; the same noise for every strength
SETS: Final[Mapping[str, Callable[[Ground, float, Generator], Tensor]]] = {
    "left_out": left_out,
    "repeated": repeated,
    "copied": copied,
}
DISTURBANCES: Final = (
    *(
        Disturbance(
            way.name, way.unit, 0.0, STRENGTHS.get(way.name, tuple(round(way.most * share, 9) for share in SHARES))
        )
        for way in SPOILINGS
    ),
    Disturbance("left_out", "share of the images of half of the labels", 0.0, SHARES),
    Disturbance("repeated", "times the same images", 1.0, (2.0, 4.0, 8.0, 16.0, 32.0)),
    Disturbance("copied", "share of samples that are training images", 0.0, SHARES),
)


@torch.inference_mode()
def look(panel: Panel, seen: Tensor) -> Opinion:
    """What the panel sees in images (N, C, H, W) in [0, 1]."""
    parts = [panel.look(part) for part in seen.split(at_once(CPU, BLOCK))]
    return Opinion(*map(torch.cat, zip(*parts, strict=True)))


def spoil(unit: Tensor, name: str, strength: float) -> Tensor:
    """Images (N, C, H, W) in [0, 1] all spoiled as strongly; the same noise for every strength."""
    noise = generator(CPU, "disturbance", name)
    parts = [WAYS[name].apply(part, torch.full((len(part),), strength), noise) for part in unit.split(BLOCK)]
    return torch.cat(parts)


def pictures(ground: Ground, name: str, strength: float) -> tuple[Tensor, Tensor]:
    """The images of a `Sample`, (N, C, H, W) in [0, 1], that nobody has looked at, and their originals (N,)."""
    if name in SETS:
        chosen = sample(ground, name, strength)
        return chosen.fake.images, chosen.originals
    return spoil(ground.held.images, name, strength), ground.originals[: len(ground.originals) // 2]


def sample(ground: Ground, name: str, strength: float) -> Sample:
    """What takes the place of the samples at one step of a disturbance."""
    if name in SETS:
        rows = SETS[name](ground, strength, generator(CPU, name, ground.role))
        return Sample(ground.pool.take(rows), ground.originals[rows])
    unit, own = pictures(ground, name, strength)
    if not strength:
        return Sample(ground.held, own)
    return Sample(collect.as_seen(unit, look(ground.panel, unit), ground.held.labels), own)


def plugged(names: Sequence[str] = METRICS) -> list[Any]:
    """The metrics' plug-ins."""
    return [plugins.load("evaluation/metrics", name) for name in names]


def measure(found: Evidence, originals: Tensor, cut: Halves, metrics: Sequence[Any]) -> dict[str, Measured]:
    """All that tells of the fakes, with its errors over halves; originals: see `Sample`.

    As `pipeline.evaluation.seeds` measures the only seed of an experiment, but for how fakes are halved.
    """
    chosen = cut.chosen(originals)
    parts = [found.whole(), *(each.part for each in chosen)]
    each = [found, *(jackknife.take(found, cut.test, number, own) for number, own in enumerate(chosen))]
    measured: dict[str, Measured] = {}
    for metric in metrics:
        values = metric.of_parts(found, parts) if hasattr(metric, "of_parts") else [*map(metric.measure, each)]
        trials = metric.trials(found) if hasattr(metric, "trials") else {}
        for name in values[0]:
            if not name.endswith("_real"):
                errors = jackknife.errors([values[1:]], name)
                measured[name] = Measured(metric.BETTER[name], (values[0][name],), errors, trials.get(name))
    return measured


def apart(untouched: Measured, step: Measured, level: float = LEVEL) -> bool:
    """Whether the difference leaves its interval, which is of both on the same halves of the same images.

    Where neither scatters, as of a density of 0, any difference does.
    """
    found = difference(step, untouched, same_test=True, level=level)
    if found.low is None or found.high is None:
        return bool(found.value)
    return not found.low <= 0 <= found.high


def moved(untouched: Measured, step: Measured, least: float, level: float = LEVEL) -> bool:
    return abs(step.mean - untouched.mean) > least and apart(untouched, step, level)


def _square(pictures: Tensor) -> Tensor:
    """Grey or colour images (N, C, H, W) as colour ones (N, 3, SIDE, SIDE), enlarged by a whole number, in white."""
    times = SIDE // pictures.shape[2]
    large = pictures.expand(-1, 3, -1, -1).repeat_interleave(times, 2).repeat_interleave(times, 3)
    room = SIDE - large.shape[2]
    return F.pad(large, (room // 2, room - room // 2) * 2, value=1.0)


def sheet(tests: Mapping[str, ImageSet]) -> Figure:
    """One image of each role, spoiled in each way: a row a way, a block of columns a role. tests: by role."""
    ways = [each for each in DISTURBANCES if each.name in WAYS]
    rows = []
    for each in ways:
        for test in tests.values():
            few = images.scale(test.images[:8], "unit")  # more than one, as some ways take another image
            shown = [spoil(few, each.name, strength)[1:2] for strength in (each.untouched, *each.steps[::2])]
            rows.append(_square(torch.cat(shown)))
    return style.image_grid(
        torch.cat(rows),
        4 * len(tests),
        "A real image of each role, spoiled in each way",
        "Of each role, from left to right: untouched, then the first, third and fifth step. "
        "Beside a row: these strengths, and their unit.",
        row_labels=[f"{each.name} {' '.join(f'{step:g}' for step in each.steps[::2])}\n{each.unit}" for each in ways],
        column_labels=list(tests),
        group=4,
    )
