"""Scenes of cubes, spheres and cylinders on grey ground, ray traced in plain torch.

After CLEVR (Johnson et al., "CLEVR: A Diagnostic Dataset for Compositional Language and Elementary Visual Reasoning",
2017), whose colours, sizes, camera, lamps and rules of placement these are, and i-CLEVR (El-Nouby et al., "Tell, Draw,
and Repeat", 2019), where a scene is three images: one object, another added, a third added, all else kept.

The world: z is up, the ground is z = 0, lengths are Blender's units, light is linear until the very end. A scene's
images are traced together, as all but the added objects is shared. Pixels have several samples: (..., samples, pixels).
Vectors are (3, ...) tensors, so that arithmetic runs over long rows. Up to the last step only +, -, x, / and square
roots are used, which round alike everywhere, so that an image does not depend on what it is drawn together with.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

CUBE, SPHERE, CYLINDER = range(3)
SHAPES = ("cube", "sphere", "cylinder")
COLOURS = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
STEPS = 3  # images and objects of a scene
SIZE = 64  # pixels
RADIUS = 0.7  # or half a side; every object is as high as wide
LEAST_VISIBLE = 200 / (320 * 240)  # of an image's area, of each object in each image

_REACH = 3.0  # objects' x and y, either way
_LEAST_GAP = 0.25  # between objects
_LEAST_APART = 0.4  # along and across the camera's direction, so that left and right, near and far are clear
_CAMERA = torch.tensor([7.4811, -6.5076, 5.3437])
_CAMERA_JITTER, _LAMP_JITTER = 0.5, 1.0  # either way, along each axis
_HALF_WIDTH = 16 / 35  # of the view, at distance 1: a sensor of 32 mm behind a lens of 35 mm
_ASPECT = 4 / 3  # of the view, squeezed into a square

# Key, fill and back: square lamps that face the origin.
_LAMPS = torch.tensor([[6.4467, -2.9052, 4.2584], [-4.6711, -4.0136, 3.0112], [-1.1685, 2.6460, 5.8157]])
_SIDES = (0.5, 0.5, 1.0)
_LIGHT = torch.tensor([[4.66], [1.06], [1.29]]) * torch.tensor([[1, 0.932, 0.817], [0.762, 0.818, 1], [1, 1, 1]])
_AMBIENT = 0.138
_TINTS = [*_LIGHT.tolist(), [1.0, 1.0, 1.0]]  # of the lamps, then of ambient light
# Added to squared distances from lamps. Without, a low fill lamp makes a blue spot at the edge of the view.
_SOFT = torch.tensor([3.0, 20.0, 3.0])

# Materials, by eye: gains of the light that they reflect.
_OBJECT_GAINS = torch.tensor([[2.6], [2.6], [2.6], [1.35]])  # of the lamps and of ambient light; the ground's are 1
_RUBBER_SHEEN, _METAL_SHEEN = 0.6, 9.0
_METAL_MIRROR, _METAL_MATT = 1.8, 0.15
_HORIZON, _ZENITH = 0.2, 0.02  # light of the sky, which only metal shows

_GRAY, _RED, _BLUE, _GREEN = (87, 87, 87), (173, 35, 35), (42, 75, 215), (29, 105, 20)
_BROWN, _PURPLE, _CYAN, _YELLOW = (129, 74, 25), (129, 38, 192), (41, 208, 208), (255, 238, 51)
_ALBEDO = torch.tensor([_GRAY, _RED, _BLUE, _GREEN, _BROWN, _PURPLE, _CYAN, _YELLOW]) / 255  # (colours, 3), linear

# Samples within a pixel, and the point of each lamp that a sample is lit from, from -1/2 to 1/2 of pixel and side. No
# two share a row or a column, so that edges of any direction, and of shadows, come out in even steps.
_SAMPLES = torch.tensor([[-1, -3], [3, -1], [-3, 1], [1, 3]]).T / 8  # (2, samples)
_SPOTS = torch.tensor([[1, -3], [-3, -1], [3, 1], [-1, 3]]).T / 8  # (2, samples)


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


def draw(
    labels: Tensor, random: torch.Generator, show: Callable[[int], None] | None = None, size: int = SIZE
) -> Tensor:
    """Scenes that show the objects `labels` (S, 3), shape x 8 + colour: (S, 3, 3, size, size) uint8.

    The axes are scene, image, channel, row, column. Where an object would hide another almost, or leave the view, the
    scene is set up anew. `show` is told now and then how many scenes are done.
    """
    images = torch.empty(len(labels), STEPS, 3, size, size, dtype=torch.uint8)
    todo = torch.arange(len(labels))
    while len(todo):
        more = partial(_add, show, len(labels) - len(todo)) if show else None
        drawn, visible = render(set_up(labels[todo], random), size, show=more)
        images[todo] = drawn
        todo = todo[(visible < LEAST_VISIBLE).any(1)]
    return images


def _add(show: Callable[[int], None], done: int, more: int) -> None:
    show(done + more)


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


def render(
    scenes: Scenes, size: int = SIZE, batch: int = 16, show: Callable[[int], None] | None = None
) -> tuple[Tensor, Tensor]:
    """The images (S, 3, 3, size, size) uint8, and the share of the last image that each object fills, (S, 3).

    `batch` scenes are drawn together, batches side by side on as many cores as torch may use.
    """
    images, visible, done = [], [], 0
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # of each worker; tensors are small, so that one worker a core keeps them busier
    try:
        with ThreadPoolExecutor(threads) as workers:
            for image, share in workers.map(partial(_render, size=size), scenes.split(batch)):
                images.append(image)
                visible.append(share)
                done += len(image)
                if show is not None:
                    show(done)
    finally:
        torch.set_num_threads(threads)
    return torch.cat(images), torch.cat(visible)


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
        return _unit(points)
    heights = points.abs()
    if shape == CYLINDER:
        around = dot(points[:2], points[:2]).sqrt()
        heights = torch.stack([around, around, heights[2]])
    return _unit(points * _power(heights, 16) * _power(heights, 8))


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Of vectors (2 or 3, ...)."""
    total = a[0] * b[0]
    for i in range(1, len(a)):
        total = total + a[i] * b[i]
    return total


