"""The seeds of one experiment: training those that are not trained yet, keeping the others."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline import checkpoint
from pipeline.checkpoint import Header
from pipeline.command import progress
from pipeline.data import images
from pipeline.data.images import ImageSet
from pipeline.experiment import Plan
from pipeline.seeding import derive
from pipeline.training import curves, loop, resume
from pipeline.training.curves import Row
from pipeline.training.loop import Run


def train(
    name: str, block: Mapping[str, Any], plan: Plan[Any, Any, loop.Settings], device: torch.device, save_every: float
) -> None:
    """Trains the seeds of one experiment, those that this machine has not trained before, and writes all of them.

    block: the entry as it stands in params.yaml. save_every: seconds between states. Raises InputError when it cannot
    train: settings that do not fit the data, or a loss that is not finite.
    """
    file = Path("data/prepared") / plan.experiment.data / "train.safetensors"
    data = images.load(file).to(device)
    rows: dict[int, list[Row]] = {}
    for seed in plan.experiment.seeds:
        title = f"train {name} seed {seed}"
        place = resume.place(name, resume.definition(block, seed, file))
        if place.model.exists():
            print(f"{title}: trained before from the same parameters, data and code")
        else:
            header = _header(plan, data, seed)
            torch.manual_seed(derive("weights", seed))
            run = Run(checkpoint.build(header).to(device), data, plan.training, seed)
            _train(title, run, place, save_every)
            # The curve first: a model there says that its seed is done.
            curves.write(place.curve, {seed: run.curve})
            checkpoint.save(place.model, run.model, header)
            place.finish()
        rows |= curves.read(place.curve)
        model = Path("results/models") / name / f"seed{seed}.safetensors"
        model.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place.model, model)
    curves.write(Path("results/curves") / f"{name}.csv", rows)
    resume.prune(name)


def _train(title: str, run: Run, place: resume.Place, save_every: float) -> None:
    if state := place.load(run.device):
        run.restore(state)
        print(f"{title}: goes on from iteration {run.iteration} of {run.total}")
    saved = float("-inf")

    with progress(title, run.total) as update:

        def boundary(row: Row) -> None:
            nonlocal saved
            update(run.iteration, {name: row[name] for name in row if name not in curves.POSITION})
            if time.monotonic() - saved >= save_every and run.iteration < run.total:
                place.save(run.state(), run.device)
                saved = time.monotonic()

        run.train(boundary)


def _header(plan: Plan[Any, Any, loop.Settings], data: ImageSet, seed: int) -> Header:
    return Header(
        data=plan.experiment.data,
        family=plan.experiment.family,
        network=plan.experiment.network,
        model_settings=plan.model.model_dump(mode="json"),
        network_settings=plan.network.model_dump(mode="json"),
        shape=data.shape,
        classes=data.classes,
        exclusive=data.exclusive,
        source=data.source,
        seed=seed,
    )
