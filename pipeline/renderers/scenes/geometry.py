"""Vectors and solids: where rays meet a cube, a sphere or a cylinder, and which way its surface faces.

Vectors are (3, ...) tensors, so that arithmetic runs over long rows.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from pipeline.renderers.scenes.layout import CUBE, CYLINDER, RADIUS, SPHERE


class Body(NamedTuple):
    """Objects, one for each ray or row of rays: tensors that broadcast with the rays."""

    x: Tensor
    y: Tensor
    cos: Tensor
    sin: Tensor

    def frame(self, vectors: Tensor) -> Tensor:
        """`vectors` (3, ...), turned and measured by the object: it spans -1 to 1 there."""
        x, y, z = vectors / RADIUS
        return torch.stack([self.cos * x + self.sin * y, self.cos * y - self.sin * x, z])

    def unframe(self, vectors: Tensor) -> Tensor:
        """The turn of `frame` undone, without the measure."""
        x, y, z = vectors
        return torch.stack([self.cos * x - self.sin * y, self.sin * x + self.cos * y, z])

    def place(self, points: Tensor) -> Tensor:
        """`points` (3, ...) as seen from the object's centre."""
        x, y, z = points
        return self.frame(torch.stack(torch.broadcast_tensors(x - self.x, y - self.y, z - RADIUS)))


def cross(shape: int, start: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays (3, ...) in a body's frame enter and leave it, in lengths of `direction`; not enter < leave: miss."""
    if shape == CUBE:
        inverse = direction.reciprocal()
        one, other = (-1 - start) * inverse, (1 - start) * inverse
        return _most(torch.minimum(one, other)), -_most(-torch.maximum(one, other))
    axes = 3 if shape == SPHERE else 2
    a = dot(direction[:axes], direction[:axes]).clamp_min(1e-12)
    b = dot(start[:axes], direction[:axes])
    c = dot(start[:axes], start[:axes]) - 1
    root = (b * b - a * c).clamp_min(0).sqrt()
    enter, leave = (-b - root) / a, (root - b) / a
    if shape == CYLINDER:
        inverse = direction[2].reciprocal()
        one, other = (-1 - start[2]) * inverse, (1 - start[2]) * inverse
        enter = torch.maximum(enter, torch.minimum(one, other))
        leave = torch.minimum(leave, torch.maximum(one, other))
    return enter, leave


def normal(shape: int, points: Tensor) -> Tensor:
    """Of a body's surface at `points` (3, N) in its frame, of length 1. Edges are a little rounded."""
    if shape == SPHERE:
        return unit(points)
    heights = points.abs()
    if shape == CYLINDER:
        around = dot(points[:2], points[:2]).sqrt()
        heights = torch.stack([around, around, heights[2]])
    return unit(points * power(heights, 16) * power(heights, 8))


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Of vectors (2 or 3, ...)."""
    total = a[0] * b[0]
    for i in range(1, len(a)):
        total = total + a[i] * b[i]
    return total


def _most(vectors: Tensor) -> Tensor:
    return torch.maximum(torch.maximum(vectors[0], vectors[1]), vectors[2])


def unit(vectors: Tensor) -> Tensor:
    return vectors / dot(vectors, vectors).sqrt()


def upright(ahead: Tensor) -> tuple[Tensor, Tensor]:
    """To the right and upwards of directions `ahead` (3, ...), all of length 1."""
    x, y, z = ahead
    level = (x * x + y * y).sqrt()
    return torch.stack([y, -x, torch.zeros_like(x)]) / level, torch.stack([-x * z, -y * z, level * level]) / level


def pick(values: Tensor, index: Tensor) -> Tensor:
    """`values` (..., N) at `index` (n,) of the last axis: (..., n). Gathering takes a tenth of indexing's time."""
    return values.gather(-1, index.expand(*values.shape[:-1], -1))


def put(values: Tensor, index: Tensor, new: Tensor) -> None:
    """`new` (..., n) into `values` (..., N), at `index` (n,) of the last axis; no number twice."""
    values.scatter_(-1, index.expand(new.shape), new)


def power(base: Tensor, exponent: int) -> Tensor:
    """`exponent` a power of two: squared over and over, which rounds alike everywhere."""
    for _ in range(exponent.bit_length() - 1):
        base = base * base
    return base
