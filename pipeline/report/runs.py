"""The experiments that the page is about, as they are read from the results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.ground.errors import InputError
from pipeline.ground.files import read_json
from pipeline.report.embedding import Picture, Reel
from pipeline.report.settings import Settings
from pipeline.statistics.measurements import Measurements


@dataclass(frozen=True)
class Run:
    """An experiment. parameters: its block of params.yaml; pictures, films: by kind."""

    name: str
    parameters: Mapping[str, Any]
    found: Measurements
    pictures: Mapping[str, Picture]
    films: Mapping[str, Reel] = field(default_factory=dict)

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
    experiments: Mapping[str, Any],
    found: Mapping[str, Measurements],
    pictures: Mapping[Path, Picture],
    films: Mapping[Path, Reel],
) -> list[Run]:
    """Each experiment with its measurements, pictures and films: by file, each in a folder named after its
    experiment; those of other folders are no experiment's."""
    own: dict[str, dict[str, Picture]] = {name: {} for name in experiments}
    moving: dict[str, dict[str, Reel]] = {name: {} for name in experiments}
    for path, picture in pictures.items():
        if path.parent.name in own:
            own[path.parent.name][path.stem] = picture
    for path, each in films.items():
        moving[path.parent.name][path.stem] = each
    return [Run(name, block, found[name], own[name], moving[name]) for name, block in experiments.items()]


def of_real_images(folder: Path, experiments: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """By role, what a judge or referee makes of real images: `folder`/ROLE.json."""
    return {
        role: read_json(folder / f"{role}.json") for role in {block["data"]: None for block in experiments.values()}
    }
