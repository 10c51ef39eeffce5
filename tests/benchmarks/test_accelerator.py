"""The script for a lent machine: it keeps to its time, leaves whole sections, and counts what experiments cost."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from benchmarks import accelerator, budget, checks, costs, long_run
from benchmarks.experiments import noise, started, updated
from benchmarks.lent import Clock, Report
from pipeline.costs.work import Entry, planned
from pipeline.ground.errors import InputError
from pipeline.ground.plugins import ROOT
from tools.budget import apply

CPU = torch.device("cpu")
SIZES = {"hidden": 24, "width": 4, "batch": 8, "epochs": 1, "snapshots": 0}


@pytest.fixture(scope="module")
def small(content: dict[str, Any]) -> dict[str, Any]:
    """params.yaml with small networks and batches."""
    blocks = {name: updated(each, SIZES) | {"precision": "float32"} for name, each in content["experiments"].items()}
    return content | {"experiments": blocks}


@pytest.mark.parametrize("name", ["smoke", "laptop", "full"])
def test_a_budget_is_laid_over_as_the_command_writes_it(content: dict[str, Any], name: str) -> None:
    overlay = yaml.safe_load((ROOT.parent / f"budgets/{name}.yaml").read_text())
    theirs = yaml.safe_load(apply((ROOT.parent / "params.yaml").read_text(), overlay, name))
    ours = budget.merged(content, overlay)
    experiments = theirs.pop("experiments"), ours.pop("experiments")
    assert ours == theirs
    for each in experiments[0]:  # as numbers: YAML writes 5e-05 so that it reads as a string
        assert planned(each, experiments[1][each]) == planned(each, experiments[0][each])
    with pytest.raises(InputError, match=r"budget.experiments.nobody: no such key"):
        budget.merged(content, {"experiments": {"nobody": {"epochs": 1}}})


def test_a_report_is_whole_after_each_section(tmp_path: Path) -> None:
    report = Report(tmp_path, "A run")
    report.add("First", ["one"], [1])
    assert (tmp_path / "report.md").read_text() == "# A run\n\n## First\n\none\n"
    report.add("Second", ["cut"], {})
    report.add("Second", ["two"], {"a": 2})
    assert (tmp_path / "report.md").read_text() == "# A run\n\n## First\n\none\n\n## Second\n\ntwo\n"
    assert json.loads((tmp_path / "numbers.json").read_text()) == {"First": [1], "Second": {"a": 2}}


def test_images_to_see_are_those_of_the_loop(small: dict[str, Any]) -> None:
    for name in ("fc_vae", "wgan_gp"):
        entry = planned(name, small["experiments"][name] | {"epochs": 3, "seeds": [0, 1]})
        run = started(entry, noise(entry.experiment.data, 130))
        assert costs.to_see(entry, 130) == 2 * run.total * run.images


def test_speeds_of_others_stand_in_where_time_is_over(small: dict[str, Any]) -> None:
    names = ("cgan", "wgan_clip", "wgan_gp", "dcgan")
    few = small | {"experiments": {name: small["experiments"][name] for name in names}}
    assert all(cost.ours is None for cost in costs.costs(few, CPU, 0.01, Clock(0), 1.0))
    found = {cost.name: cost for cost in costs.costs(few, CPU, 0.01, Clock(600), 1.0)}
    assert all(cost.ours and cost.fault is None for cost in found.values())
    assert {name for name, cost in found.items() if cost.textbook} == {"cgan", "wgan_clip"}
    first = costs.Cost("wgan_clip", "wgan, dcgan, colour", 7_200_000, ours=1000.0, textbook=500.0)
    table = costs.table([first, costs.Cost("dcgan", "gan", 5)], price=3.0)
    assert table[2] == "| `wgan_clip` | wgan, dcgan, colour | 1,000 | 500 | 2.0 |  | 7.2 | 2.00 | 6.00 |"
    assert replace(first, together=4000.0).hours == 0.5
    assert table[-1] == "Of 1 experiments the speed is unknown."
    assert "Together 2.0 hours, 6 dollars" in table[-2]


def test_seeds_side_by_side_are_measured_together(small: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def marks(entry: Entry, device: torch.device, seconds: float, seed: int, report: Any) -> list[tuple[float, float]]:
        return [(0.5 * seed, 0.0), (0.5 * seed + seconds, 100 * seconds)]  # 100 images a second

    monkeypatch.setattr(costs, "marks", marks)
    entry = planned("fc_vae", small["experiments"]["fc_vae"] | {"seeds": [0, 1]})
    cost = costs.Cost("fc_vae", "vae", 100, ours=1.0)
    assert costs.side_by_side(cost, entry, CPU, 2.0).together == pytest.approx(200)
    assert costs.side_by_side(cost, entry, CPU, 0.1).together is None  # one was done before the other began


def test_an_experiment_that_fails_on_a_device_leaves_the_others(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> float:
        raise torch.OutOfMemoryError("out of memory\nmore")

    monkeypatch.setattr(costs, "marks", full)
    few = small | {"experiments": {"fc_vae": small["experiments"]["fc_vae"]}}
    (found,) = costs.costs(few, CPU, 0.01, Clock(600), 1.0)
    assert (found.fault, found.hours) == ("out of memory", None)


@pytest.mark.parametrize(("name", "loss"), [("scenes_cgan", "generator_loss"), ("scenes_cvae", "reconstruction")])
def test_the_long_run_goes_on_where_it_was(small: dict[str, Any], name: str, loss: str, tmp_path: Path) -> None:
    data = noise("scenes", 96)
    lines, numbers = long_run.train(name, small, data, CPU, tmp_path, Clock(6))
    first, reached, total = numbers["iterations"]
    assert (first, total) == (0, -(-(small["data"]["scenes"]["train"] // 8) // 12) * 12)
    assert reached > 0
    assert (tmp_path / f"{name}-{reached:07d}.png").read_bytes().startswith(b"\x89PNG")
    assert any(f"| {loss} |" in line for line in lines)
    _, again = long_run.train(name, small, data, CPU, tmp_path, Clock(6))
    assert again["iterations"][0] == reached
    assert reached <= again["iterations"][1] <= total


def test_scenes_are_drawn_once_and_no_more_than_time_allows(tmp_path: Path) -> None:
    data, _ = long_run.rendered(3000, tmp_path, Clock(0))
    assert len(data) == long_run.TRIAL
    assert {"test", "new_test"} <= set(data.conditions)
    again, spent = long_run.rendered(3000, tmp_path, Clock(600))
    assert spent == 0
    assert torch.equal(again.images, data.images)


def test_checks_without_pytest_tell_what_failed_and_what_was_left_out(
    content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*arguments: Any) -> str:
        raise AssertionError("weights differ")

    monkeypatch.setattr(checks, "OF_RUNS", {"losses": checks.losses_agree, "resuming": wrong})
    late = iter([False, False, False])
    report = Report(tmp_path, "A run")
    accelerator.one_by_one(report, content, CPU, lambda: next(late, True), smoke=True)
    found = report.numbers["Checks"]
    assert found["fc_vae, losses"].startswith("losses differ by 0")
    assert found["fc_vae, resuming"] == "FAILED: weights differ"
    assert found["face_ae, metrics"] == "left out: no time"
    assert "8 checks, 1 failed" in (tmp_path / "report.md").read_text()


@pytest.mark.slow
def test_the_whole_script_at_small_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT.parent)
    monkeypatch.setattr("sys.argv", ["it", "--smoke", "--device", "cpu", "--minutes", "0.5", "--folder", str(tmp_path)])
    accelerator.main()
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert list(numbers) == ["Machine", "Checks", "Costs", "Training"]
    assert numbers["Checks"]["FAILED"] == numbers["Checks"]["ERROR"] == 0
    assert numbers["Training"]["iterations"][1] > 0
    assert list(tmp_path.glob("scenes_cvae-*.png"))
