"""The seeds of one experiment: training those that are not trained yet, keeping the others."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from pipeline.contracts import checkpoint, curves, images
from pipeline.contracts.checkpoint import Header
from pipeline.contracts.curves import Row
from pipeline.contracts.images import ImageSet
from pipeline.ground.device import precision
from pipeline.ground.errors import InputError
from pipeline.ground.files import replacing
from pipeline.ground.parallel import Progress, Report, over_seeds
from pipeline.ground.seeding import derive
from pipeline.training import loop, resume
from pipeline.training.experiment import Plan
from pipeline.training.loop import Run

TELL_EVERY = 1.0  # seconds: the points of a long run's curve may lie minutes apart


@dataclass(frozen=True)
class Training:
    """One experiment's training. block: its entry as it stands in params.yaml; save_every: seconds between states."""

    name: str
    block: Mapping[str, Any]
    plan: Plan[Any, Any, loop.Settings]
    device: torch.device
    save_every: float

    @property
    def data(self) -> Path:
        return Path("data/prepared") / self.plan.experiment.data / "train.safetensors"

    @cached_property
    def places(self) -> dict[int, resume.Place]:
        """Where each seed's run lies, by seed. What precision `auto` comes to here is part of what a run is."""
        block = {**self.block, "precision": precision(self.plan.training.precision, self.device)}
        seeds = self.plan.experiment.seeds
        return {seed: resume.place(self.name, resume.definition(block, seed, self.data)) for seed in seeds}

    def untrained(self) -> list[int]:
        """The seeds that this machine has not trained before from the same parameters, data and code."""
        return [seed for seed, place in self.places.items() if not place.model.exists()]

    def train(self, seeds: Sequence[int], show: Progress) -> None:
        """Trains some of the seeds; `show` is told how far each is.

        Raises InputError when it cannot train: settings that do not fit the data, or a loss that is not finite.
        """
        over_seeds(self.seed, seeds, show, self.device, len(self.places))

    def write(self) -> None:
        """Writes the models and curves of all seeds, which must be trained, to the stage's outputs."""
        rows: dict[int, list[Row]] = {}
        for seed, place in self.places.items():
            rows |= curves.read(place.curve)
            model = Path("results/models") / self.name / f"seed{seed}.safetensors"
            _copy(place.model, model)
            for old in (model.parent / "snapshots").glob(f"{model.stem}-*"):
                old.unlink()  # of an earlier run, where DVC did not clear the folder
            for kept in sorted(place.snapshots.glob("*")):
                _copy(kept, model.parent / "snapshots" / kept.name)
        curves.write(Path("results/curves") / f"{self.name}.csv", rows)
        resume.prune(self.name)

    def seed(self, seed: int, report: Report) -> None:
        """Trains one seed, from where it was."""
        data, place = images.load(self.data).to(self.device), self.places[seed]
        header = self.header(data, seed)
        torch.manual_seed(derive("weights", seed))
        try:
            run = Run(checkpoint.build(header).to(self.device), data, self.plan.training, seed)
        except InputError as error:
            raise InputError(f"params.yaml: experiments.{self.name}.{error}") from None  # which begins with a key
        if state := place.load(self.device):
            run.restore(state)
            print(f"train {self.name} seed {seed}: goes on from iteration {run.iteration} of {run.total}", flush=True)
        saved, kept, told = float("-inf"), run.iteration, time.monotonic()
        shown: Mapping[str, float] = {}

        def passed() -> None:
            nonlocal told
            if time.monotonic() - told >= TELL_EVERY:
                told = time.monotonic()
                report(run.iteration, run.total, shown)

        def boundary(row: Row) -> None:
            nonlocal saved, kept, shown
            shown = _shown(row)
            report(run.iteration, run.total, shown)
            if run.iteration in run.snapshots:
                checkpoint.save_snapshot(place.snapshots, run.model, seed, run.iteration, int(row["images_seen"]))
            if time.monotonic() - saved >= self.save_every and run.iteration < run.total:
                place.save(run.state(), self.device)
                saved, kept = time.monotonic(), run.iteration

        try:
            run.train(boundary, passed)
        except InputError as error:
            good = f"the state at iteration {kept} is kept in {place.folder}" if kept else "no state was good"
            raise InputError(f"train {self.name} seed {seed}: {error}; {good}") from None
        # The curve first: a model there says that its seed is done.
        curves.write(place.curve, {seed: run.curve})
        checkpoint.save(place.model, run.model, header)
        place.finish()

    def header(self, data: ImageSet, seed: int) -> Header:
        """What the model of one seed is, trained on these images."""
        return Header(
            data=self.plan.experiment.data,
            family=self.plan.experiment.family,
            network=self.plan.experiment.network,
            model_settings=self.plan.model.model_dump(mode="json"),
            network_settings=self.plan.network.model_dump(mode="json"),
            shape=data.shape,
            classes=data.classes,
            kind=data.kind,
            source=data.source,
            seed=seed,
            precision=precision(self.plan.training.precision, self.device),
        )


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as beside:
        shutil.copyfile(source, beside)


def _shown(row: Row) -> dict[str, float]:
    """What fits a progress bar: of several players each one's loss, of one its terms."""
    losses = {name.removesuffix("_loss"): value for name, value in row.items() if name.endswith("_loss")}
    return losses or {name: value for name, value in row.items() if name not in curves.POSITION}
