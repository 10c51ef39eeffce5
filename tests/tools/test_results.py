"""`latentlab results` prints the chosen metrics with their intervals, as the pool of all experiments tells them."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from reported import measured

from pipeline.ground.errors import InputError
from pipeline.statistics import pools
from pipeline.statistics.intervals import mean
from pipeline.statistics.measurements import Measured, Measurements, dump
from pipeline.wording.numbers import text
from tools.results import results

REPORT = {"metrics": {"digits": ["nll", "elbo"], "faces": ["leak"]}, "explorer": [], "sections": []}


def write(name: str, found: Measurements) -> None:
    Path(f"results/measurements/{name}.json").write_text(dump(found))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two experiments of digits, and one that params.yaml has no more."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/measurements").mkdir(parents=True)
    kl, real = Measured("neither", (9.0,) * 3), Measured("neither", (0.994,) * 3)
    elbo = Measured("higher", (-84.761, -84.6, -84.439))
    write("a_vae", measured(0, 1, 2, kl=kl, elbo=elbo, condition_accuracy_real=real))
    write("another", measured(0, elbo=Measured("higher", (-80.0,), (0.058, -0.058))))
    leak = Measured("lower", (0.89, 0.91), trials=100)
    write("former", measured(0, 1, source="avatars", leak=leak))
    blocks = {name: {"data": "digits"} for name in ("a_vae", "another")}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"experiments": blocks, "report": REPORT}))
    return tmp_path


def test_a_table_a_source_with_the_metrics_of_its_role(capsys: pytest.CaptureFixture[str]) -> None:
    results()
    shown = capsys.readouterr().out
    digits, avatars = (shown.split(source)[1] for source in ("digits8x8", "avatars"))
    assert "real images: 0.994" in digits
    assert "-84.60 ± 0.40‡" in digits
    assert "-80.0 ± 1.0†" in digits
    assert "nll" not in shown  # nobody has it
    assert "kl" not in shown
    assert "0.90 [0.71, 0.97]‡" in avatars
    assert "† one seed" in shown
    assert "‡ fewer than three experiments" in shown


def test_three_experiments_tell_one_anothers_intervals(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    for name, values in (("a_vae", (-84.7, -84.6)), ("another", (-80.0, -80.2)), ("third", (-82.0, -82.1))):
        write(name, measured(0, 1, elbo=Measured("higher", values)))
    content = yaml.safe_load((project / "params.yaml").read_text())
    content["experiments"]["third"] = {"data": "digits"}
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    results()
    shown = capsys.readouterr().out
    found = pools.load(project / "results/measurements")
    for name in ("a_vae", "another", "third"):
        estimate = mean(found[name].metrics["elbo"])
        assert text(estimate.value, estimate.low, estimate.high) in shown
    assert "‡" not in shown.split("avatars")[0].split("digits8x8")[1]
    assert "†" not in shown


def test_all_metrics_of_each_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    results(everything=True)
    shown = capsys.readouterr().out
    assert "a_vae · digits8x8 · 3 seeds" in shown
    assert "another · digits8x8 · 1 seed " in shown
    assert "kl" in shown
    assert "0.994" in shown


def test_nothing_is_cut_in_a_pipe(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    names = [f"a_metric_with_a_rather_long_name_{number}" for number in range(8)]
    write("a_vae", replace(measured(0, 1), metrics=dict.fromkeys(names, Measured("higher", (0.9, 1.1)))))
    content = yaml.safe_load((project / "params.yaml").read_text())
    content["report"]["metrics"]["digits"] = names
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    results()
    shown = capsys.readouterr().out
    assert all(name in shown for name in names)
    assert "…" not in shown


def test_no_measurements_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match="expected measurements of experiments, found none"):
        results(everything=True)
