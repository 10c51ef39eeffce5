"""The page of speeds: a section a machine, goals told as they are; and the log of a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import cold_run, page, performance, speed
from benchmarks.speed import Round, Speed
from pipeline.costs.work import planned
from pipeline.ground.errors import InputError

PROSE = "# How fast it is\n\nAs measured.\n"


def _speed(content: dict[str, Any], name: str, ratio: float, share: float) -> Speed:
    found = Speed(name, planned(name, content["experiments"][name]), 7e6)
    found.rounds = [Round({0: 90.0, 2: 100.0}, 100 * (ratio + shift), share * 2e9, 2e9) for shift in (-0.5, 0, 1)]
    return found


def test_a_machines_section_is_replaced_and_all_else_stays() -> None:
    first, second = (page.section(name, [f"{name}."], [], "no run") for name in ("A, 2 cores", "B, 8 cores"))
    both = page.replaced(page.replaced(PROSE, "A, 2 cores", first), "B, 8 cores", second)
    assert both.startswith(PROSE)
    assert both.index("Measured on A") < both.index("Measured on B")
    again = page.replaced(both, "A, 2 cores", first.replace("no run", "a run \\1"))
    assert again == both.replace("no run", "a run \\1", 1)
    assert page.replaced(both, "B, 8 cores", second) == both
    other = page.replaced(both, "A, 2 cores, more", first)
    assert other.startswith(both.rstrip("\n"))  # a longer name is another machine


def test_goals_that_are_missed_are_said_to_be(content: dict[str, Any]) -> None:
    found = [
        _speed(content, "fc_vae", 4.0, 0.2),
        _speed(content, "cgan", 2.5, 0.4),
        _speed(content, "face_ae", 3.0, 0.7),
        _speed(content, "fc_cvae", 9.0, 0.2),
    ]
    text = page.section("A", [], found, "")
    assert "Goal of times the textbook: 2 of 3 reached; missed by `fc_vae`." in text
    assert "Goal of share: 1 of 2 reached; missed by `cgan`." in text
    row = next(line for line in page.speeds(found).splitlines() if "`fc_vae`" in line)
    assert row.endswith("| 4.00 | 5 | missed | 3.50, 4.00, 5.00 |")
    row = next(line for line in page.shares(found).splitlines() if "`face_ae`" in line)
    assert row.endswith("| 0.70 | 0.5 | reached | 0.70, 0.70, 0.70 |")
    widths = {line.count("|") for line in page.speeds(found).splitlines()}
    assert len(widths) == 1


def test_instructions_that_a_processor_lacks_are_said() -> None:
    assert page.instructions({"architecture": "x86_64", "avx2": True, "avx512_f": False}) == (
        "with AVX2; without AVX-512, AVX-512 BF16, AMX BF16"
    )
    assert page.instructions({"architecture": "aarch64"}) == "architecture aarch64"


LINES: list[dict[str, Any]] = [
    {"machine": "A, 2 cores, Linux", "cores": 2, "jobs": 2},
    {"stage": "train@a", "seconds": 10.0, "startup_seconds": 1.0, "dvc_seconds": 0.25, "cpu_seconds": 15.0},
    {"stage": "train@b", "seconds": 20.0, "startup_seconds": 1.0, "dvc_seconds": 0.25, "cpu_seconds": 30.0},
    {"stage": "report", "seconds": 4.0, "startup_seconds": 0.5, "dvc_seconds": 0.25, "cpu_seconds": None},
    {"total_seconds": 21.0, "ran": 3},
]


def _log(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_runs_time_is_told_by_kind(tmp_path: Path) -> None:
    run = cold_run.read("ab", _log(tmp_path / "run.jsonl", LINES))
    assert (run.machine, run.jobs, run.total, run.stages) == ("A, 2 cores, Linux", 2, 21.0, 3)
    found = [(kind.name, kind.stages, kind.wall, kind.cpu) for kind in run.kinds]
    assert found == [
        ("train", 2, 30.0, 45.0),
        ("report", 1, 4.0, None),
        ("DVC", 0, 0.75, None),
        ("start-up", 0, 2.5, None),
    ]
    table = page.cold(run).splitlines()
    assert table[0] == "A run of 3 stages, 2 at a time, took 0.3 minutes (A, 2 cores, Linux)."
    assert "| train | 2 | 30 | 80.5% | 45 |" in table


@pytest.mark.parametrize(
    "lines", [[], LINES[:-1], [LINES[0], *LINES[2:]], [LINES[0], LINES[-1]]], ids=["empty", "cut", "warm", "idle"]
)
def test_a_log_that_tells_of_no_cold_run_is_an_error_that_says_how_to_make_one(
    tmp_path: Path, lines: list[dict[str, Any]]
) -> None:
    with pytest.raises(InputError, match="latentlab repro"):
        cold_run.read("ab", _log(tmp_path / "run.jsonl", lines))
    with pytest.raises(InputError, match=r"no such file; .*latentlab repro"):
        cold_run.read("ab", tmp_path / "none")


def test_the_log_is_as_the_run_writes_it(tmp_path: Path) -> None:
    """The fields that are read here are those that `latentlab repro` writes."""
    source = (Path(cold_run.__file__).parents[1] / "pipeline/running/run.py").read_text()
    assert all(f'"{key}"' in source for line in LINES[1:] for key in line)


def test_the_page_is_rewritten_and_says_that_there_was_no_run(
    content: dict[str, Any], tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    target = tmp_path / "performance.md"
    target.write_text(PROSE)
    monkeypatch.setattr(page, "PAGE", target)
    for rounds, said in ((3, "Medians of 3 rounds, 5 seconds each."), (1, "One round, 5 seconds each.")):
        performance.write(*performance.section([_speed(content, "fc_vae", 6, 0.2)], rounds, 5, "", tmp_path / "none"))
        text = target.read_text()
        assert text.startswith(PROSE)
        assert text.count(page.HEAD) == 1
        assert said in text
        assert "Not measured: " in text
        assert "type `latentlab repro`" in text


@pytest.mark.parametrize(("busy", "enough"), [(0.1, True), (4.0, False)])
def test_a_busy_machine_is_told(busy: float, enough: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known fault: 60 times the textbook, measured beside other work."""
    monkeypatch.setattr("os.getloadavg", lambda: (busy, 0.0, 0.0))
    assert ("too much" not in performance.load()) == enough


@pytest.mark.parametrize(
    ("arguments", "written"), [((), True), (("fc_vae",), False), (("--quick",), False), (("--quick", "--write"), True)]
)
def test_a_selection_does_not_replace_all_that_is_known_of_a_machine(
    arguments: tuple[str, ...], written: bool, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    target = tmp_path / "performance.md"
    target.write_text(PROSE)
    monkeypatch.setattr(page, "PAGE", target)
    monkeypatch.setattr(speed, "prepared", lambda entry: None)

    def measured(one: Speed, seconds: float) -> Round:
        one.rounds.append(Round({0: 1.0}, 2.0, 1.0, 2.0))
        return one.rounds[-1]

    monkeypatch.setattr(speed, "measured", measured)
    monkeypatch.setattr("sys.argv", ["it", "--log", str(tmp_path / "none"), *arguments])
    performance.main()
    assert (target.read_text() != PROSE) == written
