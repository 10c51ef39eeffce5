"""Revisions and experiments are found by their names."""

import json
import subprocess
from pathlib import Path

import pytest
from comparison.repository import Called, Repository, measured, shifted


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


@pytest.mark.parametrize("git", [False, True])
def test_outside_of_a_repository(git: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: Called) -> None:
    if git:
        subprocess.run(("git", "init", "-q"), cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    status, _, errors = called("HEAD")
    assert (status, errors.count("\n")) == (1, 1)
    assert "expected to be inside a git repository with DVC" in errors
