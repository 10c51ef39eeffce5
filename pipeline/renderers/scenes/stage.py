"""Scenes with the points of their lamps, and the points of surfaces that are seen."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from pipeline.renderers.scenes.geometry import Body, dot, normal, pick, put, unit, upright
from pipeline.renderers.scenes.layout import SHAPES, STEPS, Scenes

_SIDES = (0.5, 0.5, 1.0)  # of the lamps
# Added to squared distances from lamps. Without, a low fill lamp makes a blue spot at the edge of the view.
SOFT = torch.tensor([3.0, 20.0, 3.0])
# The point of each lamp that a sample of a pixel is lit from, from -1/2 to 1/2 of the lamp's side. No two share a row
# or a column, so that edges of shadows come out in even steps.
_SPOTS = torch.tensor([[1, -3], [-3, -1], [3, 1], [-1, 3]]).T / 8  # (2, samples)


@dataclass(frozen=True)
class Stage:
    """B scenes with the points of their lamps."""

    scenes: Scenes
    axis: Tensor  # (3, lamps, B), of length 1: from each lamp to the origin
    spots: Tensor  # (3, lamps, B, samples): where on each lamp the light of a sample comes from
    strength: Tensor  # (lamps, B): at the distance 1, such that the origin is lit as it would be without softening

    @staticmethod
    def of(scenes: Scenes) -> "Stage":
        centre = scenes.lamps.permute(2, 1, 0)
        axis = unit(-centre)
        across, up = upright(axis)
        side = torch.tensor(_SIDES)[:, None, None]
        spots = centre[..., None] + side * (across[..., None] * _SPOTS[0] + up[..., None] * _SPOTS[1])
        away = dot(centre, centre)
        return Stage(scenes, axis, spots, (away + SOFT[:, None]) / away)

    def bodies(self, slot: int | Tensor, scene: Tensor) -> Body:
        """The objects added at step `slot` to each `scene`, an index of any shape."""
        table = torch.cat([self.scenes.place, self.scenes.turn], 2).flatten(0, 1).T
        return Body(*pick(table, (scene * STEPS + slot).flatten()).view(4, *scene.shape))

    def of_objects(self, table: Tensor, scene: Tensor, slot: int | Tensor) -> Tensor:
        """Of a table (S, 3) of objects, those of `slot` in `scene` (N,); any one for the slot -1, the ground: (N,)."""
        return pick(table.flatten(), (scene * STEPS + slot).clamp_min(0))

    def groups(self, slot: int) -> Iterator[tuple[int, Tensor, Body]]:
        """Shape, scenes (R,) whose object of `slot` has it, and these objects, to go with rows (R, 1, 1)."""
        for shape in range(len(SHAPES)):
            rows = (self.scenes.shape[:, slot] == shape).nonzero()[:, 0]
            if len(rows):
                yield shape, rows, self.bodies(slot, rows[:, None, None])


@dataclass(frozen=True)
class Points:
    """N points of surfaces, each as one sample of one image sees it."""

    scene: Tensor  # (N,), within the batch
    step: Tensor  # (N,): the image, which shows the objects 0 to step
    sample: Tensor  # (N,), within its pixel
    owner: Tensor  # (N,): the object that the point is of, or -1, the ground
    place: Tensor  # (3, N)
    normal: Tensor  # (3, N), of length 1

    def take(self, rows: Tensor) -> "Points":
        return Points(*(pick(getattr(self, field.name), rows) for field in fields(self)))

    def others(self, stage: Stage) -> Iterator[tuple[int, int, Tensor, Body]]:
        """Slot, shape, rows (n,), bodies: for each point all objects in its image but its own.

        As bodies are convex, a point's own can only be in its way where its surface faces away.
        """
        for slot in range(STEPS):
            shown = (self.step >= slot) & (self.owner != slot)
            shapes = stage.of_objects(stage.scenes.shape, self.scene, slot)
            for shape in range(len(SHAPES)):
                rows = (shown & (shapes == shape)).nonzero()[:, 0]
                if len(rows):
                    yield slot, shape, rows, stage.bodies(slot, pick(self.scene, rows))


def on_surface(stage: Stage, scene: Tensor, step: Tensor, sample: Tensor, owner: Tensor, place: Tensor) -> Points:
    """Points with the normals of the surfaces that they are of."""
    normals = torch.zeros_like(place)
    normals[2] = 1
    shapes = torch.where(owner < 0, -1, stage.of_objects(stage.scenes.shape, scene, owner))
    for shape in range(len(SHAPES)):
        rows = (shapes == shape).nonzero()[:, 0]
        body = stage.bodies(pick(owner, rows), pick(scene, rows))
        put(normals, rows, body.unframe(normal(shape, body.place(pick(place, rows)))))
    return Points(scene, step, sample, owner, place, normals)
