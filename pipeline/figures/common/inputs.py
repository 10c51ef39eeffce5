"""What a figure may look at: the trained models of one experiment, their learning curves, and real images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor

from pipeline.contracts.images import ImageSet, scale, to_unit
from pipeline.contracts.model import GenerativeModel
from pipeline.contracts.training_progress import Moment
from pipeline.ground.params import Seed, Strict
from pipeline.ground.seeding import generator
from pipeline.judges.scores import accuracy, recognised


class Settings(Strict):
    """figures: the plug-ins in pipeline/figures to draw, where they apply. seed: of all draws."""

    figures: tuple[str, ...] = Field(min_length=1)
    seed: Seed = 0


@dataclass(frozen=True)
class Inputs:
    """One experiment. models: by seed, ready to draw; curves: rows by seed, see `pipeline.contracts.curves`.

    progress: moments by seed, see `pipeline.contracts.training_progress`; empty for models that keep none. judge,
    referee: see K logits (N, K) in images (N, C, H, W) in [0, 1]; the referee's are above 0 for what it can name with
    confidence. seed: of all draws. kept: files of the first seed's model as it was on its way, in order; none for
    models that keep no moments. departures: from the report, in words. Figures that show one model show the first
    seed's.
    """

    name: str
    models: Mapping[int, GenerativeModel]
    curves: Mapping[int, Sequence[Mapping[str, float]]]
    progress: Mapping[int, Sequence[Moment]]
    judge: Callable[[Tensor], Tensor]
    referee: Callable[[Tensor], Tensor]
    test: ImageSet
    seed: int
    kept: Sequence[Path] = ()
    departures: Sequence[str] = ()

    @property
    def model(self) -> GenerativeModel:
        return next(iter(self.models.values()))

    @property
    def device(self) -> torch.device:
        return self.test.images.device

    @cached_property
    def yardstick(self) -> str:
        """How right the judge is on real test images: to stand beside every accuracy of drawings that it gives."""
        real = accuracy(self.judge(scale(self.test.images, "unit")), self.test.labels, self.test.kind)
        return f"the judge on real images: {real:.2f}"

    @cached_property
    def recognised(self) -> str:
        """What the referee can name in real test images: to stand beside every share of drawings that it gives."""
        real = recognised(self.referee(scale(self.test.images, "unit")), self.test.labels)
        return f"in real images: {real:.2f}"

    def noise(self, figure: str) -> torch.Generator:
        """A generator for one figure, so that figures do not depend on which others are drawn."""
        return generator(self.device, "figure", figure, self.seed)

    def one_hot(self, classes: Tensor) -> Tensor:
        """Labels (N, K) float of class numbers (N,), counted round: class K is class 0 again."""
        k = len(self.test.classes)
        return torch.eye(k, device=self.device)[classes % k]

    def orders(self, count: int, noise: torch.Generator) -> Tensor:
        """Labels (count, K) float to show a model by: classes in order, the first listed label sets, counted round, or
        random test images' labels.
        """
        if self.test.exclusive:
            return self.one_hot(torch.arange(count, device=self.device))
        for sets in self.test.conditions.values():
            return sets[torch.arange(count, device=self.device) % len(sets)].float()
        asked = torch.randint(len(self.test), (count,), generator=noise, device=self.device)
        return self.test.labels[asked].float()

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        """The model's images (N, C, H, W) in [0, 1] of latents (N, Z) and labels (N, K)."""
        return to_unit(self.model.generate(latents, labels), self.model.pixels)

    def title(self, figure: str) -> str:
        return f"{self.name} · {figure}"

    def caption(self, *facts: str) -> str:
        """What a figure of one model shows: the images' source, the model's seed, further facts, and what is ours."""
        ours = (f"ours: {', '.join(self.departures)}",) if self.departures else ()
        return " · ".join((self.test.source, f"seed {next(iter(self.models))}", *facts, *ours))
