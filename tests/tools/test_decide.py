"""`latentlab decide` says what would decide open conclusions, keeps to the time, and with --run does it once more."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.ground.errors import InputError
from pipeline.statistics import measurements
from pipeline.statistics.measurements import Measured, Measurements
from tools import repro
from tools.decide import decide, grown

TRUTH = {"a": 1.0, "b": 0.0, "c": 0.0, "d": 5.0}
TIMES = {f"{kind}@{name}": 60.0 for kind in ("train", "evaluate", "figures") for name in TRUTH}
A1 = {"metric": "score", "of": "a", "higher_than": "b"}
A2 = {"metric": "score", "of": "d", "higher_than": "b"}
ENTRY = {"sentence": "It is so.", "measured": "By its score."}


def score(name: str, seed: int) -> float:
    """Of a model that is always the same for the same seed."""
    noise = np.random.default_rng([ord(name), seed])
    return TRUTH[name] + 0.5 * float(noise.normal())


def measure(names: list[str]) -> None:
    """What the pipeline would: the measurements of all seeds of params.yaml."""
    experiments = yaml.safe_load(Path("params.yaml").read_text())["experiments"]
    for name in names:
        seeds = experiments[name]["seeds"]
        values = tuple(score(name, seed) for seed in seeds)
        found = Measurements("made", "here", "test", tuple(seeds), {"score": Measured("higher", values)}, {})
        path = Path(f"results/measurements/{name}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(measurements.dump(found))
        for folder in ("results/models", ".resume"):
            Path(folder, name).mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four experiments of digits in a valid params.yaml, measured; two conclusions, of which the second is sure."""
    monkeypatch.chdir(tmp_path)
    content = yaml.safe_load((root / "params.yaml").read_text())
    block = content["experiments"]["fc_vae"]
    content["experiments"] = {name: {**block, "seeds": [0, 1]} for name in TRUTH}
    content["report"] |= {"explorer": ["a"], "overview": [], "sections": [{"title": "All", "experiments": list(TRUTH)}]}
    for role in content["classifier"]:
        Path(content["classifier"][role]["weights"]).mkdir(parents=True, exist_ok=True)
    apart = json.loads(json.dumps(content))  # a list in two places would be written as an anchor
    Path("params.yaml").write_text(yaml.safe_dump(apart, sort_keys=False))
    entries = {"A1": {**ENTRY, "claims": [A1]}, "A2": {**ENTRY, "claims": [A2]}}
    Path("conclusions.yaml").write_text("# Ours.\n" + yaml.safe_dump(entries, sort_keys=False))
    measure(list(TRUTH))
    record = {"machine": "a laptop", "jobs": 2, "seconds": 700, "stages": TIMES, "seeds": dict.fromkeys(TRUTH, 2)}
    Path("results/times.json").write_text(json.dumps(record))
    return tmp_path


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The targets that the pipeline was run with, in whose place all is measured anew."""
    told: list[Any] = []

    def run(targets: Any, jobs: int, force: bool, record: bool) -> None:
        told.append(targets)
        measure(list(TRUTH))

    monkeypatch.setattr(repro, "repro", run)
    return told


def seeds(name: str) -> list[int]:
    found: list[int] = yaml.safe_load(Path("params.yaml").read_text())["experiments"][name]["seeds"]
    return found


def test_it_says_what_is_open_what_it_takes_and_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("params.yaml").read_text(), Path("conclusions.yaml").read_text()
    decide(minutes=1000)
    shown = capsys.readouterr().out
    a1, a2 = (next(line for line in shown.splitlines() if line.startswith(f"│ {name}")) for name in ("A1", "A2"))
    assert "undecided" in a1
    assert a1.rstrip("│ ").endswith("yes")
    assert "supported" in a2
    assert "plan, " in shown
    assert "A1 by seeds of a 2 → " in shown
    assert "recorded on a laptop" in shown
    assert before == (Path("params.yaml").read_text(), Path("conclusions.yaml").read_text())


def test_a_plan_that_does_not_fit_says_what_the_cheapest_takes(capsys: pytest.CaptureFixture[str]) -> None:
    decide(["A1"], minutes=0.5, run=True)  # which then has nothing to run
    shown = capsys.readouterr().out
    assert "nothing fits into 0.5 min; the cheapest takes" in shown
    assert "A2" not in shown
    assert seeds("a") == [0, 1]


def test_run_adds_seeds_counts_the_look_and_tells_what_was_decided(
    runs: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    decide(minutes=1000, run=True)
    shown = capsys.readouterr().out
    assert runs == [None]
    assert seeds("a")[:2] == [0, 1]
    assert len(seeds("a")) == len(seeds("b")) > 2
    assert seeds("c") == seeds("d") == [0, 1]
    content = yaml.safe_load(Path("conclusions.yaml").read_text())
    assert content["A1"]["looks"] == 2
    assert "looks" not in content["A2"]  # it was decided before
    assert Path("conclusions.yaml").read_text().startswith("# Ours.\n")
    assert "A1: undecided → supported: the claim holds at 99.2 %" in shown
    assert "decided: 2 of 2, 1 before" in shown


def test_where_not_all_is_trained_only_what_is_planned_runs(
    runs: list[Any], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "results/models/c").rmdir()
    decide(minutes=1000, run=True)
    assert runs == [["evaluate@a", "figures@a", "evaluate@b", "figures@b"]]
    assert "left as they were" in capsys.readouterr().out


def test_a_comparison_of_ones_own(runs: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    decide(compare=("a", "c"), metric="score", minutes=1000, run=True)
    shown = capsys.readouterr().out
    assert len(seeds("a")) == len(seeds("c")) > 2
    assert seeds("b") == [0, 1]
    assert "X1: undecided → supported: the claim holds at 99.2 %" in shown
    # The seeds of `a` are another look at A1 too, which is open.
    assert yaml.safe_load(Path("conclusions.yaml").read_text())["A1"]["looks"] == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"names": ["Z9"]}, "Z9: no such conclusion; conclusions.yaml has A1, A2"),
        ({"compare": ("a", "c")}, "--compare: expected with --metric"),
        ({"metric": "score"}, "--metric: expected with --compare A B"),
        ({"compare": ("a", "z"), "metric": "score"}, "expected experiments of params.yaml, found z"),
        ({"compare": ("a", "a"), "metric": "score"}, "expected two experiments, found a twice"),
        ({"compare": ("a", "b"), "metric": "score", "names": ["A1"]}, "expected without ids of conclusions, found A1"),
    ],
)
def test_wrong_options_are_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        decide(**options)
    assert "\n" not in str(caught.value)


def test_without_recorded_times_it_says_how_to_get_them(project: Path) -> None:
    (project / "results/times.json").unlink()
    with pytest.raises(InputError, match=r"results/times\.json: no such file.*latentlab repro --force --record"):
        decide()


def test_seeds_that_this_machine_did_not_train_are_paid_for(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def takes() -> str:
        decide(["A1"], minutes=1000)
        (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("plan, "))
        return line.split(" of ")[0]

    before = takes()
    (project / ".resume/a").rmdir()
    assert takes() != before


def test_new_seeds_come_after_those_there_are() -> None:
    assert grown([20, 21, 7], 5) == [20, 21, 7, 22, 23]
