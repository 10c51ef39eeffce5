"""A small git and DVC repository, whose numbers are written by hand."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.statistics import measurements
from pipeline.statistics.measurements import Better, Measured, Measurements

Called = Callable[..., tuple[int, str, str]]  # `latentlab compare` with arguments: exit status, output, errors
DIRECTIONS: Mapping[str, Better] = {"elbo": "higher", "mse": "lower", "active_units": "neither", "recall": "higher"}
BASE = {"elbo": (-85.0, -84.0, -86.0), "mse": (0.017, 0.018, 0.016), "active_units": (6.0, 7.0, 6.0)}
BASE |= {"recall": (0.4, 0.42, 0.41)}


def measured(
    values: Mapping[str, tuple[float, ...]], source: str = "squares", test_set: str = "squares1"
) -> Measurements:
    seeds = tuple(range(len(next(iter(values.values())))))
    metrics = {name: Measured(DIRECTIONS[name], tuple(found), (0.01, -0.01)) for name, found in values.items()}
    return Measurements(source, "a machine", test_set, seeds, metrics, {})


def shifted(**by: float) -> dict[str, tuple[float, ...]]:
    """BASE with metrics moved."""
    return {name: tuple(value + by.get(name, 0.0) for value in values) for name, values in BASE.items()}


def among_many(moved: float, others: float) -> Measurements:
    """Three seeds of a metric that `moved` by so much, and of twenty `others` that moved by so much."""
    by = {"moved": moved} | {f"other{number}": others for number in range(20)}
    metrics = {name: Measured("higher", (move - 1, move, move + 1)) for name, move in by.items()}
    return Measurements("squares", "a machine", "squares1", (0, 1, 2), metrics, {})


class Repository:
    """A project of parameters and measurements only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.params: dict[str, Any] = {
            "data": {"digits": {"source": "squares", "test": 100}},
            "classifier": {"digits": {"width": 4}},
            "evaluation": {"digits": {"samples": 100}},
            "experiments": {name: {"data": "digits", "latent": 15, "layers": 3} for name in ("fc_vae", "fc_cvae")},
        }
        (folder / ".dvc").mkdir()
        (folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
        (folder / ".gitignore").write_text("/.dvc/tmp\n/.dvc/cache\n")
        self.git("init", "-q", "-b", "main")
        self.write("fc_vae", measured(BASE))
        self.write("fc_cvae", measured(shifted(elbo=5)))

    def git(self, *command: str) -> str:
        identity = {f"GIT_{who}_{what}": "t@t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ("git", *command),
            cwd=self.folder,
            env={**os.environ, **identity},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, name: str, found: Measurements) -> None:
        path = self.folder / f"results/measurements/{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(measurements.dump(found))

    def commit(self, message: str = "more") -> str:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(self.params, sort_keys=False))
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def change(self, name: str, found: Measurements, **params: Any) -> None:
        self.params["experiments"][name].update(params)
        self.write(name, found)
        (self.folder / "params.yaml").write_text(yaml.safe_dump(self.params, sort_keys=False))

    def experiment(self, name: str, found: Measurements, **params: Any) -> None:
        """A DVC experiment of fc_vae as `dvc exp run` leaves it: a commit on the current one, under refs/exps."""
        before, content = self.git("rev-parse", "HEAD"), yaml.safe_dump(self.params)
        self.change("fc_vae", found, **params)
        commit = self.commit(name)
        self.git("update-ref", f"refs/exps/{before[:2]}/{before[2:]}/{name}", commit)
        self.git("reset", "-q", "--hard", before)
        self.params = yaml.safe_load(content)


def rows(markdown: str) -> dict[str, list[str]]:
    """Cells of all tables of Markdown by their first one; asserts that each table's lines have as many columns."""
    found: dict[str, list[str]] = {}
    columns = 0
    for line in markdown.splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        cells = [cell.strip() for cell in line.strip("|").replace("\\|", "¦").split("|")]
        columns = columns or len(cells)
        assert len(cells) == columns, line
        found[cells[0]] = cells[1:]
    return found
