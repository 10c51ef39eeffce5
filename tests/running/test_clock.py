"""The time left that a run shows, on simulated runs: no stage runs, and no second passes."""

import random
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.running.commands import Command, Files, Place, Wanted
from pipeline.running.declared import Declared
from pipeline.running.jobs import Job, Task
from pipeline.running.record import Log, Times
from pipeline.running.run import Run
from pipeline.running.screen import Now, Plain, own
from pipeline.running.tracked import Tracked


def _run(tmp_path: Path, names: Sequence[str], needs: Mapping[str, frozenset[str]], times: Times | None) -> Run:
    stages: dict[str, Any] = {}
    tracked = Tracked(names, needs, stages, False)
    run = Run(tracked, times, lambda *_: Two(), Log(tmp_path / "log", 2), Plain(), lambda _: ())
    run.commands = Two()
    run.declared = {name: Declared() for name in names}
    run.waiting.fill(names)
    return run


class Two:
    """Two places, that nothing is started at."""

    places = 2

    def room(self, wanted: Wanted) -> bool:
        raise AssertionError

    def start(self, job: int, command: Command, wanted: Wanted, files: Files) -> Place:
        raise AssertionError

    def signal(self, number: int) -> None:
        raise AssertionError

    def close(self) -> None:
        raise AssertionError


def _simulated(run: Run, true: Mapping[str, float]) -> list[tuple[float, float | None]]:
    """(now, left) at the end of each stage, of a run on two workers whose stages take `true` seconds."""
    now, seen = 0.0, []
    ends: dict[str, float] = {}
    while run.waiting or run.running:
        while len(ends) < 2 and (stage := run.waiting.pop(lambda _: True)):
            command = Command("", (), "", {})
            job = Job(stage, 0, deque(), deque(), dvc=0.0, first=now)
            run.running[stage] = job
            run.tasks[run.place[stage]] = Task(job, command, Place(), False, asked=now, began=now)
            ends[stage] = now + true[stage]
        done = min(ends, key=ends.__getitem__)
        now = ends.pop(done)
        del run.running[done], run.tasks[run.place[done]]
        run.finished[done] = true[done]
        run.waiting.settled(done)
        seen.append((now, run.left(now)))
    return seen


def _pipeline() -> tuple[list[str], dict[str, frozenset[str]], dict[str, float]]:
    """20 experiments of three stages, with seconds drawn between 10 and 60."""
    draw = random.Random(0)
    names, needs, seconds = [], {}, {}
    for kind, before in (("train", ""), ("evaluate", "train"), ("figures", "evaluate")):
        for number in range(20):
            name = f"{kind}@{number}"
            names.append(name)
            needs[name] = frozenset([f"{before}@{number}"] if before else [])
            seconds[name] = draw.uniform(10, 60)
    return names, needs, seconds


def test_a_machine_of_another_speed_is_known_at_half_time(tmp_path: Path) -> None:
    """Three times as slow, with a noise of a fifth on each stage: within a tenth at half time, and later."""
    names, needs, seconds = _pipeline()
    draw = random.Random(1)
    true = {name: 3 * value * draw.uniform(0.8, 1.2) for name, value in seconds.items()}
    run = _run(tmp_path, names, needs, Times("another", 2, 900, seconds))
    seen = _simulated(run, true)
    whole = seen[-1][0]
    later = [(now, left) for now, left in seen if now >= whole / 2]
    assert all(left is not None and abs(now + left - whole) < 0.1 * whole for now, left in later)
    assert seen[-1][1] == 0


def test_without_a_committed_run_its_own_stages_tell(tmp_path: Path) -> None:
    names, needs, seconds = _pipeline()
    run = _run(tmp_path, names, needs, None)
    assert run.left(0.0) is None
    seen = _simulated(run, seconds)
    whole = seen[-1][0]
    assert all(left is not None and abs(now + left - whole) < 0.2 * whole for now, left in seen if now >= whole / 2)


def test_a_stage_unknown_to_the_committed_run_takes_what_its_kind_does(tmp_path: Path) -> None:
    needs = {"train@new": frozenset[str]()}
    run = _run(tmp_path, ["train@new"], needs, Times("x", 2, 30, {"train@a": 10.0, "train@b": 20.0, "report": 1.0}))
    assert run.left(0.0) == pytest.approx(15)


def test_what_is_shown() -> None:
    assert str(Now([], 31, 97, 0.0, 840.0)) == "31 of 97 stages, about 14 min left"
    assert str(Now([], 31, 97, 0.0, None)) == "31 of 97 stages"
    assert str(Now([], 97, 97, 0.0, 0.0)) == "97 of 97 stages"
    assert own("train@a", "train a: seed 0 1/2") == "seed 0 1/2"
    assert own("train@a", "train a seed 0: goes on") == "seed 0: goes on"
    assert own("train@a", "train ab: x") == "ab: x"
    assert own("conclude", "conclude: 3 supported") == "3 supported"
    assert own("train@a", "something else") == "something else"
