"""`latentlab repro` on small DVC repositories: what it runs, keeps, shows, and how it ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from reported import measured
from toys import LIMIT, STAGES, alive, locked, repository, soon, waiting_for
from workspace import Workspace

from pipeline.running.torn import keeping, mend
from pipeline.statistics.measurements import Measured, dump
from tools.repro import Rows

Make = Callable[..., Workspace]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda stages, name="repository": repository(tmp_path / name, stages)


pytestmark = pytest.mark.slow


def test_the_lock_is_the_one_that_dvc_writes(make: Make) -> None:
    ours, theirs = make(STAGES), make(STAGES, "theirs")
    said = ours.run("latentlab", "repro").splitlines()
    assert said[0].startswith("4 of 4 stages to run, ")
    assert any(line.endswith("] a: from a") for line in said)
    assert sum(": done in " in line for line in said) == 4
    assert said[-1].startswith("4 stages ran, 0 unchanged, in ")
    theirs.run("dvc", "repro")
    assert (ours.folder / "dvc.lock").read_text() == (theirs.folder / "dvc.lock").read_text()
    assert "up to date" in ours.run("dvc", "status")
    assert "up to date" in ours.run("dvc", "repro")
    assert ours.run("latentlab", "repro") == "everything is up to date\n"
    log = [json.loads(line) for line in (ours.folder / ".latentlab/run.jsonl").read_text().splitlines()]
    assert log[-1]["ran"] == 0


def test_what_came_out_the_same_is_not_gone_on_from_and_what_ran_once_is_restored(make: Make) -> None:
    stages = {
        "first": {"cmd": "cut -c 1-3 source.txt > first.txt", "deps": ["source.txt"], "outs": ["first.txt"]},
        "second": {"cmd": "cat first.txt > second.txt", "deps": ["first.txt"], "outs": ["second.txt"]},
    }
    workspace = make(stages)
    workspace.run("latentlab", "repro")
    (workspace.folder / "source.txt").write_text("sou is how it begins")
    said = workspace.run("latentlab", "repro")
    assert "second: unchanged" in said
    assert said.splitlines()[-1].startswith("1 stages ran, 1 unchanged")
    (workspace.folder / "source.txt").write_text("source")
    said = workspace.run("latentlab", "repro")
    assert "first: restored from the run cache" in said
    assert "up to date" in workspace.run("dvc", "status")
    assert workspace.run("latentlab", "repro", "--force").splitlines()[-1].startswith("2 stages ran")


def test_targets_run_with_what_they_need_and_a_frozen_stage_does_not(make: Make) -> None:
    workspace = make({**STAGES, "ice": {"cmd": "false", "deps": ["source.txt"], "outs": ["ice.txt"], "frozen": True}})
    (workspace.folder / "ice.txt").write_text("cold")
    workspace.run("latentlab", "repro", "c")
    assert locked(workspace) == ["a", "c"]
    assert "ice: kept" in workspace.run("latentlab", "repro")
    assert locked(workspace) == ["a", "c", "b", "z", "ice"]


def test_independent_stages_run_at_the_same_time(make: Make) -> None:
    """Each waits for the other one's file."""
    stages = {
        own: {"cmd": f"touch {own}; {waiting_for(other)}; echo > {own}.txt", "outs": [f"{own}.txt"]}
        for own, other in (("a", "b"), ("b", "a"))
    }
    workspace = make(stages)
    assert "2 at a time" in workspace.run("latentlab", "repro", "--jobs", "2")


def test_a_failure_lets_the_others_finish_and_starts_nothing_new(make: Make) -> None:
    stages = {
        "bad": {"cmd": f"echo a reason; {waiting_for('begun')}; touch failed; exit 3", "outs": ["bad.txt"]},
        "good": {"cmd": f"touch begun; {waiting_for('failed')}; sleep 0.5; echo > good.txt", "outs": ["good.txt"]},
        "late": {"cmd": "echo > late.txt", "outs": ["late.txt"]},
        "after": {"cmd": "cp bad.txt after.txt", "deps": ["bad.txt"], "outs": ["after.txt"]},
    }
    workspace = make(stages)
    said = workspace.run("latentlab", "repro", "--jobs", "2", status=1)
    assert "bad failed; the last it printed:\n    a reason\n" in said
    assert said.splitlines()[-1] == (
        f"error: bad: `{stages['bad']['cmd']}` ended with status 3; 2 stages that were to follow did not run"
    )
    assert "Traceback" not in said
    assert locked(workspace) == ["good"]
    assert not (workspace.folder / "late.txt").exists()


def test_an_output_that_is_missing_is_a_failure(make: Make) -> None:
    workspace = make({"a": {"cmd": "true", "outs": ["a.txt"]}})
    last = workspace.run("latentlab", "repro", status=1).splitlines()[-1]
    assert last.startswith("error: a: dvc: ")
    assert "a.txt" in last
    assert locked(workspace) == []


