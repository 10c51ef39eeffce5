"""What fails a check, and by how much it may."""

import json

import pytest
from comparison.repository import Called, Repository, among_many, measured, rows, shifted

from pipeline.statistics.measurements import Measured, Measurements


def test_the_gate(repository: Repository, called: Called) -> None:
    repository.change("fc_vae", measured(shifted(elbo=-9, mse=-0.01, recall=-0.001)))
    assert called("HEAD")[0] == 0
    status, output, errors = called("HEAD", "--fail-on", "elbo", "--format", "json")
    assert status == 1
    assert json.loads(output)["failed"] == ["fc_vae:elbo got worse: -85 → -94 (-10.6%)"]
    assert errors == "failed: fc_vae:elbo got worse: -85 → -94 (-10.6%)\n"
    passes = (["recall"], ["mse"], ["fc_cvae:*"], ["fc_vae:[!e]*"])  # noise, better, the same, all others
    assert [called("HEAD", "--fail-on", *pattern)[0] for pattern in passes] == [0] * len(passes)


def test_what_may_be_chance_among_so_many_fails_nothing(repository: Repository, called: Called) -> None:
    repository.write("fc_vae", among_many(0, 0))
    repository.commit()
    repository.change("fc_vae", among_many(-2.9, 0.01))
    assert called("HEAD", "--fail-on", "*")[0] == 0
    assert called("HEAD", "--fail-on", "moved")[0] == 1  # the only one that is looked at
    repository.change("fc_vae", among_many(-9, 0.01))
    assert called("HEAD", "--fail-on", "*")[2].startswith("failed: fc_vae:moved got worse")


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


def test_what_has_no_interval_cannot_be_judged(repository: Repository, called: Called) -> None:
    alone = measured({"elbo": (-99.0,)})
    repository.change("fc_vae", Measurements(**{**vars(alone), "metrics": {"elbo": Measured("higher", (-99.0,))}}))
    status, output, errors = called("HEAD", "--fail-on", "elbo", "--format", "markdown")
    assert status == 0
    assert rows(output)["elbo ↑"][-2:] == ["–", "unknown"]
    assert "fc_vae:elbo cannot be judged" in errors
    assert "measured only before: mse, active_units, recall" in output


def test_the_gate_names_the_run(repository: Repository, called: Called) -> None:
    repository.experiment("one", measured(shifted(elbo=9)), latent=5)
    repository.experiment("two", measured(shifted(elbo=-9)), latent=6)
    status, _, errors = called("HEAD", "one", "two", "--fail-on", "elbo")
    assert status == 1
    assert errors.startswith("failed: fc_vae:elbo of two got worse")
