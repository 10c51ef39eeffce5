"""What a scene is, and how its objects are placed, by CLEVR's rules.

The world: z is up, the ground is z = 0, lengths are Blender's units.
"""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

CUBE, SPHERE, CYLINDER = range(3)
SHAPES = ("cube", "sphere", "cylinder")
COLOURS = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
STEPS = 3  # images and objects of a scene
RADIUS = 0.7  # or half a side; every object is as high as wide
_REACH = 3.0  # objects' x and y, either way
_LEAST_GAP = 0.25  # between objects
_LEAST_APART = 0.4  # along and across the camera's direction, so that left and right, near and far are clear
_CAMERA = torch.tensor([7.4811, -6.5076, 5.3437])
_CAMERA_JITTER, _LAMP_JITTER = 0.5, 1.0  # either way, along each axis
# Key, fill and back: square lamps that face the origin.
_LAMPS = torch.tensor([[6.4467, -2.9052, 4.2584], [-4.6711, -4.0136, 3.0112], [-1.1685, 2.6460, 5.8157]])


@dataclass(frozen=True)
class Scenes:
    """S scenes of three objects each, in the order in which they are added."""

    camera: Tensor  # (S, 3), looking at the origin
    lamps: Tensor  # (S, 3, 3): key, fill, back; x, y, z
    place: Tensor  # (S, 3, 2): x and y of each object
    turn: Tensor  # (S, 3, 2): cosine and sine of its turn about the vertical
    shape: Tensor  # (S, 3), an index into SHAPES
    colour: Tensor  # (S, 3), an index into COLOURS
    metal: Tensor  # (S, 3) bool; else rubber

    def __len__(self) -> int:
        return len(self.camera)

    def split(self, batch: int) -> list["Scenes"]:
        columns = (getattr(self, field.name).split(batch) for field in fields(self))
        return [Scenes(*parts) for parts in zip(*columns, strict=True)]


def set_up(labels: Tensor, random: torch.Generator) -> Scenes:
    """Cameras, lamps, places, turns and materials for the objects `labels` (S, 3), by CLEVR's rules."""
    n = len(labels)
    camera = _CAMERA + _jitter((n, 3), random) * _CAMERA_JITTER
    lamps = _LAMPS + _jitter((n, 3, 3), random) * _LAMP_JITTER
    angle = torch.rand(n, STEPS, generator=random) * (2 * math.pi)
    metal = torch.rand(n, STEPS, generator=random) < 0.5
    place = torch.empty(n, STEPS, 2)
    todo = torch.arange(n)
    while len(todo):
        place[todo] = _jitter((len(todo), STEPS, 2), random) * _REACH
        todo = todo[~well_placed(place[todo], camera[todo])]
    turn = torch.stack([angle.cos(), angle.sin()], -1)
    return Scenes(camera, lamps, place, turn, labels // len(COLOURS), labels % len(COLOURS), metal)


def well_placed(place: Tensor, camera: Tensor) -> Tensor:
    """Whether objects at `place` (S, K, 2) keep CLEVR's distances, seen from `camera` (S, 3): (S,) bool."""
    towards = camera[:, :2] / camera[:, :2].norm(dim=1, keepdim=True)
    aside = torch.stack([-towards[:, 1], towards[:, 0]], 1)
    first, second = torch.triu_indices(place.shape[1], place.shape[1], 1)
    apart = place[:, first] - place[:, second]  # (S, pairs, 2)
    free = apart.norm(dim=2) - 2 * RADIUS >= _LEAST_GAP
    for axis in (towards, aside):
        free &= (apart * axis[:, None]).sum(2).abs() > _LEAST_APART
    return free.all(1)


def _jitter(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=random) * 2 - 1