def test_a_stopped_run_leaves_nothing_and_goes_on(make: Make) -> None:
    trap = "trap 'touch told; exit 1' INT; echo $$ > process.tmp; mv process.tmp process; sleep 300 & wait"
    stages = {
        "quick": {"cmd": "echo > quick.txt", "outs": ["quick.txt"]},
        "long": {"cmd": f"test -e told || {{ {trap}; }}; echo > long.txt", "deps": ["quick.txt"], "outs": ["long.txt"]},
    }
    workspace = make(stages)
    run = _start(workspace)
    soon((workspace.folder / "process").exists)
    run.send_signal(signal.SIGINT)
    assert run.wait(LIMIT) == 130
    assert (workspace.folder / "said").read_text() == "stopped; the same command continues where it can\n"
    assert (workspace.folder / "told").exists()
    assert not alive(int((workspace.folder / "process").read_text()))
    assert locked(workspace) == ["quick"]
    assert workspace.run("latentlab", "repro").splitlines()[-1].startswith("1 stages ran, 1 unchanged")
    assert "up to date" in workspace.run("dvc", "status")


def test_what_a_killed_dvc_left_torn_is_mended(make: Make) -> None:
    workspace = make(STAGES)
    readers = workspace.folder / ".dvc/tmp/rwlock"
    workspace.run("latentlab", "repro")
    readers.write_text("")
    assert "corrupted" in workspace.run("dvc", "repro", "--force", status=255)  # the known fault, which is DVC's
    said = workspace.run("latentlab", "repro")
    assert "rwlock: a killed DVC left it half written; it is removed" in said
    assert "half written" not in workspace.run("latentlab", "repro")
    workspace.run("dvc", "repro", "--force")


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.4])  # where what is left happens to be sound, DVC reads it
def test_a_lock_file_that_dvc_tore_is_set_aside_and_nothing_runs_again(
    make: Make, share: float, committed: bool
) -> None:
    workspace = make({name: stage for name, stage in STAGES.items() if name != "b" and name != "z"})
    workspace.run("latentlab", "repro")
    lock = workspace.folder / "dvc.lock"
    if committed:
        workspace.run("git", "add", "-A")
        workspace.run("git", "commit", "-qm", "a run")
    good = lock.read_text()
    lock.write_text(torn := good[: int(share * len(good))])
    said = workspace.run("latentlab", "repro")
    there = "as committed" if committed else "begun anew"
    assert f"dvc.lock: a killed DVC left it half written; it is {there}" in said
    assert ("everything is up to date" if committed else "0 stages ran") in said
    assert lock.read_text() == good
    assert (workspace.folder / ".dvc/tmp/dvc.lock.torn").read_text() == torn


def test_a_lock_file_that_git_could_not_merge_is_left_to_its_user(make: Make) -> None:
    workspace = make(STAGES)
    lock = workspace.folder / "dvc.lock"
    lock.write_text("<<<<<<< HEAD\nschema: '2.0'\n=======\n>>>>>>> other\n")
    before = lock.read_text()
    workspace.run("latentlab", "repro", status=1)
    assert lock.read_text() == before


@pytest.mark.parametrize("before", [True, False])
def test_a_lock_file_whose_writing_was_cut_is_put_back(make: Make, before: bool) -> None:
    workspace = make(STAGES)
    lock, temporary = workspace.folder / "dvc.lock", workspace.folder / ".dvc/tmp"
    if before:
        workspace.run("latentlab", "repro")
    good = lock.read_text() if before else None

    def cut() -> None:
        with keeping(lock, workspace.folder, temporary):
            lock.write_text("schema: '2.0'\nstages:\n  a:\n    cmd: [")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        cut()
    mend(workspace.folder, temporary)
    assert (lock.read_text() if lock.exists() else None) == good
    with pytest.raises(RuntimeError):
        cut()
    assert "dvc.lock: a killed run left it half written; it is again as before" in workspace.run("latentlab", "repro")
    assert locked(workspace) == ["a", "b", "z", "c"]
    assert "half written" not in workspace.run("latentlab", "repro")


def _start(workspace: Workspace) -> "subprocess.Popen[bytes]":
    """A run in the background; what it says on stderr is in the file `said`."""
    with (workspace.folder / "said").open("w") as said:
        return subprocess.Popen(
            ["latentlab", "repro"],
            cwd=workspace.folder,
            env=workspace.environment,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )


SEEDS = """
import os, time
from pathlib import Path
import torch
from pipeline.ground.parallel import over_seeds
def work(seed, report):
    Path(f"process{seed}").write_text(str(os.getpid()))
    time.sleep(300)
over_seeds(work, [0, 1], lambda *_: None, torch.device("cpu"), 2)
"""


