"""Learning curves on disk: one CSV an experiment, a row a point, all seeds below each other.

`loss` is that of the only player, or of the last to play: a generator's.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.ground.files import read_csv, replacing

POSITION = ("iteration", "epoch", "images_seen", "seconds")  # what a row holds besides losses
Row = dict[str, float]  # one point of a learning curve; every loss is a mean over the iterations since the last point


def write(path: Path, curves: Mapping[int, Sequence[Row]]) -> None:
    """Columns: seed, iteration, epoch, images_seen, seconds, then the loss terms."""
    rows = [{"seed": seed, **row} for seed, curve in sorted(curves.items()) for row in curve]
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows({name: f"{value:.7g}" for name, value in row.items()} for row in rows)


def read(path: Path) -> dict[int, list[Row]]:
    """Rows by seed; nothing when there is no such file. Raises InputError for what is not a finite number."""
    curves: dict[int, list[Row]] = {}
    for row in read_csv(path, ("seed",)):
        curves.setdefault(int(row.pop("seed")), []).append(row)
    return curves
