"""The judge and the referee of a role, who look at the same images: one names labels, one sees how real they are."""

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pipeline.contracts.images import Kind
from pipeline.judges import classifier, referee
from pipeline.judges.classifier import Judge
from pipeline.judges.referee import Referee


class Opinion(NamedTuple):
    """Of N images. logits: (N, K), the judge's. features: (N, D), recognised: (N, K) logits and degrees: (N, S), the
    referee's, see `pipeline.judges.referee.Seen`.
    """

    logits: Tensor
    features: Tensor
    recognised: Tensor
    degrees: Tensor

    def to(self, device: torch.device) -> "Opinion":
        return Opinion(*(column.to(device) for column in self))


@dataclass(frozen=True)
class Panel:
    """Both, ready to look, on one device."""

    judge: Judge
    referee: Referee

    @property
    def kind(self) -> Kind:
        """Of labels."""
        return self.judge.kind

    def name(self, images: Tensor) -> tuple[Tensor]:
        """The judge's logits alone."""
        return (classifier.predict(self.judge, images)[1],)

    def look(self, images: Tensor) -> Opinion:
        """Both look at images (N, C, H, W), uint8 or in [0, 1]."""
        return Opinion(classifier.predict(self.judge, images)[1], *referee.look(self.referee, images))


def fuse(network: nn.Module) -> None:
    """Makes each normalisation part of the convolution before it, which is much of the time on a CPU.

    Of a network in evaluation; what it says changes by rounding only.
    """
    for part in network.modules():
        if isinstance(part, nn.Sequential):
            for at, (layer, after) in enumerate(pairwise(part)):
                if isinstance(layer, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
                    part[at], part[at + 1] = fuse_conv_bn_eval(layer, after), nn.Identity()
    network.to(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Files:
    """Where a role's judge and referee are: the folders that hold them and what they see in the real images."""

    judge: Path
    referee: Path

    def panel(self, device: torch.device) -> Panel:
        judge = classifier.load(self.judge / "judge.safetensors", device)
        seeing = referee.load(self.referee / "referee.safetensors", device)
        for network in (judge, seeing):
            fuse(network)
        return Panel(judge, seeing)

    def fingerprint(self) -> str:
        """Of both's weights: two panels that answer alike in every bit have the same."""
        told = hashlib.sha256()
        for path in (self.judge / "judge.safetensors", self.referee / "referee.safetensors"):
            told.update(path.read_bytes())
        return told.hexdigest()[:12]

    def real(self, split: str) -> Opinion:
        """What they see in a split's images, in their order."""
        return Opinion(
            classifier.load_views(self.judge / "views.safetensors", split)[1],
            *referee.load_views(self.referee / "views.safetensors", split),
        )
