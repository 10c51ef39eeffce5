"""Commands at the same time: output, statuses, signals, and nothing left behind."""

import os
import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.running.commands import (
    Command,
    Commands,
    Ended,
    Events,
    Files,
    Forked,
    Line,
    Separate,
    Started,
    Wanted,
)

LIMIT = 60  # seconds, for a machine that does other things too


@pytest.fixture
def events() -> Events:
    return queue.Queue()


@pytest.fixture(params=["forked", "separate"])
def commands(request: pytest.FixtureRequest, events: Events, tmp_path: Path) -> Iterator[Commands]:
    made: Callable[[], Commands] = lambda: (  # noqa: E731
        Forked(events, tmp_path, False, 2) if request.param == "forked" else Separate(events, 2)
    )
    found = made()
    yield found
    found.close()


def shell(text: str, folder: Path) -> Command:
    return Command(text, ["/bin/sh", "-c", text], str(folder), {**os.environ, "GREETING": "good day"})


def until_ended(events: Events, jobs: int = 1) -> tuple[dict[int, list[str]], dict[int, int]]:
    """Lines and statuses of so many jobs, by job."""
    lines: dict[int, list[str]] = {}
    statuses: dict[int, int] = {}
    while len(statuses) < jobs:
        event = events.get(timeout=LIMIT)
        if isinstance(event, Line):
            lines.setdefault(event.job, []).append(event.text)
        elif isinstance(event, Ended):
            statuses[event.job] = event.status
    return lines, statuses


def test_output_environment_folder_and_status(commands: Commands, events: Events, tmp_path: Path) -> None:
    commands.start(1, shell("echo $GREETING; echo to stderr >&2; pwd; cat; exit 3", tmp_path), Wanted(), Files())
    assert isinstance(events.get(timeout=LIMIT), Started)
    lines, statuses = until_ended(events)
    assert lines == {1: ["good day", "to stderr", str(tmp_path)]}
    assert statuses == {1: 3}


def test_two_run_at_the_same_time(commands: Commands, events: Events, tmp_path: Path) -> None:
    """Each waits for the other one's file."""
    for job, (own, other) in enumerate((("a", "b"), ("b", "a"))):
        commands.start(
            job, shell(f"touch {own}; until [ -e {other} ]; do sleep 0.05; done", tmp_path), Wanted(), Files()
        )
    assert until_ended(events, 2)[1] == {0: 0, 1: 0}


def test_a_signal_reaches_the_processes_of_all_commands(commands: Commands, events: Events, tmp_path: Path) -> None:
    for job in (1, 2):
        commands.start(job, shell("echo here; exec sleep 300", tmp_path), Wanted(), Files())
    here = 0
    while here < 2:
        here += isinstance(events.get(timeout=LIMIT), Line)
    commands.signal(signal.SIGTERM)
    assert until_ended(events, 2)[1] == {1: -signal.SIGTERM, 2: -signal.SIGTERM}


def test_closing_kills_what_runs(commands: Commands, events: Events, tmp_path: Path) -> None:
    commands.start(1, shell("echo here; exec sleep 300", tmp_path), Wanted(), Files())
    while not isinstance(events.get(timeout=LIMIT), Line):
        pass
    commands.close()
    assert until_ended(events)[1] == {1: -signal.SIGKILL}


def test_only_a_plain_call_of_a_stage_is_a_module(tmp_path: Path) -> None:
    assert shell("python -m stages.train fc_vae --device cpu", tmp_path).module[0] == "stages.train"
    assert shell("python -m stages.train 'fc_vae'", tmp_path).module == ["stages.train", "fc_vae"]
    for text in (
        "python -m stages.train x > log",
        "python -m other",
        "python stages/train.py",
        "FOO=1 python -m stages.x",
        "python -m stages.train 'x;touch pwned'",
        "python -m stages.train 'x'y;touch pwned;''",
        "python -m stages.train 'x y'",
    ):
        assert shell(text, tmp_path).module == []


STAGE = """
import os, sys
from multiprocessing import get_context
def child(n):
    os._exit(n)
if __name__ == "__main__":
    print(sys.argv[1:], os.environ["GREETING"], os.getcwd())
    print(sorted(name for name in sys.modules if name.split(".")[0] == "pipeline"))
    print("typer" in sys.modules, "yaml" in sys.modules)
    process = get_context("fork").Process(target=child, args=(7,))
    process.start()
    process.join()
    print(process.exitcode, flush=True)
    sys.exit(int(sys.argv[1]))
"""


def test_a_stage_runs_in_a_fork_as_it_does_alone(
    events: Events, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the project is loaded before it, but the slow libraries are; it has children of its own."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__init__.py").touch()
    (tmp_path / "stages/probe.py").write_text(STAGE)
    (tmp_path / "stages/broken.py").write_text("raise ValueError('seen')")
    monkeypatch.setattr("pipeline.running.commands.SLOW", ["typer", "yaml", "no_such_module"])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    commands = Forked(events, tmp_path, True, 2)
    try:
        commands.start(1, shell("python -m stages.probe 5", tmp_path), Wanted(), Files())
        commands.start(2, shell("python -m stages.broken", tmp_path), Wanted(), Files())
        lines, statuses = until_ended(events, 2)
    finally:
        commands.close()
    loaded = ["pipeline", "pipeline.console"]
    assert lines[1] == [f"['5'] good day {tmp_path}", str(loaded), "True True", "7"]
    assert lines[2][-1] == "ValueError: seen"
    assert statuses == {1: 5, 2: 1}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_end_of_what_forks_ends_the_commands(events: Events, tmp_path: Path) -> None:
    commands = Forked(events, tmp_path, False, 2)
    commands.start(1, shell("echo $$; sleep 300 & wait", tmp_path), Wanted(), Files())
    while not isinstance(event := events.get(timeout=LIMIT), Line):
        pass
    commands.server.kill()
    assert until_ended(events)[1] == {1: -signal.SIGKILL}
    end = time.monotonic() + LIMIT
    while Path(f"/proc/{event.text}").exists() and "Z" not in Path(f"/proc/{event.text}/stat").read_text():
        assert time.monotonic() < end
    commands.close()
