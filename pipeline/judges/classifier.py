"""The judge: a convolutional classifier of real images, in whose features and answers models are measured."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from pipeline.contracts.images import ImageSet, Kind, scale
from pipeline.ground import plugins, storage
from pipeline.ground.device import precision, settle
from pipeline.ground.errors import InputError
from pipeline.ground.params import Count, Seed, Size, Strict
from pipeline.ground.seeding import derive, generator
from pipeline.judges.scores import learning

VIEW = ("features", "logits")


class Settings(Strict):
    """weights: a file with a judge of one's own, or a folder: a file in it is taken, an empty one means train a judge.

    network: the plug-in in pipeline/judges; width: channels of its first layer. batch, epochs, learning_rate (the peak
    of one cycle), mirror (half of the images are, left to right), precision (`auto`: bfloat16 where the device computes
    it fast, else float32), seed: of its training.
    """

    weights: str
    network: str
    width: Size
    batch: Count
    epochs: Count
    learning_rate: float = Field(gt=0, le=1)
    mirror: bool = False
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    seed: Seed = 0


class Judge(nn.Module):
    """A network that gives features (B, D) and logits (B, K) of images (B, C, H, W) in [0, 1].

    network, width, shape, labels: what it is built from. kind: of labels; the outputs are a softmax's for `classes`,
    otherwise each is a sigmoid's.
    """

    def __init__(self, network: str, width: int, shape: tuple[int, int, int], labels: int, kind: Kind) -> None:
        super().__init__()
        self.facts = {"network": network, "width": width, "shape": shape, "labels": labels, "kind": kind}
        self.kind: Kind = kind
        self.network = (
            plugins.load("judges/networks", network).build(width, shape, labels).to(memory_format=torch.channels_last)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self.network(images)
        return found


def build(settings: Settings, data: ImageSet) -> Judge:
    """A judge with fresh weights for such images."""
    torch.manual_seed(derive("judge", settings.seed))
    return Judge(settings.network, settings.width, data.shape, len(data.classes), data.kind)


def loss(logits: Tensor, labels: Tensor, exclusive: bool) -> Tensor:
    """Cross-entropy of logits (B, K) with labels (B, K): nats per image, summed over labels that are not exclusive.

    Both take logits: a softmax or sigmoid in front of them would be applied twice.
    """
    if exclusive:
        return F.cross_entropy(logits, labels.argmax(1))
    return F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="sum") / len(logits)


def fit(
    judge: Judge, data: ImageSet, settings: Settings, show: Callable[[int, int, Mapping[str, float]], None]
) -> None:
    """Trains on images that are moved by up to two pixels, or mirrored, with AdamW and one cycle of the learning rate.

    `show(done, total, values)` is told how far it is, every second. Raises InputError when what it learns is not
    finite.
    """
    device = data.images.device
    settle(device)
    bfloat16 = precision(settings.precision, device) == "bfloat16"
    if settings.batch > len(data):
        raise InputError(f"classifier batch: expected at most the {len(data)} training images, found {settings.batch}")
    total = len(data) // settings.batch * settings.epochs
    optimiser = torch.optim.AdamW(judge.parameters(), settings.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, total, pct_start=0.2)
    noise = generator(torch.device("cpu"), "judge batches", settings.seed)
    judge.train()
    done, told = 0, time.monotonic()
    for _ in range(settings.epochs):
        order = torch.randperm(len(data), generator=noise)
        for index in order[: len(order) // settings.batch * settings.batch].view(-1, settings.batch):
            images = scale(data.images[index.to(device)], "unit")
            down, right = torch.randint(-2, 3, (2,), generator=noise).tolist()
            images = images.roll((down, right), (2, 3))
            if settings.mirror and torch.rand((), generator=noise) < 0.5:
                images = images.flip(3)
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                _, logits = judge(images)
            optimiser.zero_grad()
            value = loss(logits.float(), data.labels[index.to(device)], judge.kind == "classes")
            value.backward()
            optimiser.step()
            schedule.step()
            done += 1
            if time.monotonic() - told >= 1 or done == total:
                told = time.monotonic()
                show(done, total, {"loss": learning(judge, value.item(), done, total)})
    judge.eval()


@torch.inference_mode()
def predict(judge: Judge, images: Tensor, batch: int = 500) -> tuple[Tensor, Tensor]:
    """Features (N, 128) and logits (N, K) of images (N, C, H, W), uint8 or float in [0, 1]."""
    pairs = [judge(scale(part, "unit") if part.dtype == torch.uint8 else part) for part in images.split(batch)]
    return torch.cat([features for features, _ in pairs]), torch.cat([logits for _, logits in pairs])


def save_views(path: Path, views: Mapping[str, tuple[Tensor, Tensor]]) -> None:
    """Features and logits of the real images by split, so that no evaluation needs to compute them again."""
    tensors = {f"{split}.{name}": t for split, pair in views.items() for name, t in zip(VIEW, pair, strict=True)}
    storage.write(path, tensors, {})


def load_views(path: Path, split: str) -> tuple[Tensor, Tensor]:
    """Features (N, 128) and logits (N, K) of a split's images, in their order."""
    tensors, _ = storage.read(path, "a judge's view of real images")
    features, logits = (tensors[f"{split}.{name}"] for name in VIEW)
    return features, logits


def save(path: Path, judge: Judge) -> None:
    storage.write(path, judge.state_dict(), judge.facts)


def load(path: Path, device: torch.device) -> Judge:
    """A judge that `save` wrote, ready to judge."""
    tensors, facts = storage.read(path, "a judge")
    judge = Judge(**{**facts, "shape": tuple(facts["shape"])})
    judge.load_state_dict(tensors)
    return judge.to(device).eval().requires_grad_(False)


def own_weights(settings: Settings) -> Path | None:
    """The user's own weights file; None when `weights` is a folder without one. Raises InputError for anything else."""
    place = Path(settings.weights)
    if place.is_file():
        return place
    if not place.is_dir():
        raise InputError(f"classifier weights {place}: expected a file of weights or a folder, found neither")
    files = sorted(path for path in place.iterdir() if not path.name.startswith("."))
    if len(files) > 1:
        raise InputError(f"classifier weights {place}: expected one file, found {', '.join(p.name for p in files)}")
    return files[0] if files else None


def load_own(path: Path, judge: Judge) -> None:
    """Fills a judge's network with a state dict, safetensors or torch.save's, or with a file in a format that the
    network knows (`foreign`). Raises InputError when it does not fit; nothing in the file is executed.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
        foreign = getattr(judge.network, "foreign", None)
        judge.network.load_state_dict(foreign(content) if foreign else content)
        for name, values in judge.network.state_dict().items():
            if values.is_floating_point() and not bool(values.isfinite().all()):
                raise InputError(f"{name} has numbers that are not finite")
    except Exception as error:  # whatever a foreign file makes torch raise
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{path}: expected a state dict of the judge's network, found otherwise: {reason}") from None
    judge.eval()
