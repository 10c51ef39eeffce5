"""Whenever a stage is killed, `dvc repro` finishes, and every result has the bits of an undisturbed run.

Three moments in `make test`, as many as LATENTLAB_FAULTS says in `make faults`: over all kinds of stages and families.
"""

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from workspace import Workspace, make

pytestmark = pytest.mark.slow

FAMILIES = ("fc_vae", "face_ae", "cgan", "wgan_clip", "face_acgan", "face_infogan")
FEW = ("fc_vae",)  # where only a few moments are tried
TIMED = ("results/curves", "results/report", "results/times.json", "results/showcase/*/learning.webp")  # tell seconds
MADE = ("data/prepared", "results")


@dataclass(frozen=True)
class Undisturbed:
    """A finished run. stages: all there are; seconds: that each takes alone; bits: of each file that it made."""

    workspace: Workspace
    stages: tuple[str, ...]
    seconds: dict[str, float]
    bits: dict[str, str]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    many = int(os.environ.get("LATENTLAB_FAULTS", "3")) > 10
    workspace = make(tmp_path_factory.mktemp("kills"), FAMILIES if many else FEW)
    workspace.run("dvc", "repro")
    return Undisturbed(workspace, stages(workspace), {}, bits(workspace.folder))


def stages(workspace: Workspace) -> tuple[str, ...]:
    """Those that the lock file holds; raises AssertionError where one has no results."""
    held = yaml.safe_load((workspace.folder / "dvc.lock").read_text())["stages"]
    assert all(block["outs"] for block in held.values())
    return tuple(sorted(held))


def bits(folder: Path) -> dict[str, str]:
    """A digest of every file that stages made, without those that tell how long things took."""
    files = [path for name in MADE for path in sorted((folder / name).rglob("*")) if path.is_file()]
    names = [str(path.relative_to(folder)) for path in files]
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in zip(names, files, strict=True)
        if not any(Path(name).match(pattern) or name.startswith(pattern) for pattern in TIMED)
    }


def chosen(stages: tuple[str, ...], moment: int) -> tuple[str, float, signal.Signals, bool]:
    """The stage, the share of its time that passes first, the signal, and whether all its processes get it.

    Kinds of stages take turns, so that few moments see many kinds.
    """
    at = random.Random(moment)
    kinds = sorted({stage.partition("@")[0] for stage in stages}, key=lambda kind: (kind != "train", kind))
    kind = kinds[moment % len(kinds)]
    stage = at.choice([stage for stage in stages if stage.partition("@")[0] == kind])
    return stage, at.uniform(0.05, 0.95), at.choice((signal.SIGKILL, signal.SIGTERM)), at.random() < 0.5


def forced(stage: str) -> tuple[str, ...]:
    return ("dvc", "repro", "--force", "--single-item", "--no-run-cache", stage)


def started(workspace: Workspace, stage: str) -> subprocess.Popen[bytes]:
    """DVC running one stage anew, in a process group of its own; what was trained before is forgotten."""
    resume = workspace.folder / ".resume" / stage.partition("@")[2]
    if stage.startswith("train@") and resume.exists():
        workspace.run("rm", "-r", str(resume))
    return subprocess.Popen(
        forced(stage),
        cwd=workspace.folder,
        env=workspace.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_a_kill_at_any_moment_loses_nothing(
    undisturbed: Undisturbed, moment: int, record_property: Callable[[str, object], None]
) -> None:
    workspace = undisturbed.workspace
    stage, share, number, everyone = chosen(undisturbed.stages, moment)
    if stage not in undisturbed.seconds:
        begun = time.monotonic()
        assert started(workspace, stage).wait() == 0
        undisturbed.seconds[stage] = time.monotonic() - begun
        assert bits(workspace.folder) == undisturbed.bits
    process, hit = started(workspace, stage), "after its end"
    try:
        process.wait(share * undisturbed.seconds[stage])
    except subprocess.TimeoutExpired:
        own = list(children(process.pid))
        hit = "in the stage's process" if own else "in DVC's"
        for victim in [process.pid] if everyone else own or [process.pid]:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if everyone else os.kill)(victim, number)
    process.wait()
    ended = time.monotonic() + 30
    while alive(process.pid) and time.monotonic() < ended:
        time.sleep(0.05)
    assert not alive(process.pid), f"{stage}: processes are left"
    torn = goes_on(workspace)
    record_property("fault", f"{number.name} {hit}{torn}")
    assert bits(workspace.folder) == undisturbed.bits
    assert "up to date" in workspace.run("dvc", "status")
    left = [path for name in MADE for path in (workspace.folder / name).rglob("*.part")]
    assert not left


def test_two_runs_at_once_leave_the_lock_file_whole(
    undisturbed: Undisturbed, record_property: Callable[[str, object], None]
) -> None:
    workspace = undisturbed.workspace
    before = stages(workspace)
    runs = {stage: started(workspace, stage) for stage in ("train@fc_vae", "classify@digits")}
    assert {stage: run.wait() for stage, run in runs.items()} == dict.fromkeys(runs, 0)
    record_property("fault", "two runs at once")
    workspace.run("dvc", "repro", "--no-run-cache")  # curves tell seconds, and what draws them has not run
    assert stages(workspace) == before
    assert bits(workspace.folder) == undisturbed.bits
    assert "up to date" in workspace.run("dvc", "status")


def goes_on(workspace: Workspace) -> str:
    """Finishes; words for where DVC was killed as it wrote a file of its own, which it refuses afterwards."""
    words = ""
    again = ("dvc", "repro", "--no-run-cache")
    done = subprocess.run(
        again, cwd=workspace.folder, env=workspace.environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        torn = "rwlock" if "RWLock-file" in done.stderr else "dvc.lock"
        assert torn in done.stderr, done.stderr
        words = f"; its {torn} was torn, `latentlab repro` mended it"
        assert f"{torn}: a killed DVC left it half written" in workspace.run("latentlab", "repro")
    workspace.run(*again)
    return words


def children(parent: int) -> Iterator[int]:
    """The stage's own process, which DVC waits for."""
    found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
    yield from map(int, found.stdout.split())


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