def _most(vectors: Tensor) -> Tensor:
    return torch.maximum(torch.maximum(vectors[0], vectors[1]), vectors[2])


def _unit(vectors: Tensor) -> Tensor:
    return vectors / dot(vectors, vectors).sqrt()


def _upright(ahead: Tensor) -> tuple[Tensor, Tensor]:
    """To the right and upwards of directions `ahead` (3, ...), all of length 1."""
    x, y, z = ahead
    level = (x * x + y * y).sqrt()
    return torch.stack([y, -x, torch.zeros_like(x)]) / level, torch.stack([-x * z, -y * z, level * level]) / level


def _power(base: Tensor, exponent: int) -> Tensor:
    """`exponent` a power of two: squared over and over, which rounds alike everywhere."""
    for _ in range(exponent.bit_length() - 1):
        base = base * base
    return base


@dataclass(frozen=True)
class _Stage:
    """B scenes with the points of their lamps."""

    scenes: Scenes
    axis: Tensor  # (3, lamps, B), of length 1: from each lamp to the origin
    spots: Tensor  # (3, lamps, B, samples): where on each lamp the light of a sample comes from
    strength: Tensor  # (lamps, B): at the distance 1, such that the origin is lit as it would be without softening

    @staticmethod
    def of(scenes: Scenes) -> "_Stage":
        centre = scenes.lamps.permute(2, 1, 0)
        axis = _unit(-centre)
        across, up = _upright(axis)
        side = torch.tensor(_SIDES)[:, None, None]
        spots = centre[..., None] + side * (across[..., None] * _SPOTS[0] + up[..., None] * _SPOTS[1])
        away = dot(centre, centre)
        return _Stage(scenes, axis, spots, (away + _SOFT[:, None]) / away)

    def bodies(self, slot: int | Tensor, scene: Tensor) -> Body:
        """The objects added at step `slot` to each `scene`, an index of any shape."""
        place, turn = self.scenes.place[scene, slot], self.scenes.turn[scene, slot]
        return Body(place[..., 0], place[..., 1], turn[..., 0], turn[..., 1])

    def groups(self, slot: int) -> Iterator[tuple[int, Tensor, Body]]:
        """Shape, scenes (R,) whose object of `slot` has it, and these objects, to go with rows (R, 1, 1)."""
        for shape in range(len(SHAPES)):
            rows = (self.scenes.shape[:, slot] == shape).nonzero()[:, 0]
            if len(rows):
                yield shape, rows, self.bodies(slot, rows[:, None, None])


