"""Pictures of faces: portraits as pixels, under light of a colour and from a side, drawn on all cores."""

import io
import math
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.renderers.faces.features import Faces
from pipeline.renderers.faces.portrait import SIZE, Shot, compose

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
_Work = tuple[list[list[int]], list[list[float]]]
_BATCH = 50  # faces that a worker draws at a time
_FEW = 500  # faces: drawn sooner than other processes start


def draw(
    faces: Faces[Tensor], random: torch.Generator, show: Callable[[int], None] | None = None, workers: int | None = None
) -> Tensor:
    """Pictures (N, 3, 64, 64) uint8, each with a camera, light, clothes and a background of its own.

    `show` is told now and then how many are done. `workers` are processes, by default one for each thread that torch
    may use; pictures do not depend on how many.
    """
    count = len(faces.cut)
    chance = torch.rand(count, len(Shot._fields), generator=random).tolist()
    rows = torch.stack(list(faces), 1).tolist()
    work = [(rows[i : i + _BATCH], chance[i : i + _BATCH]) for i in range(0, count, _BATCH)]
    images = np.empty((count, 3, SIZE, SIZE), np.uint8)
    workers = workers or (1 if count < _FEW else torch.get_num_threads())
    with _mapper(min(workers, len(work))) as over:
        done = 0
        for part in over(_pictures, work):
            images[done : done + len(part)] = part
            done += len(part)
            if show is not None:
                show(done)
    return torch.from_numpy(images)


@contextmanager
def _mapper(workers: int) -> Iterator[Callable[..., Iterator[Bytes]]]:
    if workers == 1:
        yield map
        return
    # A fork is there at once; it is safe as what runs there uses no threads, torch's neither.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        yield pool.map


def _pictures(work: _Work) -> Bytes:
    import resvg_py
    from PIL import Image

    images = np.empty((len(work[0]), SIZE, SIZE, 3), np.uint8)
    for image, face, chance in zip(images, *work, strict=True):
        shot = Shot(*chance)
        svg = resvg_py.svg_to_bytes(svg_string=compose(Faces(*face), shot), skip_system_fonts=True)
        with Image.open(io.BytesIO(svg)) as png:
            image[:] = _lit(np.asarray(png.convert("RGB")), shot)
    return images.transpose(0, 3, 1, 2)


def _lit(picture: Bytes, shot: Shot) -> Bytes:
    """Under light of a colour and from a side."""
    warm = (shot.warmth - 0.5) * 0.16
    gain = np.float32(0.85 + 0.25 * shot.exposure) * np.array([1 + warm, 1, 1 - warm], np.float32)
    ramp = np.linspace(-1, 1, SIZE, dtype=np.float32)
    side = 2 * math.pi * shot.lamp_side
    fall = 1 + 0.15 * shot.lamp * (math.cos(side) * ramp + math.sin(side) * ramp[:, None])
    return (picture * gain * fall[..., None].astype(np.float32)).clip(0, 255).round().astype(np.uint8)
