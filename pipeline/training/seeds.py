"""The seeds of one experiment: training those that are not trained yet, keeping the others."""

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
from pipeline.errors import InputError
from pipeline.experiment import Plan
from pipeline.seeding import derive
from pipeline.training import curves, loop, resume
from pipeline.training.loop import Row, Run


def train(
    name: str, block: Mapping[str, Any], plan: Plan[Any, Any, loop.Settings], device: torch.device, save_every: float
) -> None:
    """Trains the seeds that have no model of this definition; removes models of other seeds and definitions.

    block: the entry as it stands in params.yaml. save_every: seconds between states. Raises InputError when it cannot
    train: settings that do not fit the data, or a loss that is not finite.
    """
    models, curve = Path("results/models") / name, Path("results/curves") / f"{name}.csv"
    file = Path("data/prepared") / plan.experiment.data / "train.safetensors"
    data = images.load(file).to(device)
    definitions = {seed: resume.definition(block, seed, file) for seed in plan.experiment.seeds}
    before = curves.read(curve)
    rows = {s: before[s] for s, d in definitions.items() if s in before and _is_trained(_path(models, s), d)}
    for path in models.glob("*"):
        if path not in {_path(models, seed) for seed in rows}:
            path.unlink()
    for seed, definition in definitions.items():
        if seed in rows:
            print(f"train {name} seed {seed}: kept, trained before from the same parameters, data and code")
            continue
        place = resume.place(name, definition, device)
        torch.manual_seed(derive("weights", seed))
        header = _header(plan, data, seed, definition)
        model = checkpoint.build(header).to(device)
        rows[seed] = _train(f"train {name} seed {seed}", Run(model, data, plan.training, seed), place, save_every)
        # The curve first: a model on disk says that its seed is done.
        curves.write(curve, rows)
        checkpoint.save(_path(models, seed), model, header)
        place.clear()


def _train(title: str, run: Run, place: resume.Place, save_every: float) -> list[Row]:
    if state := place.load():
        run.restore(state)
        print(f"{title}: goes on from iteration {run.iteration} of {run.total}")
    saved = float("-inf")

    with progress(title, run.total) as update:

        def boundary(row: Row) -> None:
            nonlocal saved
            update(run.iteration, {name: row[name] for name in row if name not in loop.POSITION})
            if time.monotonic() - saved >= save_every and run.iteration < run.total:
                place.save(run.state())
                saved = time.monotonic()

        run.train(boundary)
    return run.curve


def _path(models: Path, seed: int) -> Path:
    return models / f"seed{seed}.safetensors"


def _is_trained(path: Path, definition: str) -> bool:
    try:
        return checkpoint.header(path).definition == definition
    except InputError:
        return False


def _header(plan: Plan[Any, Any, loop.Settings], data: ImageSet, seed: int, definition: str) -> Header:
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
        definition=definition,
    )