@dataclass(frozen=True)
class _Points:
    """N points of surfaces, each as one sample of one image sees it."""

    scene: Tensor  # (N,), within the batch
    step: Tensor  # (N,): the image, which shows the objects 0 to step
    sample: Tensor  # (N,), within its pixel
    owner: Tensor  # (N,): the object that the point is of, or -1, the ground
    place: Tensor  # (3, N)
    normal: Tensor  # (3, N), of length 1

    def take(self, rows: Tensor) -> "_Points":
        return _Points(*(getattr(self, field.name)[..., rows] for field in fields(self)))

    def others(self, stage: _Stage) -> Iterator[tuple[int, int, Tensor, Body]]:
        """Slot, shape, rows (n,), bodies: for each point all objects in its image but its own.

        As bodies are convex, a point's own can only be in its way where its surface faces away.
        """
        for slot in range(STEPS):
            shown = (self.step >= slot) & (self.owner != slot)
            shapes = stage.scenes.shape[self.scene, slot]
            for shape in range(len(SHAPES)):
                rows = (shown & (shapes == shape)).nonzero()[:, 0]
                if len(rows):
                    yield slot, shape, rows, stage.bodies(slot, self.scene[rows])


@torch.inference_mode()
def _render(scenes: Scenes, size: int) -> tuple[Tensor, Tensor]:
    """See `render`; B scenes at once."""
    stage = _Stage.of(scenes)
    camera = scenes.camera.T[:, :, None, None]  # (3, B, 1, 1)
    rays = _rays(scenes.camera, size)
    distance, owner = _trace(stage, camera, rays)
    visible = torch.stack([(owner[-1] == slot).float().mean((1, 2)) for slot in range(STEPS)], 1)

    # The camera looks down so far that every ray meets the ground.
    ground = camera - camera[2] / rays[2] * rays
    pixels = _ground(stage, ground, owner < 0)  # (steps, B, 3, pixels)

    step, scene, sample, pixel = (owner >= 0).nonzero().T
    at = scene, sample, pixel
    ray = rays[:, *at]
    points = camera[:, scene, 0, 0] + distance[step, *at] * ray
    colour = _objects(stage, _on_surface(stage, scene, step, sample, owner[step, *at].long(), points), ray)
    for channel in range(3):
        index = ((step * len(scenes) + scene) * 3 + channel) * size * size + pixel
        # What is brighter than white is white, before samples are averaged: else highlights have jagged edges.
        pixels.view(-1).index_add_(0, index, colour[channel].clamp(max=1) / _SAMPLES.shape[1])
    return _encode(pixels).view(STEPS, len(scenes), 3, size, size).transpose(0, 1), visible


def _rays(camera: Tensor, size: int) -> Tensor:
    """Directions of length 1, (3, S, samples, pixels), of the samples seen from `camera` (S, 3)."""
    ahead = _unit(-camera.T)[:, :, None, None]
    right, up = _upright(ahead)
    middle = torch.arange(size) + 0.5
    u = (middle + _SAMPLES[0][:, None]) / size * 2 - 1  # (samples, size)
    v = 1 - (middle + _SAMPLES[1][:, None]) / size * 2
    across = (u * _HALF_WIDTH)[:, None].expand(-1, size, -1).flatten(1)
    upwards = (v * _HALF_WIDTH / _ASPECT)[:, :, None].expand(-1, -1, size).flatten(1)
    return _unit(ahead + right * across + up * upwards)


