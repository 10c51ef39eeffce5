"""What makes a training run the same run, and its state on disk while it is under way."""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline import storage
from pipeline.training.loop import State

ROOT = Path(__file__).parents[2]


def definition(block: Mapping[str, Any], seed: int, data: Path) -> str:
    """A hash of all that decides how one seed turns out, but for the machine.

    block: the experiment's entry (its list of seeds is left out: adding a seed must not retrain the others);
    data: the training images' file; and the code: every module of this project that is loaded.
    """
    with data.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    files = {Path(m.__file__) for m in list(sys.modules.values()) if getattr(m, "__file__", None) and m.__file__}
    ours = sorted(path for path in files if path.is_relative_to(ROOT / "pipeline") and path.stat().st_size)
    code = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in ours}
    settings = {key: value for key, value in block.items() if key != "seeds"}
    facts = {"settings": settings, "seed": seed, "data": content, "code": code, "torch": torch.__version__}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Place:
    """Where the state of one run lies, outside DVC's outputs, which DVC deletes or replaces before a stage runs."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "state.safetensors"

    def save(self, state: State) -> None:
        facts = {"iteration": state.iteration, "curve": state.curve, "seconds": state.seconds}
        storage.write(self.path, state.tensors, facts)

    def load(self) -> State | None:
        """The last good state, or None at the beginning."""
        if not self.path.exists():
            return None
        tensors, facts = storage.read(self.path, "a training state")
        return State(facts["iteration"], tensors, facts["curve"], facts["seconds"])

    def clear(self) -> None:
        """Forgets the state of a run that is finished."""
        self.path.unlink(missing_ok=True)
        if self.folder.exists():
            self.folder.rmdir()


def place(experiment: str, definition: str, device: torch.device) -> Place:
    """`.resume/<experiment>-<hash>/`; a state of one kind of device does not fit another's generator."""
    return Place(Path(".resume") / f"{experiment}-{definition[:16]}-{device.type}")
