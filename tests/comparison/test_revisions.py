"""Revisions and experiments are found by their names."""

import json
import subprocess
from pathlib import Path

import pytest
from comparison.made_runs import revision
from comparison.repository import Called, Repository, measured, shifted

from pipeline.comparison.revisions import pooled


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


def test_revisions_tell_one_anothers_intervals() -> None:
    made = [revision("base", 0), revision("head", 1, 0.2), revision("other", 2, 0.3)]
    found = pooled(made)
    assert found == made  # in all that is measured
    assert all(each.measurements["vae"].metrics["elbo"].pool == 3 for each in found)
    again = pooled([*made, revision("unchanged", 0)])
    for one, other in zip(found, again, strict=False):  # what is the same twice is counted once
        sides = [each.measurements["vae"].metrics["elbo"].variances for each in (one, other)]
        assert sides[0] is not None
        assert sides[1] is not None
        assert sides[0].tobytes() == sides[1].tobytes()


@pytest.mark.parametrize("git", [False, True])
def test_outside_of_a_repository(git: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, called: Called) -> None:
    if git:
        subprocess.run(("git", "init", "-q"), cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    status, _, errors = called("HEAD")
    assert (status, errors.count("\n")) == (1, 1)
    assert "expected to be inside a git repository with DVC" in errors