def _trace(stage: _Stage, camera: Tensor, rays: Tensor) -> tuple[Tensor, Tensor]:
    """How far `rays` go and whose surface they meet (-1: no object's), in each image: (steps, B, samples, pixels)."""
    distance, owner = torch.full(rays.shape[1:], torch.inf), torch.full(rays.shape[1:], -1, dtype=torch.int8)
    distances, owners = [], []
    for slot in range(STEPS):
        found = torch.empty_like(distance)
        for shape, rows, body in stage.groups(slot):
            enter, leave = cross(shape, body.place(camera[:, rows]), body.frame(rays[:, rows]))
            found[rows] = torch.where(enter < leave, enter, torch.inf)
        owner = torch.where(found < distance, slot, owner)
        distance = torch.minimum(distance, found)
        distances.append(distance)
        owners.append(owner)
    return torch.stack(distances), torch.stack(owners)


def _ground(stage: _Stage, points: Tensor, seen: Tensor) -> Tensor:
    """Light from the ground at `points` (3, B, samples, pixels), where `seen` (steps, B, samples, pixels).

    Averaged over samples, other surfaces black: (steps, B, 3, pixels).
    """
    layers = []  # of light: each lamp's, then ambient
    for lamp in range(len(_LIGHT)):
        spots, axis = stage.spots[:, lamp, ..., None], stage.axis[:, lamp, :, None, None]
        unit, strength = _shine(spots, axis, stage.strength[lamp, :, None, None], _SOFT[lamp], points)
        layers.append(strength * unit[2])
    layers.append(torch.full_like(layers[0], _AMBIENT))
    up = torch.tensor([0.0, 0.0, 1.0])[:, None, None, None]
    images = []
    for slot in range(STEPS):
        for shape, rows, body in stage.groups(slot):
            start = body.place(points[:, rows])
            for lamp in range(len(_LIGHT)):
                way = body.place(stage.spots[:, lamp, rows, :, None]) - start
                layers[lamp][rows] *= ~_between(shape, start, way)
            layers[-1][rows] *= 1 - _hidden(body, points[:, rows], up)
        images.append(_glow([(layer * seen[slot]).mean(1) for layer in layers]))
    return torch.stack(images)


def _on_surface(stage: _Stage, scene: Tensor, step: Tensor, sample: Tensor, owner: Tensor, place: Tensor) -> _Points:
    """Points with the normals of the surfaces that they are of."""
    normals = torch.zeros_like(place)
    normals[2] = 1
    for shape in range(len(SHAPES)):
        rows = ((owner >= 0) & (stage.scenes.shape[scene, owner] == shape)).nonzero()[:, 0]
        body = stage.bodies(owner[rows], scene[rows])
        normals[:, rows] = body.unframe(normal(shape, body.place(place[:, rows])))
    return _Points(scene, step, sample, owner, place, normals)


def _objects(stage: _Stage, seen: _Points, ray: Tensor) -> Tensor:
    """Light (3, N) that comes from objects against `ray` (3, N)."""
    scenes = stage.scenes
    albedo = _ALBEDO[scenes.colour[seen.scene, seen.owner]].T
    metal = scenes.metal[seen.scene, seen.owner]
    layers, unit, strength = _lit(stage, seen)
    facing = -dot(ray, seen.normal)
    mirrored = ray + 2 * facing * seen.normal
    gloss = dot(mirrored[:, None], unit).clamp_min(0) * (strength > 0)
    sheen = torch.where(metal, _METAL_SHEEN * _power(gloss, 64), _RUBBER_SHEEN * _power(gloss, 16)) * strength
    colour = albedo * _glow(layers * _OBJECT_GAINS) + _glow(sheen)
    rows = metal.nonzero()[:, 0]
    if len(rows):
        tint, clear = albedo[:, rows], (1 - facing[rows]).clamp(0, 1)
        tint = tint + (1 - tint) * _power(clear, 4) * clear  # Schlick's approximation of Fresnel's reflectance
        image = _mirror(stage, seen.take(rows), mirrored[:, rows])
        colour[:, rows] = _METAL_MIRROR * tint * image + _METAL_MATT * colour[:, rows] + tint * _glow(sheen[:, rows])
    return colour


