"""`latentlab compare` on a small git and DVC repository, whose numbers are written by hand."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.statistics import measurements
from pipeline.statistics.intervals import Better, Measured
from pipeline.statistics.measurements import Measurements
from tools import cli

Called = Callable[..., tuple[int, str, str]]
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


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """One commit; fc_vae and fc_cvae are measured with three seeds."""
    made = Repository(tmp_path)
    made.commit("first")
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    """Runs `latentlab compare`: its exit status, output and errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["latentlab", "compare", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call


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


def test_verdicts_of_the_workspace(repository: Repository, called: Called) -> None:
    repository.change("fc_vae", measured(shifted(elbo=9, mse=0.01, recall=0.001)), latent=20)
    status, output, errors = called("HEAD", "--format", "markdown")
    assert (status, errors) == (0, "")
    table = rows(output)
    assert table["`experiments.fc_vae.latent`"] == ["15", "20"]
    assert [table[name][-1] for name in ("elbo ↑", "mse ↓", "recall ↑")] == ["**better**", "**worse**", "noise"]
    assert table["elbo ↑"][:3] == ["-85.0", "-76.0", "+9.0"]
    assert "active_units" not in table  # the same in both
    assert "fc_vae: 1 better, 1 worse, 1 noise" in output
    assert "1 experiment measured the same" in output
    # what got worse is read first
    assert output.index("mse") < output.index("| elbo") < output.index("| recall")
    assert "active_units" in rows(called("HEAD", "--format", "markdown", "--all")[1])


def test_two_revisions_do_not_see_the_workspace(repository: Repository, called: Called) -> None:
    repository.change("fc_vae", measured(shifted(elbo=9)))
    repository.commit()
    repository.change("fc_vae", measured(shifted(elbo=-9)))
    record = json.loads(called("HEAD~1", "main", "--format", "json")[1])
    (row,) = record["experiments"][0]["metrics"]
    assert (row["metric"], row["verdict"], row["better"]) == ("elbo", "better", "higher")
    assert row["difference"]["value"] == pytest.approx(9)
    assert row["difference"]["low"] < 9 < row["difference"]["high"]
    assert record["head"]["commit"] == repository.git("rev-parse", "main")


def test_an_experiment_is_found_by_its_name(repository: Repository, called: Called) -> None:
    repository.experiment("latent20", measured(shifted(elbo=9)), latent=20)
    status, output, _ = called("HEAD", "latent20")
    assert status == 0
    assert "experiments.fc_vae.latent" in output
    assert "1 better" in output


def test_json_has_its_keys(repository: Repository, called: Called) -> None:
    repository.change("fc_vae", measured(shifted(elbo=9)), latent=20, layers=2)
    record = json.loads(called("HEAD", "--format", "json")[1])
    keys = {"base", "head", "params", "experiments_added", "experiments_removed", "notes", "experiments"}
    assert set(record) == keys | {"failed", "unclear"}
    assert record["head"] == {"name": "workspace", "commit": None}
    assert {"key": "experiments.fc_vae.layers", "base": 3, "head": 2} in record["params"]
    (experiment,) = record["experiments"]
    assert set(experiment) == {"name", "differs", "counts", "notes", "metrics"}
    assert set(experiment["metrics"][0]) == {"metric", "better", "base", "head", "difference", "verdict"}
    assert set(experiment["metrics"][0]["base"]) == {"value", "low", "high", "seeds"}


def test_the_gate(repository: Repository, called: Called) -> None:
    repository.change("fc_vae", measured(shifted(elbo=-9, mse=-0.01, recall=-0.001)))
    assert called("HEAD")[0] == 0
    status, output, errors = called("HEAD", "--fail-on", "elbo", "--format", "json")
    assert status == 1
    assert json.loads(output)["failed"] == ["fc_vae:elbo got worse: -85 → -94 (-10.6%)"]
    assert errors == "failed: fc_vae:elbo got worse: -85 → -94 (-10.6%)\n"
    passes = (["recall"], ["mse"], ["fc_cvae:*"], ["fc_vae:[!e]*"])  # noise, better, the same, all others
    assert [called("HEAD", "--fail-on", *pattern)[0] for pattern in passes] == [0] * len(passes)


@pytest.mark.parametrize(
    ("tolerances", "status"),
    [(["0.10"], 1), (["0.11"], 0), (["0.5", "elbo=0.1"], 1), (["0", "fc_vae:elbo=0.2"], 0), (["mse=0.2"], 1)],
)
def test_tolerance_is_relative_to_the_base(
    tolerances: list[str], status: int, repository: Repository, called: Called
) -> None:
    repository.change("fc_vae", measured(shifted(elbo=-9)))  # 10.6 % of 85
    options = [word for text in tolerances for word in ("--tolerance", text)]
    assert called("HEAD", "--fail-on", "*:elbo", *options)[0] == status


def test_one_seed_is_marked(repository: Repository, called: Called) -> None:
    alone = {name: values[:1] for name, values in shifted(elbo=9).items()}
    repository.change("fc_vae", measured(alone), seeds=[0])
    _, output, _ = called("HEAD", "--format", "markdown", "--metric", "elbo")
    assert rows(output)["elbo ↑"][-1] == "**better †**"
    assert "† One side has one seed" in output


def test_what_has_no_interval_cannot_be_judged(repository: Repository, called: Called) -> None:
    alone = measured({"elbo": (-99.0,)})
    repository.change("fc_vae", Measurements(**{**vars(alone), "metrics": {"elbo": Measured("higher", (-99.0,))}}))
    status, output, errors = called("HEAD", "--fail-on", "elbo", "--format", "markdown")
    assert status == 0
    assert rows(output)["elbo ↑"][-2:] == ["–", "unknown"]
    assert "fc_vae:elbo cannot be judged" in errors
    assert "measured only before: mse, active_units, recall" in output


def test_other_yardsticks_are_told(repository: Repository, called: Called) -> None:
    repository.params["data"]["digits"]["source"] = "circles"
    repository.params["classifier"]["digits"]["width"] = 8
    repository.params["evaluation"]["digits"]["samples"] = 50
    repository.change("fc_vae", measured(shifted(elbo=1), source="circles"))
    repository.change("fc_cvae", measured(shifted(elbo=6), test_set="squares2"))
    output = called("HEAD", "--format", "markdown")[1]
    assert "data.digits changed: every experiment of digits has other images" in output
    assert "classifier.digits changed: every experiment of digits has another judge" in output
    assert "evaluation.digits changed" in output
    assert "other images, squares before and circles now" in output
    assert "another test set" in output


def test_errors_of_one_test_set_cancel(repository: Repository, called: Called) -> None:
    """The same values are noise on two test sets and a difference on one, whose errors both share."""

    def with_errors(by: float, test_set: str) -> Measurements:
        values = tuple(-85 + by + seed for seed in (0.0, 0.1, -0.1))
        errors = {"elbo": Measured("higher", values, tuple(3.0 * (-1) ** n for n in range(20)))}
        return Measurements("squares", "", test_set, (0, 1, 2), errors, {})

    repository.write("fc_vae", with_errors(0, "one"))
    repository.commit()
    repository.change("fc_vae", with_errors(2, "one"))
    assert rows(called("HEAD", "--format", "markdown")[1])["elbo ↑"][-1] == "**better**"
    repository.change("fc_vae", with_errors(2, "two"))
    assert rows(called("HEAD", "--format", "markdown")[1])["elbo ↑"][-1] == "noise"


def test_experiments_come_and_go(repository: Repository, called: Called) -> None:
    repository.params["experiments"]["wider"] = {"data": "digits", "latent": 30}
    del repository.params["experiments"]["fc_cvae"]
    repository.change("fc_vae", measured(BASE))
    record = json.loads(called("HEAD", "--format", "json")[1])
    assert (record["experiments_added"], record["experiments_removed"]) == (["wider"], ["fc_cvae"])
    assert record["params"] == []  # not key by key
    assert "only in workspace: wider" in called("HEAD")[1]


def test_changed_parameters_without_new_numbers_are_told(repository: Repository, called: Called) -> None:
    repository.change("fc_vae", measured(BASE), latent=20)
    assert "fc_vae: nothing changed\n! parameters changed and no number did" in called("HEAD")[1]


def test_the_same_change_of_several_experiments_is_one_line(repository: Repository, called: Called) -> None:
    for name in ("fc_vae", "fc_cvae"):
        repository.change(name, measured(BASE), epochs=9)
    assert rows(called("HEAD", "--format", "markdown")[1])["`experiments.{fc_vae, fc_cvae}.epochs`"] == ["–", "9"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], ["nowhere: no such revision or experiment", "git log", "dvc exp list"]),
        (["HEAD~7"], ["HEAD~7: no such revision"]),
        (["empty"], ["empty: expected measurements in results/measurements", "dvc repro"]),
        (["HEAD", "--queue"], ["HEAD: has no finished experiments", "dvc exp run --queue"]),
        (["HEAD", "--metric", "elbow"], ["--metric elbow: matches no metric", "elbo"]),
        (["HEAD", "--fail-on", "fc_vea:elbo"], ["--fail-on fc_vea:elbo", "fc_vae:elbo"]),
        (["HEAD", "--fail-on", "active_units"], ["--fail-on active_units", "neither direction is better"]),
        (["HEAD", "--fail-on", "elbo", "--tolerance", "much"], ["--tolerance much", "a number of 0 or more"]),
        (["HEAD", "--fail-on", "elbo", "--tolerance", "elbo=-1"], ["--tolerance elbo=-1"]),
        (["HEAD", "--fail-on", "elbo", "--tolerance", "elbow=1"], ["--tolerance elbow", "elbo"]),
        (["HEAD", "--tolerance", "0.1"], ["--tolerance: expected with --fail-on"]),
        (["HEAD", "--heatmap", "a.png"], ["--heatmap: expected several HEADs"]),
        (["HEAD", "--heatmap", "a.jpg"], ["--heatmap a.jpg", ".png"]),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], words: list[str], repository: Repository, called: Called) -> None:
    repository.git("checkout", "-q", "-b", "empty")
    repository.git("rm", "-qr", "results")
    repository.commit("none")
    repository.git("checkout", "-q", "main")
    status, output, errors = called(*arguments)
    assert (status, output) == (1, "")
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert all(word in errors for word in words), errors


