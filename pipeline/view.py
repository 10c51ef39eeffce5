"""What a figure may look at: the trained models of one experiment, their learning curves, and real images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from pipeline.data.images import ImageSet
from pipeline.models.base import GenerativeModel
from pipeline.seeding import generator


@dataclass(frozen=True)
class View:
    """One experiment. models: by seed, in evaluation mode; curves: rows by seed, see `pipeline.training.curves`.

    seed: of all draws. Figures that show one model show the first seed's.
    """

    name: str
    models: Mapping[int, GenerativeModel]
    curves: Mapping[int, Sequence[Mapping[str, float]]]
    test: ImageSet
    seed: int

    @property
    def model(self) -> GenerativeModel:
        return next(iter(self.models.values()))

    @property
    def device(self) -> torch.device:
        return self.test.images.device

    def noise(self, figure: str) -> torch.Generator:
        """A generator for one figure, so that figures do not depend on which others are drawn."""
        return generator(self.device, "figure", figure, self.seed)
