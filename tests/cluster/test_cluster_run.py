"""`latentlab run` on small DVC repositories: where stages run, what becomes of them, and how it ends."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from toys import LIMIT, STAGES, alive, locked, repository, soon, waiting_for
from workspace import Workspace

Make = Callable[..., Workspace]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="looks at processes")]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda stages, name="repository": repository(tmp_path / name, stages)


def log(workspace: Workspace) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (workspace.folder / ".latentlab/run.jsonl").read_text().splitlines()]


def start(workspace: Workspace, *arguments: str) -> "subprocess.Popen[bytes]":
    """A run in the background; what it says is in the file `said`."""
    with (workspace.folder / "said").open("w") as said:
        return subprocess.Popen(
            ["latentlab", "run", *arguments],
            cwd=workspace.folder,
            env=workspace.environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )


def children(process: int) -> Iterator[int]:
    """All processes below one."""
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from children(child)


def workers(run: "subprocess.Popen[bytes]") -> list[int]:
    """The processes of Dask's workers; multiprocessing's own, which they are, run nothing else here."""
    found = []
    for child in children(run.pid):
        try:
            words = Path(f"/proc/{child}/cmdline").read_bytes()
        except FileNotFoundError:
            continue
        if b"spawn_main" in words:
            found.append(child)
    return found


def test_the_lock_is_the_one_that_dvc_writes_and_the_log_says_where_stages_ran(make: Make) -> None:
    ours, theirs = make(STAGES), make(STAGES, "theirs")
    said = ours.run("latentlab", "run", "--workers", "2", "--threads", "3").splitlines()
    assert said[0].startswith("what each worker does: http://127.0.0.1:")
    assert said[1].startswith("4 of 4 stages to run, 2 at a time")
    assert any(line.endswith("] a: from a") for line in said)
    assert said[-1].startswith("4 stages ran, 0 unchanged, in ")
    theirs.run("dvc", "repro")
    assert (ours.folder / "dvc.lock").read_text() == (theirs.folder / "dvc.lock").read_text()
    assert "up to date" in ours.run("dvc", "repro")
    ran = [line for line in log(ours) if "worker" in line]
    assert {line["command"] for line in ran} == {
        command
        for stage in STAGES.values()
        for command in ([stage["cmd"]] if isinstance(stage["cmd"], str) else stage["cmd"])
    }
    assert {line["threads"] for line in ran} == {3}
    assert ours.run("latentlab", "run").splitlines()[-1] == "everything is up to date"


def test_independent_stages_run_at_the_same_time_with_the_threads_of_their_workers(make: Make) -> None:
    """Each waits for the other one's file."""
    stages = {
        own: {"cmd": f"touch {own}; {waiting_for(other)}; echo $OMP_NUM_THREADS > {own}.txt", "outs": [f"{own}.txt"]}
        for own, other in (("a", "b"), ("b", "a"))
    }
    workspace = make(stages)
    workspace.run("latentlab", "run", "--workers", "2", "--threads", "5")
    assert (workspace.folder / "a.txt").read_text() == (workspace.folder / "b.txt").read_text() == "5\n"


def test_a_failure_stops_only_what_needs_it(make: Make) -> None:
    stages = {
        "bad": {"cmd": "echo a reason; exit 3", "outs": ["bad.txt"]},
        "good": {"cmd": "sleep 1; echo > good.txt", "outs": ["good.txt"]},
        "late": {"cmd": "cp good.txt late.txt", "deps": ["good.txt"], "outs": ["late.txt"]},
        "after": {"cmd": "cp bad.txt after.txt", "deps": ["bad.txt"], "outs": ["after.txt"]},
    }
    workspace = make(stages)
    said = workspace.run("latentlab", "run", status=1)
    assert "bad failed; the last it printed:\n    a reason\n" in said
    assert said.splitlines()[-1] == (
        "error: bad: `echo a reason; exit 3` ended with status 3; 1 stages that were to follow did not run"
    )
    assert "Traceback" not in said
    assert locked(workspace) == ["good", "late"]


TRAIN = """
import argparse, time
from pathlib import Path
import yaml
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int)
seed = parser.parse_args().seed
state = Path("state")
done = {path.parent.name for path in state.glob("*/model")}
seeds = yaml.safe_load(Path("params.yaml").read_text())["experiments"]["x"]["seeds"]
for each in seeds if seed is None else [seed]:
    if str(each) not in done:
        print("trains", each, flush=True)
        (state / str(each)).mkdir(parents=True)
        Path(f"begun{each}").touch()
        while len(list(Path().glob("begun*"))) < 2:
            time.sleep(0.05)
        (state / str(each) / "model").write_text(str(each))
if seed is None:
    Path("models").mkdir()
    for path in state.glob("*/model"):
        (Path("models") / path.parent.name).write_text(path.read_text())
"""


