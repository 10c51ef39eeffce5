"""How good a generator was at the moments of its training that were kept; on disk one CSV an experiment."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.ground.files import read_csv, replacing

HEAD = ("seed", "drawer", "iteration", "images_seen")


@dataclass(frozen=True)
class Moment:
    """A generator at one moment of its training, measured on fewer samples than the trained model.

    iteration, images_seen: so far. drawer: `generator`, its weights as they were, or `average`, their moving average.
    values: by name, the same names at every moment: always `frechet_distance` and `diversity` (see those metrics); for
    conditional models `recognised`, and for every list of label sets `<list>_accuracy`, without lists
    `condition_accuracy`.
    halves: the `frechet_distance` from each half of the test images; empty when read from disk.
    """

    iteration: int
    images_seen: int
    drawer: str
    values: Mapping[str, float]
    halves: tuple[float, ...] = ()


def write(path: Path, progress: Mapping[int, Sequence[Moment]]) -> None:
    """A row a moment: seed, drawer, iteration, images_seen, then the values. Only these names where there is none."""
    names = next((list(row.values) for rows in progress.values() for row in rows), [])
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*HEAD, *names])
        for seed, rows in sorted(progress.items()):
            for row in rows:
                numbers = [f"{row.values[name]:.6g}" for name in names]
                table.writerow([seed, row.drawer, row.iteration, row.images_seen, *numbers])


def read(path: Path) -> dict[int, list[Moment]]:
    """Moments by seed, as `write` wrote them; nothing when there is no such file. Raises InputError for what is not a
    finite number.
    """
    found: dict[int, list[Moment]] = {}
    for row in read_csv(path, HEAD, texts=("drawer",)):
        seed, drawer, iteration, images_seen = (row.pop(name) for name in HEAD)
        found.setdefault(int(seed), []).append(Moment(int(iteration), int(images_seen), drawer, row))
    return found
