"""`latentlab results` prints the chosen metrics with their intervals."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.ground.errors import InputError
from tools.results import results

REPORT = {"metrics": {"digits": ["nll", "elbo"], "faces": ["leak"]}, "explorer": [], "sections": []}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two experiments of digits, and one that params.yaml has no more."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/metrics"
    folder.mkdir(parents=True)

    def write(name: str, source: str, seeds: int, **metrics: Any) -> None:
        (folder / f"{name}.json").write_text(json.dumps({"source": source, "seeds": seeds, **metrics}))

    real = {"mean": 0.994}
    elbo = {"mean": -84.6, "low": -85.0, "high": -84.2}
    write("a_vae", "digits8x8", 3, kl={"mean": 9.0}, elbo=elbo, condition_accuracy_real=real)
    write("another", "digits8x8", 1, elbo={"mean": -80.0, "low": -81.0, "high": -79.0})
    write("former", "avatars", 2, leak={"mean": 0.9, "low": 0.7, "high": 0.95})
    blocks = {name: {"data": "digits"} for name in ("a_vae", "another")}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"experiments": blocks, "report": REPORT}))
    return tmp_path


def test_a_table_a_source_with_the_metrics_of_its_role(capsys: pytest.CaptureFixture[str]) -> None:
    results()
    shown = capsys.readouterr().out
    digits, avatars = (shown.split(source)[1] for source in ("digits8x8", "avatars"))
    assert "real images: 0.994" in digits
    assert "-84.60 ± 0.40" in digits
    assert "-80.0 ± 1.0†" in digits
    assert "nll" not in shown  # nobody has it
    assert "kl" not in shown
    assert "0.90 [0.70, 0.95]" in avatars
    assert "† one seed" in shown


def test_all_metrics_of_each_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    results(everything=True)
    shown = capsys.readouterr().out
    assert "a_vae · digits8x8 · 3 seeds" in shown
    assert "another · digits8x8 · 1 seed " in shown
    assert "kl" in shown
    assert "0.994" in shown


def test_nothing_is_cut_in_a_pipe(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    names = [f"a_metric_with_a_rather_long_name_{number}" for number in range(8)]
    path = project / "results/metrics/a_vae.json"
    values = {name: {"mean": 1.0, "low": 0.5, "high": 1.5} for name in names}
    path.write_text(json.dumps({"source": "digits8x8", "seeds": 2, **values}))
    content = yaml.safe_load((project / "params.yaml").read_text())
    content["report"]["metrics"]["digits"] = names
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    results()
    shown = capsys.readouterr().out
    assert all(name in shown for name in names)
    assert "…" not in shown


def test_no_metrics_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match="expected metrics of experiments, found none"):
        results(everything=True)
