"""Scenes of cubes, spheres and cylinders on grey ground, ray traced in plain torch.

After CLEVR (Johnson et al., "CLEVR: A Diagnostic Dataset for Compositional Language and Elementary Visual Reasoning",
2017), whose colours, sizes, camera, lamps and rules of placement these are, and i-CLEVR (El-Nouby et al., "Tell, Draw,
and Repeat", 2019), where a scene is three images: one object, another added, a third added, all else kept.

The world: z is up, the ground is z = 0, lengths are Blender's units, light is linear until the very end. A scene's
images are traced together, as all but the added objects is shared. Pixels have several samples: (..., samples, pixels).
Vectors are (3, ...) tensors, so that arithmetic runs over long rows. Up to the last step only +, -, x, / and square
roots are used, which round alike everywhere, so that an image does not depend on what it is drawn together with.
"""

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.renderers.scenes.geometry import cross, unit, upright
from pipeline.renderers.scenes.layout import STEPS, Scenes, set_up
from pipeline.renderers.scenes.light import encode, ground, objects
from pipeline.renderers.scenes.stage import Stage, on_surface

_Array = np.ndarray[Any, Any]

SIZE = 64  # pixels
LEAST_VISIBLE = 200 / (320 * 240)  # of an image's area, of each object in each image
_FEW = 64  # scenes: drawn sooner than other processes start
_HALF_WIDTH = 16 / 35  # of the view, at distance 1: a sensor of 32 mm behind a lens of 35 mm
_ASPECT = 4 / 3  # of the view, squeezed into a square
# Samples within a pixel, from -1/2 to 1/2 of it. No two share a row or a column, so that edges of any direction come
# out in even steps.
_SAMPLES = torch.tensor([[-1, -3], [3, -1], [-3, 1], [1, 3]]).T / 8  # (2, samples)


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


def render(
    scenes: Scenes, size: int = SIZE, batch: int = 16, show: Callable[[int], None] | None = None
) -> tuple[Tensor, Tensor]:
    """The images (S, 3, 3, size, size) uint8, and the share of the last image that each object fills, (S, 3).

    `batch` scenes are drawn together, batches side by side in as many processes as torch may use threads. Images do not
    depend on either.
    """
    images, visible, done = [], [], 0
    parts = [[getattr(part, field.name).numpy() for field in fields(part)] for part in scenes.split(batch)]
    with _mapper(min(torch.get_num_threads(), len(parts)) if len(scenes) > _FEW else 1) as over:
        for image, share in over(partial(_part, size=size), parts):
            images.append(torch.from_numpy(image))
            visible.append(torch.from_numpy(share))
            done += len(image)
            if show is not None:
                show(done)
    return torch.cat(images), torch.cat(visible)


@contextmanager
def _mapper(workers: int) -> Iterator[Callable[..., Iterator[tuple[_Array, _Array]]]]:
    if workers == 1:
        yield map
        return
    # Threads would wait for each other, as torch's calls are short. A fork is there at once; it is safe as what runs
    # there uses one thread.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        yield pool.map


def _part(columns: list[_Array], size: int) -> tuple[_Array, _Array]:
    """`_render` of a batch whose tensors, in the order of the fields of Scenes, are arrays, as are the results."""
    images, visible = _render(Scenes(*map(torch.from_numpy, columns)), size)
    return images.numpy(), visible.numpy()


@torch.inference_mode()
def _render(scenes: Scenes, size: int) -> tuple[Tensor, Tensor]:
    """See `render`; B scenes at once."""
    stage = Stage.of(scenes)
    camera = scenes.camera.T[:, :, None, None]  # (3, B, 1, 1)
    rays = _rays(scenes.camera, size)
    distance, owner = _trace(stage, camera, rays)
    visible = torch.stack([(owner[-1] == slot).float().mean((1, 2)) for slot in range(STEPS)], 1)

    # The camera looks down so far that every ray meets the ground.
    floor = camera - camera[2] / rays[2] * rays
    pixels = ground(stage, floor, owner < 0)  # (steps, B, 3, pixels)

    step, scene, sample, pixel = (owner >= 0).nonzero().T
    at = scene, sample, pixel
    ray = rays[:, *at]
    points = camera[:, scene, 0, 0] + distance[step, *at] * ray
    colour = objects(stage, on_surface(stage, scene, step, sample, owner[step, *at].long(), points), ray)
    for channel in range(3):
        index = ((step * len(scenes) + scene) * 3 + channel) * size * size + pixel
        # What is brighter than white is white, before samples are averaged: else highlights have jagged edges.
        pixels.view(-1).index_add_(0, index, colour[channel].clamp(max=1) / _SAMPLES.shape[1])
    return encode(pixels).view(STEPS, len(scenes), 3, size, size).transpose(0, 1), visible


def _rays(camera: Tensor, size: int) -> Tensor:
    """Directions of length 1, (3, S, samples, pixels), of the samples seen from `camera` (S, 3)."""
    ahead = unit(-camera.T)[:, :, None, None]
    right, up = upright(ahead)
    middle = torch.arange(size) + 0.5
    u = (middle + _SAMPLES[0][:, None]) / size * 2 - 1  # (samples, size)
    v = 1 - (middle + _SAMPLES[1][:, None]) / size * 2
    across = (u * _HALF_WIDTH)[:, None].expand(-1, size, -1).flatten(1)
    upwards = (v * _HALF_WIDTH / _ASPECT)[:, :, None].expand(-1, -1, size).flatten(1)
    return unit(ahead + right * across + up * upwards)


def _trace(stage: Stage, camera: Tensor, rays: Tensor) -> tuple[Tensor, Tensor]:
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
