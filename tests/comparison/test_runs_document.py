"""Several runs: one table, a grid and a picture."""

import json
from pathlib import Path

from comparison.repository import Called, Repository, measured, rows, shifted


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
    assert [score["stands"] for score in scores] == [None, True, True, True, False]
    assert scores[0]["chance"] is None
    assert scores[1]["chance"] < 0.05 < scores[4]["chance"]
    assert [score["best"] for score in scores] == [False, False, False, True, False]
    assert [score["tied_with_best"] for score in scores] == [False, True, False, False, False]
    table = rows(called("HEAD", "--queue", "--format", "markdown")[1])
    assert table["run-5-2"] == ["5", "2", "-76.0 ± 1.5 ≈<br>better"]
    # a grid of the same, with the base's own place in it
    assert table["**5**"] == ["-76.0 ± 1.5 ≈", "–", "-94.0 ± 1.5"]
    assert table["**15**"] == ["–", "-85.0 ± 1.5", "–"]


def test_more_parameters_than_a_picture_has_sides(repository: Repository, called: Called, tmp_path: Path) -> None:
    repository.experiment("one", measured(shifted(elbo=9)), latent=5, layers=2, hidden=7)
    repository.experiment("two", measured(shifted(elbo=8)), latent=6, layers=4, hidden=8)
    path = tmp_path / "map.png"
    status, _, errors = called("HEAD", "one", "two", "--heatmap", str(path))
    assert status == 1
    assert "found experiments.fc_vae.latent, experiments.fc_vae.layers, experiments.fc_vae.hidden" in errors
    assert not path.exists()
