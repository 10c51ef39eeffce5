"""The referee: a network that has seen spoiled images. How real an image looks is measured in its features, and
what can be named in it by its answers.

A judge is trained to name things, so that its features do not mind how they are drawn; it never had to say that there
is nothing to name. A referee learns from images as they are and from spoiled ones, whose labels fade as what they show
can no longer be named, and learns to tell how each was spoiled. No model that is measured ever sees it.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Generator, Tensor, nn

from pipeline.contracts.images import ImageSet, scale
from pipeline.ground import storage
from pipeline.ground.device import precision, settle
from pipeline.ground.errors import InputError
from pipeline.ground.params import MOST, Count, Seed, Size, Strict
from pipeline.ground.seeding import derive, generator
from pipeline.judges.scores import learning
from pipeline.judges.spoiling import SPOILINGS, Spoiling, blur

HIDDEN = 64
GROUP = 3  # images that are spoiled the same way, each its own strength
SPOILED = 3 / 8  # of a batch
AGAIN, WAYS = 0.4, 4  # how often a spoiled image is spoiled in one more way, and in how many at most
MOVED = 2  # pixels, at most
CALIBRATED = 4000  # training images, at most, by which features are scaled
MOMENTUM = 0.01  # of the mean over batches by which it is normalised: a few strongly spoiled images make one's vary
NOTICED, WEIGHT, ILLEGIBLE = 3.0, 1.5, 2.0  # of degrees among the features, and of illegibility among degrees


class Settings(Strict):
    """width: channels of the first layer. batch, epochs, learning_rate (the peak of one cycle), mirror (half of the
    images are, left to right), precision (`auto`: bfloat16 where the device computes it fast, else float32), seed: of
    its training.

    illegible: the blur from which on nobody could name what an image shows; sigma, in pixels.
    """

    width: Size
    batch: int = Field(ge=16, le=MOST)
    epochs: Count
    learning_rate: float = Field(gt=0, le=1)
    illegible: float = Field(gt=0)
    mirror: bool = False
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: Seed = 0


class Seen(NamedTuple):
    """What a referee sees in images.

    features: (N, D). logits: (N, K), above 0 where it names a label with confidence, that is, where the label rather
    holds and can be told than not; where nothing can be named, all are below. degrees: (N, S), how strongly each image
    is spoiled in each way of SPOILINGS, as a share of the strongest.
    """

    features: Tensor
    logits: Tensor
    degrees: Tensor


class Referee(nn.Module):
    """A network that says of images (B, C, H, W) in [0, 1] what is seen in them, see `Seen`.

    Six convolutions, three with stride 2. Each map's mean and maximum, of all layers, tell how an image was spoiled;
    the last layer's maxima, wherever they are, what it shows. The features are the maxima, the degrees, and how little
    can be told.

    Of the maxima, in such units that over real images their variances sum up to 1 for each way of spoiling. Of each
    degree, log(1 + exp(logit + 3)) times 1.5: as good as 0 for all that is no more spoiled than a real image seems to
    be, so that neither noise nor a few odd real images make the others' neighbourhoods wide, and from a degree of a
    twentieth on, rising with its logit, so that the first steps count as much as the last. Of that nothing can be told
    the same, and twice: whether there is anything to see is what eyes mind most.

    width, shape, labels: what it is built from.
    """

    def __init__(self, width: int, shape: tuple[int, int, int], labels: int) -> None:
        super().__init__()
        self.facts = {"width": width, "shape": shape, "labels": labels}
        plan = (
            (shape[0], width, 4, 2),
            (width, 2 * width, 3, 1),
            (2 * width, 2 * width, 4, 2),
            (2 * width, 4 * width, 3, 1),
            (4 * width, 4 * width, 4, 2),
            (4 * width, 4 * width, 3, 1),
        )
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=False),
                nn.BatchNorm2d(outputs, momentum=MOMENTUM),
                nn.ReLU(),
            )
            for inputs, outputs, kernel, stride in plan
        ).to(memory_format=torch.channels_last)
        pooled = 2 * sum(outputs for _, outputs, _, _ in plan)
        self.names = nn.Linear(4 * width, labels)
        self.degrees = nn.Sequential(nn.Linear(pooled, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, len(SPOILINGS) + 1))
        self.centre: Tensor
        self.unit: Tensor
        self.register_buffer("centre", torch.zeros(4 * width))
        self.register_buffer("unit", torch.ones(()))

    def raw(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The last layer's maxima (B, 4 width), the labels' logits (B, K), and those (B, S + 1) of the degrees and of
        whether anything can be named.
        """
        maps, pooled = (2 * images - 1).contiguous(memory_format=torch.channels_last), []
        for layer in self.layers:
            maps = layer(maps)
            pooled += [F.adaptive_avg_pool2d(maps, 1).flatten(1), F.adaptive_max_pool2d(maps, 1).flatten(1)]
        return pooled[-1], self.names(pooled[-1]), self.degrees(torch.cat(pooled, 1))

    def forward(self, images: Tensor) -> Seen:
        maxima, names, found = self.raw(images)
        degrees, legible = found[:, :-1], found[:, -1:]
        lost = ILLEGIBLE * F.softplus(NOTICED - legible)
        spoiled = WEIGHT * torch.cat([F.softplus(degrees + NOTICED), lost], 1)
        both = F.logsigmoid(names) + F.logsigmoid(legible)  # log of the product of their probabilities
        logits = both - torch.log(-torch.expm1(both.clamp_max(-1e-6)))
        return Seen(torch.cat([(maxima - self.centre) / self.unit, spoiled], 1), logits, degrees.sigmoid())

    @torch.inference_mode()
    def calibrate(self, images: Tensor) -> None:
        """Sets the features' units by real images (N, C, H, W) uint8."""
        maxima = torch.cat([self.raw(scale(part, "unit"))[0] for part in images.split(500)])
        self.centre.copy_(maxima.mean(0))
        self.unit.copy_((maxima.var(0).sum().clamp_min(1e-12) / len(SPOILINGS)).sqrt())


