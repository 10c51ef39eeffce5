"""An experiment on scenes, at its full settings, on scenes drawn on the spot, until a time is over; it can go on."""

import contextlib
import multiprocessing
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.experiments import Enough, started
from benchmarks.lent import Clock
from pipeline.contracts import curves, images
from pipeline.contracts.curves import Row
from pipeline.contracts.images import ImageSet, to_unit
from pipeline.contracts.model import AdversarialModel
from pipeline.costs.work import planned
from pipeline.data import scenes
from pipeline.ground.errors import InputError
from pipeline.ground.seeding import generator
from pipeline.training.loop import Run
from pipeline.training.resume import Place

SAVE_EVERY = 10.0  # seconds between states
SHEETS = 4  # drawn on the way, and one at the end
RENDERING = 0.3  # of the time that is left, at most
TRIAL = 96  # images, by which the renderer's speed is told; the fewest that show all label sets to draw but one


def rendered(count: int, folder: Path, clock: Clock) -> tuple[ImageSet, float]:
    """Training images of the embedded source and the seconds that drawing them took; fewer where it is slow.

    They are kept in the folder: a run that goes on must see the same.
    """
    path = folder / "scenes.safetensors"
    if path.exists():
        return images.load(path), 0.0
    start = time.monotonic()
    # The renderer forks, which a process must not do once it has used a GPU.
    process = multiprocessing.get_context("spawn").Process(target=_render, args=(count, path, RENDERING * clock.left))
    process.start()
    process.join()
    if process.exitcode:
        raise InputError(f"drawing scenes ended with {process.exitcode}")
    return images.load(path), time.monotonic() - start


def _render(count: int, path: Path, seconds: float) -> None:
    """Writes so many images, or as many as can be drawn in about so many seconds."""
    start = time.monotonic()
    _draw(TRIAL)
    each = (time.monotonic() - start) / TRIAL
    images.save(_draw(max(TRIAL, min(count, int(seconds / each) // 3 * 3))), path)


def _draw(count: int) -> ImageSet:
    # Not `load`, which shows its bars by a package that a lent machine may not have.
    return scenes._embedded(scenes.Settings(source="clevr", train=count, test=3), lambda done: None)[0]


def sheet(run: Run, path: Path) -> None:
    """A PNG of the role's label sets `test`, one drawing each, always of the same latents.

    By the moving average where the model keeps one.
    """
    from torchvision.utils import save_image

    model, sets = run.model, run.data.conditions["test"]
    generate = partial(model.generate_by, "average") if isinstance(model, AdversarialModel) else model.generate
    latents = model.prior(len(sets), generator(run.device, "sheet"))
    model.eval()
    with torch.no_grad():
        drawn: Tensor = to_unit(generate(latents, sets.float()), model.pixels).cpu()
    model.train()
    save_image(drawn, path, nrow=8)


def train(
    name: str, content: Mapping[str, Any], data: ImageSet, device: torch.device, folder: Path, clock: Clock
) -> tuple[list[str], dict[str, Any]]:
    """Trains until a little before the clock's end, from the folder's state if there is one; lines and numbers.

    As many iterations are planned as the experiment has at the content's sizes, whatever the number of images.
    """
    entry = planned(name, content["experiments"][name])
    batch, wanted = entry.training.batch, content["data"]["scenes"]["train"]
    iterations = wanted // batch * entry.training.epochs
    epochs = -(-iterations // max(1, len(data) // batch))
    run = started(entry, data.to(device), points=max(1, iterations // 10), epochs=epochs, snapshots=0)
    place = Place(folder / name)
    if state := place.load(device):
        run.restore(state)
    first, begun, allowed = run.iteration, time.monotonic(), max(1.0, clock.left - 5.0)
    saved, sheets = begun, [0.0]

    def boundary(row: Row) -> None:
        nonlocal saved
        now = time.monotonic()
        if now - begun >= len(sheets) * allowed / (SHEETS + 1) and len(sheets) <= SHEETS:
            sheet(run, folder / f"{name}-{run.iteration:07d}.png")
            sheets.append(now)
        if now - saved >= SAVE_EVERY or now - begun >= allowed:
            place.save(run.state(), device)
            saved = now
        if now - begun >= allowed:
            raise Enough

    with contextlib.suppress(Enough):
        run.train(boundary)
    sheet(run, folder / f"{name}-{run.iteration:07d}.png")
    curves.write(folder / f"{name}.csv", {0: run.curve})
    spent = time.monotonic() - begun
    rate = (run.iteration - first) * run.images / spent
    left = (run.total - run.iteration) * run.images / rate / 3600 if rate else float("nan")
    ends = [run.curve[0], run.curve[-1]]
    terms = [term for term in ends[0] if term not in curves.POSITION and not term.endswith("_peak")]
    lines = [
        f"Iterations {first} to {run.iteration} of {run.total} in {spent:.0f} s, batches of {batch}, with sheets and"
        f" states: {rate:,.0f} images/s. The rest of this seed would take {left:.2f} hours.",
        "",
        "| loss | at first | at last |",
        "|---|--:|--:|",
        *(f"| {term} | {ends[0][term]:.4g} | {ends[1][term]:.4g} |" for term in terms),
        "",
        f"Drawings of the label sets `test`: {name}-*.png. The state in {name}/ is what the same command goes on from.",
    ]
    return lines, {"iterations": [first, run.iteration, run.total], "images_a_second": rate, "hours_left": left}