def test_seeds_are_units_of_work(make: Make) -> None:
    """Two seeds train at the same time; the stage is done with the last; one more seed trains alone."""
    meta = {"seeds": "experiments.x.seeds", "state": "state"}
    params = [{"params.yaml": ["experiments.x"]}]
    train = f"{sys.executable} train.py"
    workspace = make({"train": {"cmd": train, "meta": meta, "params": params, "outs": ["models"]}})
    (workspace.folder / "train.py").write_text(TRAIN)
    (workspace.folder / "params.yaml").write_text("experiments: {x: {seeds: [1, 2]}}")
    said = workspace.run("latentlab", "run")
    assert sorted(path.name for path in (workspace.folder / "models").iterdir()) == ["1", "2"]
    ran = [(line["command"], line["worker"]) for line in log(workspace) if "worker" in line]
    assert [command for command, _ in ran][-1] == train
    assert {command for command, _ in ran[:2]} == {f"{train} --seed {seed}" for seed in (1, 2)}
    assert len({worker for _, worker in ran[:2]}) == 2
    (workspace.folder / "params.yaml").write_text("experiments: {x: {seeds: [1, 2, 3]}}")
    said = workspace.run("latentlab", "run")
    assert "trains 3" in said
    assert "trains 1" not in said
    assert "trains 2" not in said
    assert sorted(path.name for path in (workspace.folder / "models").iterdir()) == ["1", "2", "3"]


def test_what_dvc_yaml_declares_wrongly_is_one_line(make: Make) -> None:
    workspace = make({"a": {"cmd": "true > a.txt", "outs": ["a.txt"], "meta": {"memory_gib": "much"}}})
    last = workspace.run("latentlab", "run", status=1).splitlines()[-1]
    assert last == "error: dvc.yaml: a: meta.memory_gib: expected a number of at least 0, found 'much'"
    workspace = make({"a": {"cmd": "true > a.txt", "outs": ["a.txt"], "meta": {"memory_gib": 10**6}}}, "larger")
    last = workspace.run("latentlab", "run", status=1).splitlines()[-1]
    assert last.startswith("error: dvc.yaml: meta.memory_gib: expected at most the ")
    assert last.endswith("that the largest worker has, found 1e+06")


def test_what_wants_a_gpu_waits_for_one_and_others_leave_it_free(make: Make) -> None:
    """A worker that is said to have one, and one without: both stages of the first kind run there, one by one."""
    gpu = {"meta": {"gpus": 1}}
    stages: dict[str, Any] = {
        "g1": {"cmd": f"{waiting_for('c.txt')}; echo $CUDA_VISIBLE_DEVICES > g1.txt", "outs": ["g1.txt"], **gpu},
        "c": {"cmd": "echo $CUDA_VISIBLE_DEVICES > c.txt", "outs": [{"c.txt": {"cache": False}}]},
        "g2": {"cmd": "echo $CUDA_VISIBLE_DEVICES > g2.txt", "outs": ["g2.txt"], **gpu},
    }
    workspace = make(stages)
    (workspace.folder / "cluster.yaml").write_text("kind: local\ngpus: [7]\nworkers: 1\n")
    workspace.run("latentlab", "run", "--cluster", "cluster.yaml")
    where = {line["command"]: line["worker"] for line in log(workspace) if "worker" in line}
    assert {name: where[stage["cmd"]] for name, stage in stages.items()} == {"g1": "gpu-0", "c": "cpu-0", "g2": "gpu-0"}
    assert [(workspace.folder / f"{name}.txt").read_text() for name in stages] == ["7\n", "\n", "7\n"]


def test_a_lost_workers_stage_goes_on_elsewhere(make: Make) -> None:
    """From its state; and no process of the lost worker's is left."""
    long = "echo $$ > process.tmp; mv process.tmp process; touch state; sleep 300"
    stages = {
        "long": {"cmd": f"test -e state || {{ {long}; }}; echo > long.txt", "outs": ["long.txt"]},
        "other": {"cmd": f"{waiting_for('gone')}; echo > other.txt", "outs": ["other.txt"]},
    }
    workspace = make(stages)
    run = start(workspace)
    soon((workspace.folder / "process").exists)
    process = int((workspace.folder / "process").read_text())
    (worker,) = (each for each in workers(run) if process in descendants(each))
    os.kill(worker, signal.SIGKILL)
    (workspace.folder / "gone").touch()
    assert run.wait(LIMIT) == 0
    said = (workspace.folder / "said").read_text()
    assert "long: cpu-" in said
    assert " is lost; it goes on elsewhere" in said
    assert not alive(process)
    assert [line["lost"] for line in log(workspace) if "lost" in line] == ["long"]