@pytest.mark.parametrize("git", [False, True])
def test_outside_of_a_repository(git: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: Called) -> None:
    if git:
        subprocess.run(("git", "init", "-q"), cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    status, _, errors = called("HEAD")
    assert (status, errors.count("\n")) == (1, 1)
    assert "expected to be inside a git repository with DVC" in errors


def test_out_takes_the_text(repository: Repository, called: Called, tmp_path: Path) -> None:
    repository.change("fc_vae", measured(shifted(elbo=9)))
    shown = called("HEAD", "--format", "markdown")[1]
    assert called("HEAD", "--format", "markdown", "--out", str(tmp_path / "a/b.md"))[1] == ""
    assert (tmp_path / "a/b.md").read_text() == shown


def test_a_grid_of_runs(repository: Repository, called: Called, tmp_path: Path) -> None:
    for latent, layers, by in ((5, 2, 9.0), (5, 4, -9.0), (10, 2, 9.2), (10, 4, 0.1)):
        repository.experiment(f"run-{latent}-{layers}", measured(shifted(elbo=by)), latent=latent, layers=layers)
    path = tmp_path / "map.png"
    record = json.loads(called("HEAD", "--queue", "--format", "json", "--heatmap", str(path))[1])
    assert path.read_bytes().startswith(b"\x89PNG")
    assert record["varying"] == ["experiments.fc_vae.latent", "experiments.fc_vae.layers"]
    # by the parameters' numbers, not their letters; the base first
    assert [run["name"] for run in record["runs"]] == ["HEAD", "run-5-2", "run-5-4", "run-10-2", "run-10-4"]
    scores = [run["metrics"][0] for run in record["runs"]]
    assert {(score["experiment"], score["metric"]) for score in scores} == {("fc_vae", "elbo")}
    assert [score["verdict"] for score in scores] == [None, "better", "worse", "better", "noise"]
    assert [score["best"] for score in scores] == [False, False, False, True, False]
    assert [score["tied_with_best"] for score in scores] == [False, True, False, False, False]
    table = rows(called("HEAD", "--queue", "--format", "markdown")[1])
    assert table["run-5-2"] == ["5", "2", "-76.0 ± 2.5 ≈<br>better"]
    # a grid of the same, with the base's own place in it
    assert table["**5**"] == ["-76.0 ± 2.5 ≈", "–", "-94.0 ± 2.5"]
    assert table["**15**"] == ["–", "-85.0 ± 2.5", "–"]


def test_more_parameters_than_a_picture_has_sides(repository: Repository, called: Called, tmp_path: Path) -> None:
    repository.experiment("one", measured(shifted(elbo=9)), latent=5, layers=2, hidden=7)
    repository.experiment("two", measured(shifted(elbo=8)), latent=6, layers=4, hidden=8)
    path = tmp_path / "map.png"
    status, _, errors = called("HEAD", "one", "two", "--heatmap", str(path))
    assert status == 1
    assert "found experiments.fc_vae.latent, experiments.fc_vae.layers, experiments.fc_vae.hidden" in errors
    assert not path.exists()


def test_the_gate_names_the_run(repository: Repository, called: Called) -> None:
    repository.experiment("one", measured(shifted(elbo=9)), latent=5)
    repository.experiment("two", measured(shifted(elbo=-9)), latent=6)
    status, _, errors = called("HEAD", "one", "two", "--fail-on", "elbo")
    assert status == 1
    assert errors.startswith("failed: fc_vae:elbo of two got worse")


def test_pictures_of_the_workspace_only(repository: Repository, called: Called, tmp_path: Path) -> None:
    """What no cache has is told, and the page shows the rest."""
    repository.change("fc_vae", measured(shifted(elbo=9)))
    drawn = repository.folder / "results/figures/fc_vae/samples.png"
    drawn.parent.mkdir(parents=True)
    drawn.write_bytes(b"\x89PNG of the workspace")
    status, _, errors = called("HEAD", "--pictures", str(tmp_path / "page"))
    assert status == 0
    assert "fc_vae: no pictures of HEAD here; `dvc pull` may bring them" in errors
    page = (tmp_path / "page/index.html").read_text()
    assert 'src="1/fc_vae/samples.png"' in page
    assert "no such picture" in page
    assert (tmp_path / "page/1/fc_vae/samples.png").read_bytes() == drawn.read_bytes()
    assert "fc_cvae" not in page


def test_it_needs_no_torch(repository: Repository) -> None:
    """Or it would not be quick."""
    repository.experiment("one", measured(shifted(elbo=9)), latent=5)
    for arguments in (["HEAD"], ["HEAD", "one", "workspace", "--heatmap", "map.png"]):
        code = f"""
import sys
sys.argv = ["latentlab", "compare", *{arguments}]
from tools.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
assert "torch" not in sys.modules
assert ("matplotlib" in sys.modules) == ("--heatmap" in sys.argv)
"""
        subprocess.run((sys.executable, "-c", code), check=True, stdout=subprocess.DEVNULL)
