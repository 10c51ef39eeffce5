"""What colour a point of the ground or of an object has: lamps, shadows, sheen and mirrors, in linear light."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.renderers.scenes.geometry import Body, cross, dot, pick, power, put
from pipeline.renderers.scenes.layout import RADIUS, STEPS
from pipeline.renderers.scenes.stage import SOFT, Points, Stage, on_surface

_LIGHT = torch.tensor([[4.66], [1.06], [1.29]]) * torch.tensor([[1, 0.932, 0.817], [0.762, 0.818, 1], [1, 1, 1]])
_AMBIENT = 0.138
_TINTS = [*_LIGHT.tolist(), [1.0, 1.0, 1.0]]  # of the lamps, then of ambient light
# Materials, by eye: gains of the light that they reflect.
_OBJECT_GAINS = torch.tensor([[2.6], [2.6], [2.6], [1.35]])  # of the lamps and of ambient light; the ground's are 1
_RUBBER_SHEEN, _METAL_SHEEN = 0.6, 9.0
_METAL_MIRROR, _METAL_MATT = 1.8, 0.15
_HORIZON, _ZENITH = 0.2, 0.02  # light of the sky, which only metal shows
_GRAY, _RED, _BLUE, _GREEN = (87, 87, 87), (173, 35, 35), (42, 75, 215), (29, 105, 20)
_BROWN, _PURPLE, _CYAN, _YELLOW = (129, 74, 25), (129, 38, 192), (41, 208, 208), (255, 238, 51)
_ALBEDO = torch.tensor([_GRAY, _RED, _BLUE, _GREEN, _BROWN, _PURPLE, _CYAN, _YELLOW]) / 255  # (colours, 3), linear


def ground(stage: Stage, points: Tensor, seen: Tensor) -> Tensor:
    """Light from the ground at `points` (3, B, samples, pixels), where `seen` (steps, B, samples, pixels).

    Averaged over samples, other surfaces black: (steps, B, 3, pixels).
    """
    layers = []  # of light: each lamp's, then ambient
    for lamp in range(len(_LIGHT)):
        spots, axis = stage.spots[:, lamp, ..., None], stage.axis[:, lamp, :, None, None]
        unit, strength = _shine(spots, axis, stage.strength[lamp, :, None, None], SOFT[lamp], points)
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


def objects(stage: Stage, seen: Points, ray: Tensor) -> Tensor:
    """Light (3, N) that comes from objects against `ray` (3, N)."""
    scenes = stage.scenes
    albedo = pick(_ALBEDO.T, stage.of_objects(scenes.colour, seen.scene, seen.owner))
    metal = stage.of_objects(scenes.metal, seen.scene, seen.owner)
    layers, unit, strength = _lit(stage, seen)
    facing = -dot(ray, seen.normal)
    mirrored = ray + 2 * facing * seen.normal
    gloss = dot(mirrored[:, None], unit).clamp_min(0) * (strength > 0)
    sheen = torch.where(metal, _METAL_SHEEN * power(gloss, 64), _RUBBER_SHEEN * power(gloss, 16)) * strength
    colour = albedo * _glow(layers * _OBJECT_GAINS) + _glow(sheen)
    rows = metal.nonzero()[:, 0]
    if len(rows):
        tint, clear = pick(albedo, rows), (1 - pick(facing, rows)).clamp(0, 1)
        tint = tint + (1 - tint) * power(clear, 4) * clear  # Schlick's approximation of Fresnel's reflectance
        image = _mirror(stage, seen.take(rows), pick(mirrored, rows))
        matt, shine = _METAL_MATT * pick(colour, rows), tint * _glow(pick(sheen, rows))
        put(colour, rows, _METAL_MIRROR * tint * image + matt + shine)
    return colour


def _mirror(stage: Stage, at: Points, ray: Tensor) -> Tensor:
    """Light (3, N) that reaches the points `at` along `ray` (3, N): from other objects, the ground or the sky."""
    light = (_HORIZON + (_ZENITH - _HORIZON) * ray[2].clamp_min(0).sqrt()).expand(3, -1).clone()
    distance = torch.where(ray[2] < -1e-4, -at.place[2] / ray[2], torch.inf)
    owner = torch.full_like(at.owner, -1)
    for slot, shape, rows, body in at.others(stage):
        enter, leave = cross(shape, body.place(pick(at.place, rows)), body.frame(pick(ray, rows)))
        nearest = pick(distance, rows)
        nearer = (enter < leave) & (enter > 0) & (enter < nearest)
        put(distance, rows, torch.where(nearer, enter, nearest))
        put(owner, rows, torch.where(nearer, slot, pick(owner, rows)))
    rows = distance.isfinite().nonzero()[:, 0]
    at, owner = at.take(rows), pick(owner, rows)
    points = at.place + pick(distance, rows) * pick(ray, rows)
    seen = on_surface(stage, at.scene, at.step, at.sample, owner, points)
    albedo = pick(_ALBEDO.T, stage.of_objects(stage.scenes.colour, at.scene, owner))
    layers, _, _ = _lit(stage, seen)
    put(light, rows, torch.where(owner < 0, _glow(layers), albedo * _glow(layers * _OBJECT_GAINS)))
    return light


def _lit(stage: Stage, at: Points) -> tuple[Tensor, Tensor, Tensor]:
    """Light on surfaces (lamps + 1, N): each lamp's, then ambient; directions (3, lamps, N) and strengths of lamps."""
    spots = pick(stage.spots.flatten(2), at.scene * stage.spots.shape[3] + at.sample)
    axis, bare = pick(stage.axis, at.scene), pick(stage.strength, at.scene)
    unit, strength = _shine(spots, axis, bare, SOFT[:, None], at.place[:, None])
    # From below comes less: the ground close to an object is dark.
    ambient = _AMBIENT * (0.55 + 0.45 * at.normal[2])
    for _, shape, rows, body in at.others(stage):
        place = pick(at.place, rows)
        start = body.place(place[:, None])
        way = body.place(pick(spots, rows)) - start
        put(strength, rows, pick(strength, rows) * ~_between(shape, start, way))
        put(ambient, rows, pick(ambient, rows) * (1 - _hidden(body, place, pick(at.normal, rows))))
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


def encode(light: Tensor) -> Tensor:
    """Linear light to sRGB, uint8."""
    curved = torch.where(light < 0.0031308, light * 12.92, 1.055 * light.clamp(1e-8, 1) ** (1 / 2.4) - 0.055)
    return (curved * 255).round().to(torch.uint8)