def build(settings: Settings, data: ImageSet) -> Referee:
    """A referee with fresh weights for such images."""
    torch.manual_seed(derive("referee", settings.seed))
    return Referee(settings.width, data.shape, len(data.classes))


def spoil(
    images: Tensor, spoilings: tuple[Spoiling, ...], illegible: float, noise: Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Images (N, C, H, W) in [0, 1], group after group spoiled in a way of its own, some in more.

    Gives them, the degrees (N, S) in which they were spoiled, 1 the strongest, and how much of what they show can
    still be named (N,), 0 to 1.
    """
    degrees, legible, parts = torch.zeros(len(images), len(SPOILINGS)), torch.ones(len(images)), []
    order = torch.randperm(len(spoilings), generator=noise).tolist()
    for number, part in enumerate(images.split(GROUP)):
        rows = slice(number * GROUP, number * GROUP + len(part))
        ways = [order[number % len(order)]]
        while len(ways) < WAYS and torch.rand((), generator=noise) < AGAIN:
            ways.append(order[(number - len(ways)) % len(order)])
        for way in dict.fromkeys(ways):
            spoiling, degree = spoilings[way], torch.rand(len(part), generator=noise) ** 2  # the weak are hard to tell
            part = spoiling.apply(part, degree * spoiling.most, noise)
            degrees[rows, SPOILINGS.index(spoiling)] = degree
            legible[rows] *= spoiling.legibility(degree * spoiling.most, illegible)
        parts.append(part)
    return torch.cat(parts), degrees.to(images.device), legible.to(images.device)


def moved(images: Tensor, noise: Generator) -> Tensor:
    """Images (N, C, H, W) moved by up to two pixels, all alike; the edges are mirrored, as a seam would be a flaw that
    all it is shown have and what it looks at has not.
    """
    h, w = images.shape[2:]
    down, right = torch.randint(0, 2 * MOVED + 1, (2,), generator=noise).tolist()
    return F.pad(images, (MOVED,) * 4, mode="reflect")[:, :, down : down + h, right : right + w]


def loss(names: Tensor, labels: Tensor, legible: Tensor, found: Tensor, degrees: Tensor) -> Tensor:
    """Cross-entropy in nats per image of the labels (B, K) as far as they are legible (B,), of the degrees (B, S), and
    of being legible, each with logits, of names (B, K) and found (B, S + 1), and summed over labels and ways.
    """
    wanted = torch.cat([degrees, legible[:, None]], 1)
    pairs = ((names, labels * legible[:, None]), (found, wanted))
    each = [F.binary_cross_entropy_with_logits(logits, aim, reduction="sum") for logits, aim in pairs]
    return torch.stack(each).sum() / len(names)


def fit(
    referee: Referee,
    data: ImageSet,
    settings: Settings,
    show: Callable[[int, int, Mapping[str, float]], None],
    spoilings: tuple[Spoiling, ...] = SPOILINGS,
) -> None:
    """Trains on images moved by up to two pixels, or mirrored, of which some are spoiled, with AdamW and one cycle of
    the learning rate; then sets the features' units.

    `show(done, total, values)` is told how far it is, every second. spoilings: those it is shown, so that it can be
    tried on ways that it has not seen. Raises InputError when what it learns is not finite.
    """
    device = data.images.device
    settle(device)
    bfloat16 = precision(settings.precision, device) == "bfloat16"
    if settings.batch > len(data):
        raise InputError(f"referee batch: expected at most the {len(data)} training images, found {settings.batch}")
    total, spoiled = len(data) // settings.batch * settings.epochs, round(SPOILED * settings.batch)
    optimiser = torch.optim.AdamW(referee.parameters(), settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, total, pct_start=0.2)
    noise = generator(torch.device("cpu"), "referee batches", settings.seed)
    referee.train()
    done, told = 0, time.monotonic()
    for _ in range(settings.epochs):
        order = torch.randperm(len(data), generator=noise)
        for index in order[: len(order) // settings.batch * settings.batch].view(-1, settings.batch):
            rows = index.to(device)
            images, labels = scale(data.images[rows], "unit"), data.labels[rows].float()
            images = moved(images, noise)
            if settings.mirror and torch.rand((), generator=noise) < 0.5:
                images = images.flip(3)
            changed, degrees, legible = spoil(images[:spoiled], spoilings, settings.illegible, noise)
            images = torch.cat([changed, images[spoiled:]])
            degrees = F.pad(degrees, (0, 0, 0, len(images) - spoiled))
            legible = F.pad(legible, (0, len(images) - spoiled), value=1)
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                _, names, found = referee.raw(images)
            optimiser.zero_grad()
            value = loss(names.float(), labels, legible, found.float(), degrees)
            value.backward()
            optimiser.step()
            schedule.step()
            done += 1
            if time.monotonic() - told >= 1 or done == total:
                told = time.monotonic()
                show(done, total, {"loss": learning(referee, value.item(), done, total)})
    referee.eval()
    referee.calibrate(data.images[:CALIBRATED])


@torch.inference_mode()
def look(referee: Referee, images: Tensor, batch: int = 500) -> Seen:
    """What is seen in images (N, C, H, W), uint8 or float in [0, 1]."""
    parts = [referee(scale(part, "unit") if part.dtype == torch.uint8 else part) for part in images.split(batch)]
    return Seen(*map(torch.cat, zip(*parts, strict=True)))


@torch.inference_mode()
def unnameable(images: Tensor, illegible: float, batch: int = 500) -> Tensor:
    """uint8 images (N, C, H, W) blurred so much that nobody could name what they show, in [0, 1]."""
    noise = torch.Generator()
    parts = images.split(batch)
    return torch.cat([blur(scale(part, "unit"), torch.full((len(part),), illegible), noise) for part in parts])


def save_views(path: Path, views: Mapping[str, Seen]) -> None:
    """What is seen in the real images by split, so that no evaluation needs to look again."""
    storage.write(
        path, {f"{split}.{name}": t for split, seen in views.items() for name, t in seen._asdict().items()}, {}
    )


def load_views(path: Path, split: str) -> Seen:
    """What is seen in a split's images, in their order."""
    tensors, _ = storage.read(path, "a referee's view of real images")
    return Seen(*(tensors[f"{split}.{name}"] for name in Seen._fields))


def save(path: Path, referee: Referee) -> None:
    storage.write(path, referee.state_dict(), referee.facts)


def load(path: Path, device: torch.device) -> Referee:
    """A referee that `save` wrote, ready to look."""
    tensors, facts = storage.read(path, "a referee")
    referee = Referee(**{**facts, "shape": tuple(facts["shape"])})
    referee.load_state_dict(tensors)
    return referee.to(device).eval().requires_grad_(False)