@pytest.mark.parametrize(
    "command", ["python -m stages.seeds", "echo $$ > process0; sleep 300 & echo $! > process1; wait"]
)
def test_a_killed_run_leaves_no_process(command: str, make: Make) -> None:
    """A stage of ours with a process for each seed, and a shell's."""
    workspace = make({"a": {"cmd": command, "outs": ["a.txt"]}})
    (workspace.folder / "stages").mkdir()
    (workspace.folder / "stages/seeds.py").write_text(SEEDS)
    run = _start(workspace)
    paths = [workspace.folder / f"process{seed}" for seed in (0, 1)]
    soon(lambda: all(path.exists() and path.read_text().strip() for path in paths))
    processes = [int(path.read_text()) for path in paths]
    assert all(alive(process) for process in processes)
    run.kill()
    run.wait()
    soon(lambda: not any(alive(process) for process in processes))


def test_dvc_is_locked_meanwhile(make: Make) -> None:
    workspace = make({"a": {"cmd": f"touch begun; {waiting_for('go')}; echo > a.txt", "outs": ["a.txt"]}})
    run = _start(workspace)
    soon((workspace.folder / "begun").exists)
    assert "Unable to acquire lock" in workspace.run("dvc", "repro", status=255)
    assert "error: dvc: Unable to acquire lock" in workspace.run("latentlab", "repro", status=1)
    (workspace.folder / "go").touch()
    assert run.wait(LIMIT) == 0


def test_times_are_recorded_of_a_whole_run_only(make: Make) -> None:
    workspace = make(STAGES)
    assert "is not written" in workspace.run("latentlab", "repro", "--record", "c")
    workspace.run("latentlab", "repro", "--force", "--record")
    times = json.loads((workspace.folder / "results/times.json").read_text())
    assert times["stages"].keys() == STAGES.keys()
    said = workspace.run("latentlab", "repro", "--force").splitlines()[0]
    assert times["machine"] in said
    assert "; about 0 s, if this machine is as fast" in said


def test_what_a_whole_run_finds_made_as_before_keeps_its_recorded_seconds(make: Make) -> None:
    """So the run of a fresh clone is recorded, though it makes to the bit what is in git."""
    stages = {
        "first": {"cmd": "cut -c 1-3 source.txt > first.txt", "deps": ["source.txt"], "outs": ["first.txt"]},
        "second": {"cmd": "cat first.txt > second.txt", "deps": ["first.txt"], "outs": ["second.txt"]},
    }
    workspace = make(stages)
    workspace.run("latentlab", "repro", "--record")
    path = workspace.folder / "results/times.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"stages": {"first": 77.0, "second": 88.0}}))
    (workspace.folder / "source.txt").write_text("sou is how it begins")
    assert "1 stages ran, 1 unchanged" in workspace.run("latentlab", "repro", "--record")
    times = json.loads(path.read_text())["stages"]
    assert times["second"] == 88
    assert times["first"] < 77
    assert "is not written" in workspace.run("latentlab", "repro", "--record")  # nothing ran


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "error: dvc: "),
        (["--jobs", "0"], "error: --jobs 0: expected 1 or more"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], words: str, make: Make) -> None:
    lines = make(STAGES).run("latentlab", "repro", *arguments, status=1).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(words)


def test_outside_a_project(tmp_path: Path) -> None:
    assert Workspace(tmp_path).run("latentlab", "repro", status=1).startswith("error: dvc.yaml: expected it here")


def test_a_row_an_evaluation_with_the_columns_of_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/measurements"
    folder.mkdir(parents=True)
    report = {"metrics": {"digits": ["elbo", "nll", "recall"]}, "explorer": [], "sections": []}
    experiments = {name: {"data": "digits"} for name in ("one", "two")}
    Path("params.yaml").write_text(yaml.safe_dump({"experiments": experiments, "report": report}))
    elbo = Measured("higher", (-84.6,), (0.0223, -0.0223))
    (folder / "one.json").write_text(dump(measured(0, elbo=elbo)))
    (folder / "two.json").write_text(dump(measured(0, elbo=elbo, recall=Measured("higher", (0.5,)))))
    rows = Rows()
    assert list(rows.of("train@one")) == []
    assert list(rows.of("evaluate@other")) == []
    header, first = rows.of("evaluate@one")
    (second,) = rows.of("evaluate@two")
    assert header.split() == ["digits", "elbo", "recall"]
    assert first.split() == ["one", "-84.60", "±", "0.40†", "–"]
    assert second.split() == ["two", "-84.60", "±", "0.40†", "0.5"]
    assert len({len(line) for line in (header, first, second)}) == 1
    Path("params.yaml").write_text("edited: [")
    assert list(rows.of("evaluate@one")) == []


def test_help_needs_neither_torch_nor_dvc() -> None:
    code = "import sys; from tools import cli; assert not {'torch', 'dvc', 'numpy', 'rich.live'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
