"""Moments of training on disk: one CSV an experiment, a row a moment, all seeds below each other."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.evidence import Moment
from pipeline.files import replacing

HEAD = ("seed", "drawer", "iteration", "images_seen")


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
    """Moments by seed, as `write` wrote them; nothing when there is no such file."""
    found: dict[int, list[Moment]] = {}
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                seed, drawer, iteration, images_seen = (row.pop(name) for name in HEAD)
                values = {name: float(value) for name, value in row.items()}
                found.setdefault(int(seed), []).append(Moment(int(iteration), int(images_seen), drawer, values))
    return found
