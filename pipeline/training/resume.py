"""What makes a training run the same run, and its state on disk while it is under way."""

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline.ground import storage
from pipeline.training.loop import State

ROOT = Path(__file__).parents[2]


def definition(block: Mapping[str, Any], seed: int, data: Path) -> str:
    """A hash of all that decides how one seed turns out, but for the machine.

    block: the experiment's entry (its list of seeds is left out: adding a seed must not retrain the others);
    data: the training images' file; and the code: every module of the library that is loaded, but for the console's,
    which only say how far a run is, and packages' docstrings.
    """
    with data.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    files = {Path(m.__file__) for m in list(sys.modules.values()) if getattr(m, "__file__", None) and m.__file__}
    ours = sorted(path for path in files if path.is_relative_to(ROOT / "pipeline") and _decides(path))
    code = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in ours}
    settings = {key: value for key, value in block.items() if key != "seeds"}
    facts = {"settings": settings, "seed": seed, "data": content, "code": code, "torch": torch.__version__}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _decides(code: Path) -> bool:
    """Whether a module of the library can change what a run comes to."""
    return code.name != "__init__.py" and not code.is_relative_to(ROOT / "pipeline/console")


@dataclass(frozen=True)
class Place:
    """Where one run's state lies while it trains, and its result afterwards: outside DVC's outputs.

    DVC deletes a stage's outputs before it runs, so these are what a killed run goes on from, and what spares the seeds
    that are trained when another is added to the list.
    """

    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def curve(self) -> Path:
        return self.folder / "curve.csv"

    @property
    def snapshots(self) -> Path:
        return self.folder / "snapshots"

    def state(self, device: torch.device) -> Path:
        """One kind of device's state does not fit another's generator."""
        return self.folder / f"state-{device.type}.safetensors"

    def save(self, state: State, device: torch.device) -> None:
        facts = {"iteration": state.iteration, "curve": state.curve, "seconds": state.seconds}
        storage.write(self.state(device), state.tensors, facts)

    def load(self, device: torch.device) -> State | None:
        """The last good state, or None at the beginning."""
        if not self.state(device).exists():
            return None
        tensors, facts = storage.read(self.state(device), "a training state")
        return State(facts["iteration"], tensors, facts["curve"], facts["seconds"])

    def finish(self) -> None:
        """Forgets the states of a run whose model is written."""
        for path in self.folder.glob("state-*"):
            path.unlink()


def places(experiment: str) -> Path:
    return Path(".resume") / experiment


def place(experiment: str, definition: str) -> Place:
    """`.resume/<experiment>/<hash>/`."""
    return Place(places(experiment) / definition[:16])


def prune(experiment: str, keep: int = 24) -> None:
    """Removes all but the experiment's latest places; each holds a model."""
    latest = sorted(places(experiment).iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in latest[keep:]:
        shutil.rmtree(folder)
