"""Draws the points of a trained model's latent space, by the same calls as everything else that samples."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.contracts import checkpoint, images
from pipeline.contracts.images import to_unit
from pipeline.contracts.model import AdversarialModel, CodedModel, Drawer
from pipeline.ground.errors import InputError
from pipeline.ground.seeding import generator
from tools.explorer.point import REACH, Facts, Point

Strip = Literal["labels", "codes", "between", "directions"]
STEPS: Final = 9  # of the strip from one latent to another
_DIRECTIONS: Final = 8
_DRAWS: Final = 1024  # images that tell which directions change most
_COARSE: Final = 16  # pixels a side, on which they are compared
_BATCH: Final = 128
_SETS: Final = 100  # sets of labels of real images, at most


class Artist:
    """One trained model. real: (R, K) label sets that it learned from, or one-hot ones."""

    def __init__(self, path: Path, device: torch.device, real: Tensor | None) -> None:
        self.device = device
        self.model, self.header = checkpoint.load(path, device)
        self.real = torch.eye(len(self.header.classes)) if real is None else real
        self._directions: dict[Drawer | None, Tensor] = {}

    @torch.inference_mode()
    def draw(self, points: Sequence[Point]) -> Tensor:
        """uint8 (N, C, H, W) of points by the same drawer."""
        drawer = points[0].drawer
        latents = torch.cat([self._latent(point) for point in points])
        if isinstance(self.model, CodedModel):
            shares = latents.new_zeros(len(points), self.model.codes)
            for row, point in zip(shares, points, strict=True):
                row[point.code - 1] += 1 - point.mixed
                row[point.other - 1] += point.mixed
            latents = self.model.coded(latents, shares)
        named = [[float(name in point.label) for name in self.header.classes] for point in points]
        drawn = self._generate(latents, torch.tensor(named).to(self.device), drawer)
        return drawn.mul(255).round().byte().cpu()

    def strip(self, point: Point, kind: Strip, facts: Facts) -> Tensor:
        """uint8 (N, C, H, W): what each of a row of controls would draw; empty where there are none.

        labels: each class or object alone, each attribute flipped. codes: each alone. between: from one latent to the
        other. directions: both ends of each in turn.
        """
        points: list[Point] = []
        if kind == "labels" and facts.kind == "attributes":
            points = [point.but(label=tuple({*point.label} ^ {name})) for name in facts.classes]
        elif kind == "labels":
            points = [point.but(label=(name,)) for name in facts.classes]
        elif kind == "codes":
            points = [point.but(code=code + 1, mixed=0.0) for code in range(facts.codes)]
        elif kind == "between":
            points = [point.but(share=step / (STEPS - 1)) for step in range(STEPS)]
        else:
            points = [point.moved(each, end) for each in range(facts.directions) for end in (-REACH, REACH)]
        if not points:
            raise InputError(f"{kind}: {facts.name} has none")
        return torch.cat([self.draw(points[start : start + _BATCH]) for start in range(0, len(points), _BATCH)])

    def _latent(self, point: Point) -> Tensor:
        """(1, Z): from the one random latent towards the other in a straight line, then along the directions."""
        start = self.model.prior(1, generator(self.device, "sample", point.start))
        if point.share:
            start = torch.lerp(start, self.model.prior(1, generator(self.device, "sample", point.end)), point.share)
        if any(point.moves):
            moves = torch.tensor([point.moves], device=self.device)
            start = start + moves @ self.directions(point.drawer)[: len(point.moves)]
        return start

    def _generate(self, latents: Tensor, labels: Tensor, drawer: Drawer | None) -> Tensor:
        """Images (N, C, H, W) in [0, 1]."""
        if drawer is not None and isinstance(self.model, AdversarialModel):
            return to_unit(self.model.generate_by(drawer, latents, labels), self.model.pixels)
        return to_unit(self.model.generate(latents, labels), self.model.pixels)

    def directions(self, drawer: Drawer | None) -> Tensor:
        """(D, Z), D at most 8: the directions of the latent space that change images most, one deviation long.

        The principal components of a linear fit of images to latents. Random latents, whitened, z = m + W w with
        independent w of variance 1; x = a + B w, by least squares, under random labels and codes; of B = U S V^T the
        first columns of W V. A direction is the same wherever one stands, so that a slider means the same everywhere.
        Each is turned to where images become brighter. Rows are 0 where latents do not vary.
        """
        if drawer not in self._directions:
            self._directions[drawer] = self._find(drawer)
        return self._directions[drawer]

    @torch.inference_mode()
    def _find(self, drawer: Drawer | None) -> Tensor:
        noise = generator(self.device, "directions")
        drawn = self.model.prior(_DRAWS, noise)
        kept = drawn
        if isinstance(self.model, CodedModel):  # a code is no direction
            kept = self.model.coded(drawn, drawn.new_full((_DRAWS, self.model.codes), 1 / self.model.codes))
        rows = torch.randint(len(self.real), (_DRAWS,), generator=noise, device=self.device)
        labels = self.real.to(self.device)[rows]
        coarse = [
            F.adaptive_avg_pool2d(self._generate(*pair, drawer), _COARSE).cpu()
            for pair in zip(drawn.split(_BATCH), labels.split(_BATCH), strict=True)
        ]
        shown = torch.cat(coarse).flatten(1)
        latents = kept.cpu()
        white, spread, axes = torch.linalg.svd(latents - latents.mean(0), full_matrices=False)
        varied = spread > 1e-4 * spread[0]
        # `white` has orthonormal columns: the fit of centred images is its transpose times them.
        turns, _, changes = torch.linalg.svd(white[:, varied].T @ (shown - shown.mean(0)), full_matrices=False)
        found = (turns.T * (spread[varied] / _DRAWS**0.5)) @ axes[varied]
        found = found * torch.where(changes.sum(1, keepdim=True) < 0, -1.0, 1.0)
        directions = torch.zeros(min(_DIRECTIONS, latents.shape[1]), latents.shape[1])
        directions[: len(found)] = found[: len(directions)]
        return directions.to(self.device)


class Studio:
    """An experiment's trained models, each loaded when it is first asked for."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self._paths = checkpoint.seeds(folder)
        self._device = device
        self._artists: dict[int, Artist] = {}
        seeds = tuple(self._paths)
        header = checkpoint.header(self._paths[seeds[0]])
        self._real = _real(header)
        first = self.artist(seeds[0]).model
        adversarial, conditional = isinstance(first, AdversarialModel), first.conditional
        named = tuple(
            tuple(name for name, holds in zip(header.classes, row, strict=True) if holds)
            for row in ([] if self._real is None else self._real.tolist())
        )
        self.facts = Facts(
            name=folder.name,
            family=header.family,
            network=header.network,
            source=header.source,
            shape=header.shape,
            latent=first.latent,
            latents=first.latents,
            seeds=seeds,
            drawers=("generator", "average") if adversarial else (),
            drawer=first.drawn_by if isinstance(first, AdversarialModel) else None,
            kind=header.kind,
            classes=header.classes if conditional else (),
            real=named[:_SETS] if conditional and header.kind != "classes" else (),
            codes=first.codes if isinstance(first, CodedModel) else 0,
            directions=min(_DIRECTIONS, first.latent),
        )

    def artist(self, seed: int) -> Artist:
        if seed not in self._artists:
            self._artists[seed] = Artist(self._paths[seed], self._device, self._real)
        return self._artists[seed]


def _real(header: checkpoint.Header) -> Tensor | None:
    """(R, K) float: labels of the test images, where those that the model knows are there."""
    try:
        test = images.load(Path("data/prepared") / header.data / "test.safetensors")
    except InputError:
        return None
    return test.labels.float() if (test.classes, test.source) == (header.classes, header.source) else None
