"""JSON has its keys."""

import json

from comparison.repository import Called, Repository, measured, shifted


def test_json_has_its_keys(repository: Repository, called: Called) -> None:
    repository.change("fc_vae", measured(shifted(elbo=9)), latent=20, layers=2)
    record = json.loads(called("HEAD", "--format", "json")[1])
    keys = {"base", "head", "params", "experiments_added", "experiments_removed", "notes", "experiments"}
    assert set(record) == keys | {"failed", "unclear"}
    assert record["head"] == {"name": "workspace", "commit": None}
    assert {"key": "experiments.fc_vae.layers", "base": 3, "head": 2} in record["params"]
    (experiment,) = record["experiments"]
    assert set(experiment) == {"name", "differs", "counts", "notes", "metrics"}
    (row,) = experiment["metrics"]
    assert set(row) == {"metric", "better", "base", "head", "difference", "chance", "verdict", "stands"}
    assert 0 < row["chance"] < 0.05
    assert row["stands"] is True
    assert set(row["base"]) == {"value", "low", "high", "seeds"}
