"""The experiments that the page is about, as they are read from the results."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.ground.errors import InputError
from pipeline.report.embedding import Picture
from pipeline.report.settings import Settings
from pipeline.statistics.measurements import Measurements


@dataclass(frozen=True)
class Run:
    """An experiment. parameters: its block of params.yaml; pictures: by kind."""

    name: str
    parameters: Mapping[str, Any]
    found: Measurements
    pictures: Mapping[str, Picture]

    @property
    def role(self) -> str:
        return str(self.parameters["data"])


def check(experiments: Mapping[str, Any], found: Mapping[str, Measurements], settings: Settings) -> None:
    """Raises InputError unless every experiment is measured and the report's settings name only those there are."""
    if missing := [name for name in experiments if name not in found]:
        expected = "expected every experiment of params.yaml"
        raise InputError(f"results/measurements: {expected}, found none of {', '.join(missing)}; run `dvc repro`")
    named = [*settings.explorer, *(name for part in settings.sections for name in part.experiments)]
    if strange := [name for name in named if name not in experiments]:
        raise InputError(f"params.yaml: report: expected entries of experiments, found {', '.join(strange)}")


def gathered(
    experiments: Mapping[str, Any], found: Mapping[str, Measurements], pictures: Mapping[Path, Picture]
) -> list[Run]:
    """Each experiment with its measurements and pictures; pictures: by file, each in a folder named after its
    experiment."""
    own: dict[str, dict[str, Picture]] = {name: {} for name in experiments}
    for path, picture in pictures.items():
        own[path.parent.name][path.stem] = picture
    return [Run(name, block, found[name], own[name]) for name, block in experiments.items()]
