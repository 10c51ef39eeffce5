"""`latentlab plan`: near what is known of whole runs, and clear about what is not."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.costs.costs import Reference
from pipeline.ground.errors import InputError
from pipeline.ground.plugins import ROOT as PIPELINE
from pipeline.running import record
from tools.plan import Format, _elsewhere, plan

ROOT = PIPELINE.parent


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def told(capsys: pytest.CaptureFixture[str], budget: str, device: str, **more: Any) -> dict[str, Any]:
    plan(budget, device, format=Format.JSON, **more)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.slow
def test_full_on_an_h100_is_near_what_was_measured_there(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/accelerator.md: 21.3 hours of training and 64 dollars, with a little less where seeds were side by side."""
    page = (ROOT / "docs/accelerator.md").read_text(encoding="utf-8")
    (said,) = re.findall(r": ([\d.]+) hours of training for all .* seeds, ([\d.]+) dollars", page)
    hours, dollars = map(float, said)
    found = told(capsys, "full", "H100")
    assert found["worker_hours"]["training"] == pytest.approx(hours, rel=0.05)
    assert found["worker_hours"]["training"] * found["dollars_per_worker_hour"] == pytest.approx(dollars, rel=0.05)
    assert found["worker_hours"]["all"] < 1.1 * hours
    experiments = found["experiments"]
    rows = re.findall(r"^\| `(\w+)` \|[^|]+\| ([\d,]+) ", page, re.M)
    rates = {name: float(rate.replace(",", "")) for name, rate in rows}
    assert len(rates) > 15
    for name, rate in rates.items():
        assert experiments[name]["basis"] == "measured", name
        assert experiments[name]["images_per_second"] == pytest.approx(rate, rel=1e-3), name
    assert {each["basis"] for each in experiments.values()} == {"measured", "estimated"}
    walls = found["walls"]
    assert walls[0]["hours"] == pytest.approx(found["worker_hours"]["all"])
    assert walls[-1]["hours"] < 1.02 * found["critical_path"]["hours"]
    assert all(one["hours"] >= other["hours"] for one, other in itertools.pairwise(walls))
    assert all(one["dollars"] <= 1.01 * other["dollars"] for one, other in itertools.pairwise(walls))


@pytest.mark.slow
def test_laptop_on_its_own_machine_is_near_what_the_committed_run_took(capsys: pytest.CaptureFixture[str]) -> None:
    times = record.load()
    assert times is not None
    found = told(capsys, "laptop", "cpu", workers="2,1")
    assert found["worker_hours"]["all"] * 3600 == pytest.approx(sum(times.stages.values()), rel=0.02)
    assert [wall["workers"] for wall in found["walls"]] == [1, 2]
    assert found["walls"][1]["hours"] * 3600 == pytest.approx(times.seconds, rel=0.05)
    assert {each["basis"] for each in found["experiments"].values()} == {"measured"}
    assert found["dollars"] == pytest.approx(found["worker_hours"]["all"] * found["dollars_per_worker_hour"])


@pytest.mark.slow
def test_the_screen_has_all_and_fits_a_hundred_columns(
    capsys: pytest.CaptureFixture[str], content: dict[str, Any]
) -> None:
    plan("smoke", "a100", price=2.0, workers="3, 5")
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 100
    assert all(name in shown for name in content["experiments"])
    for part in ("the budget smoke on A100", "2 dollars an hour of a GPU (--price)", "critical path", "GPU-hours paid"):
        assert part in shown
    assert "? guessed from another device" in shown
    assert "≈" not in shown


def test_another_machine_than_the_committed_runs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = Reference(record.Times("a box, 2 cores", 2, 9, {}), {})
    monkeypatch.setattr(record, "machine", lambda: "a box, 2 cores")
    assert not _elsewhere(reference)
    monkeypatch.setattr(record, "machine", lambda: "a laptop, 8 cores")
    assert (
        _elsewhere(reference) == "this machine is a laptop, 8 cores, which may take longer or less than a box, 2 cores"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"device": "V100"}, "--device V100: expected one of cpu, H100"),
        ({"budget": "big"}, "--budget big: expected one of evening, full, laptop, smoke"),
        ({"budget": "../budgets/full"}, "--budget ../budgets/full: expected one of"),
        ({"workers": "0"}, "--workers 0: expected whole numbers from 1"),
        ({"workers": "2,many"}, "--workers 2,many: expected whole numbers"),
        ({"workers": ""}, "--workers : expected whole numbers"),
    ],
)
def test_what_is_mistyped_is_told(options: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        plan(**options)  # type: ignore[arg-type]


def test_a_wrong_params_yaml_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"params.yaml: cannot be read .* run from the project's root"):
        plan()
    for role in ("digits", "colour", "scenes", "faces"):
        for kind in ("raw", "weights"):
            (tmp_path / "data" / kind / role).mkdir(parents=True)
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("    epochs: 13\n", "    epochs: none\n", 1))
    with pytest.raises(InputError, match=r"params.yaml: experiments.fc_vae.epochs: .*found 'none'"):
        plan()