def descendants(process: int) -> set[int]:
    """All processes below one, and those of sessions that it began."""
    return set(children(process))


def test_what_ends_its_workers_fails_at_last(make: Make) -> None:
    """As a stage does that takes all memory: the system ends Dask's worker too."""
    kill = "kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $$))"
    workspace = make({"a": {"cmd": kill, "outs": ["a.txt"]}, "b": {"cmd": "echo > b.txt", "outs": ["b.txt"]}})
    last = workspace.run("latentlab", "run", status=1).splitlines()[-1]
    assert last == f"error: a: `{kill}` lost 5 workers; is there enough memory?"
    assert locked(workspace) == ["b"]


def test_a_stopped_run_leaves_nothing_and_goes_on(make: Make) -> None:
    trap = "trap 'touch told; exit 1' INT; echo $$ > process.tmp; mv process.tmp process; sleep 300 & wait"
    stages = {
        "quick": {"cmd": "echo > quick.txt", "outs": ["quick.txt"]},
        "long": {"cmd": f"test -e told || {{ {trap}; }}; echo > long.txt", "deps": ["quick.txt"], "outs": ["long.txt"]},
    }
    workspace = make(stages)
    run = start(workspace)
    soon((workspace.folder / "process").exists)
    run.send_signal(signal.SIGINT)
    assert run.wait(LIMIT) == 130
    assert (workspace.folder / "said").read_text().endswith("stopped; the same command continues where it can\n")
    assert (workspace.folder / "told").exists()
    assert not alive(int((workspace.folder / "process").read_text()))
    assert locked(workspace) == ["quick"]
    assert workspace.run("latentlab", "run").splitlines()[-1].startswith("1 stages ran, 1 unchanged")


def test_a_killed_run_leaves_no_process(make: Make) -> None:
    workspace = make({"a": {"cmd": "echo $$ > process.tmp; mv process.tmp process; sleep 300", "outs": ["a.txt"]}})
    run = start(workspace)
    soon((workspace.folder / "process").exists)
    found = [*children(run.pid)]
    assert len(found) > 4  # two nannies' workers, and what forks for each
    run.kill()
    run.wait()
    soon(lambda: not any(alive(process) for process in found))


def test_dvc_is_locked_meanwhile(make: Make) -> None:
    workspace = make({"a": {"cmd": f"touch begun; {waiting_for('go')}; echo > a.txt", "outs": ["a.txt"]}})
    run = start(workspace)
    soon((workspace.folder / "begun").exists)
    assert "Unable to acquire lock" in workspace.run("dvc", "repro", status=255)
    assert "error: dvc: Unable to acquire lock" in workspace.run("latentlab", "run", "--workers", "1", status=1)
    (workspace.folder / "go").touch()
    assert run.wait(LIMIT) == 0


def test_ten_workers_killed_at_random_and_nothing_is_lost(make: Make) -> None:
    """Of a hundred stages, of which each three need one another, each writes what it finds made before it."""
    stages: dict[str, Any] = {}
    for number in range(33):
        before = "source.txt"
        for kind in ("one", "two", "three"):
            name = f"{kind}{number}"
            stages[name] = {"cmd": f"sleep 0.3; cat {before} > {name}.txt", "deps": [before], "outs": [f"{name}.txt"]}
            before = f"{name}.txt"
    stages["all"] = {
        "cmd": "cat three*.txt > all.txt",
        "deps": [f"three{n}.txt" for n in range(33)],
        "outs": ["all.txt"],
    }
    workspace, theirs = make(stages), make(stages, "theirs")
    run, draw, killed = start(workspace, "--workers", "3", "--threads", "1"), random.Random(0), 0
    soon((workspace.folder / "dvc.lock").exists)
    while killed < 10:
        time.sleep(draw.uniform(0.1, 1.0))
        assert run.poll() is None, "it ended before ten were killed"
        if found := workers(run):
            os.kill(draw.choice(found), signal.SIGKILL)
            killed += 1
    assert run.wait(2 * LIMIT) == 0
    theirs.run("latentlab", "repro")
    assert (workspace.folder / "dvc.lock").read_text() == (theirs.folder / "dvc.lock").read_text()
    assert "up to date" in workspace.run("dvc", "status")