def _mirror(stage: _Stage, at: _Points, ray: Tensor) -> Tensor:
    """Light (3, N) that reaches the points `at` along `ray` (3, N): from other objects, the ground or the sky."""
    light = (_HORIZON + (_ZENITH - _HORIZON) * ray[2].clamp_min(0).sqrt()).expand(3, -1).clone()
    distance = torch.where(ray[2] < -1e-4, -at.place[2] / ray[2], torch.inf)
    owner = torch.full_like(at.owner, -1)
    for slot, shape, rows, body in at.others(stage):
        enter, leave = cross(shape, body.place(at.place[:, rows]), body.frame(ray[:, rows]))
        nearer = (enter < leave) & (enter > 0) & (enter < distance[rows])
        distance[rows] = torch.where(nearer, enter, distance[rows])
        owner[rows] = torch.where(nearer, slot, owner[rows])
    rows = distance.isfinite().nonzero()[:, 0]
    at, owner = at.take(rows), owner[rows]
    points = at.place + distance[rows] * ray[:, rows]
    seen = _on_surface(stage, at.scene, at.step, at.sample, owner, points)
    colours = stage.scenes.colour[at.scene, owner]
    layers, _, _ = _lit(stage, seen)
    light[:, rows] = torch.where(owner < 0, _glow(layers), _ALBEDO[colours].T * _glow(layers * _OBJECT_GAINS))
    return light


def _lit(stage: _Stage, at: _Points) -> tuple[Tensor, Tensor, Tensor]:
    """Light on surfaces (lamps + 1, N): each lamp's, then ambient; directions (3, lamps, N) and strengths of lamps."""
    spots = stage.spots[:, :, at.scene, at.sample]
    unit, strength = _shine(
        spots, stage.axis[:, :, at.scene], stage.strength[:, at.scene], _SOFT[:, None], at.place[:, None]
    )
    # From below comes less: the ground close to an object is dark.
    ambient = _AMBIENT * (0.55 + 0.45 * at.normal[2])
    for _, shape, rows, body in at.others(stage):
        start = body.place(at.place[:, None, rows])
        way = body.place(spots[:, :, rows]) - start
        strength[:, rows] *= ~_between(shape, start, way)
        ambient[rows] *= 1 - _hidden(body, at.place[:, rows], at.normal[:, rows])
    cosine = dot(at.normal[:, None], unit).clamp_min(0)
    strength = torch.where(cosine > 0, strength, 0.0)
    return torch.cat([strength * cosine, ambient[None]]), unit, strength


def _shine(spots: Tensor, axis: Tensor, strength: Tensor, soft: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Directions, of length 1, from `points` to `spots` on lamps, and the light that comes from there, unhindered."""
    way = spots - points
    square = dot(way, way)
    unit = way / square.sqrt()
    return unit, strength * (-dot(axis, unit)).clamp_min(0) / (square + soft)


def _between(shape: int, start: Tensor, way: Tensor) -> Tensor:
    """Whether the body in whose frame these are hinders light on its `way` to `start`, which is outside."""
    enter, leave = cross(shape, start, way)
    return (enter < leave) & (leave > 0)


def _hidden(body: Body, points: Tensor, normals: Tensor) -> Tensor:
    """The share of the sky's light that a ball in place of the body keeps from surfaces at `points`."""
    x, y, z = points
    way = torch.stack(torch.broadcast_tensors(body.x - x, body.y - y, RADIUS - z)) / RADIUS
    square = dot(way, way).clamp_min(1)
    return dot(normals, way).clamp_min(0) / (square * square.sqrt())


def _glow(layers: Sequence[Tensor] | Tensor) -> Tensor:
    """Lamps' shares of light, with or without ambient light last, to its colour (3 before the last axis, ...)."""
    channels = []
    for channel in range(3):
        total = layers[0] * _TINTS[0][channel]
        for layer, tint in zip(layers[1:], _TINTS[1:], strict=False):
            total = total + layer * tint[channel]
        channels.append(total)
    return torch.stack(channels, -2)


def _encode(light: Tensor) -> Tensor:
    """Linear light to sRGB, uint8."""
    curved = torch.where(light < 0.0031308, light * 12.92, 1.055 * light.clamp(1e-8, 1) ** (1 / 2.4) - 0.055)
    return (curved * 255).round().to(torch.uint8)
