"""Workers that do not see the project's disk: a mount in a namespace of their own hides it from them."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from toys import STAGES, repository
from workspace import Workspace

LIMIT = 60.0


def _can_hide() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _can_hide(), reason="needs root's rights on Linux, to hide a folder from processes"),
]

TRAIN = """
import argparse
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int)
seed = parser.parse_args().seed
for each in [1, 2] if seed is None else [seed]:
    place = Path(f"state/{each}")
    if (place / "model").exists():
        print("has", each)
        continue
    print("trains", each)
    place.mkdir(parents=True)
    (place / "model").write_text(Path("c.txt").read_text() + str(each))
if seed is None:
    Path("models").mkdir()
    for each in (1, 2):
        Path(f"models/{each}").write_text(Path(f"state/{each}/model").read_text())
"""


@pytest.fixture
def project(tmp_path: Path) -> Workspace:
    """Four stages, and one that trains two seeds from what one of them made."""
    train = {
        "cmd": f"{sys.executable} stages/train.py",
        "deps": ["c.txt", "stages"],
        "meta": {"seeds": "seeds", "state": "state"},
        "outs": ["models"],
    }
    workspace = repository(tmp_path / "project", {**STAGES, "train": train})
    (workspace.folder / "stages").mkdir()
    (workspace.folder / "stages/train.py").write_text(TRAIN)
    (workspace.folder / "params.yaml").write_text("seeds: [1, 2]")
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-qm", "start")
    return workspace


@pytest.fixture
def scheduler(project: Workspace) -> Iterator[str]:
    """The address of a scheduler on the loopback address, with two workers that find the project's folder empty."""
    elsewhere = project.folder.parent / "elsewhere"
    elsewhere.mkdir()
    environment = {**project.environment, "TMPDIR": str(elsewhere)}
    file = elsewhere / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    processes = [
        subprocess.Popen(
            [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)],
            cwd=elsewhere,
            env=environment,
            stderr=subprocess.DEVNULL,
        )
    ]
    end = time.monotonic() + LIMIT
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    for number in range(2):
        worker = [*dask, "worker", "--scheduler-file", str(file), "--host", "127.0.0.1", "--nthreads", "1"]
        words = " ".join([*worker, "--no-dashboard", "--no-nanny", "--name", f"far-{number}"])
        hidden = f"mount -t tmpfs none {project.folder} && exec {words}"
        command = ["unshare", "-m", "sh", "-c", hidden]
        processes.append(subprocess.Popen(command, cwd=elsewhere, env=environment, stderr=subprocess.DEVNULL))
    import json

    yield json.loads(file.read_text())["address"]
    for process in reversed(processes):  # workers first, as they look for a scheduler that is gone for a while
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_files_go_through_the_remote_and_a_second_clone_has_them(project: Workspace, scheduler: str) -> None:
    """The lock is that of a serial run; seeds that two workers trained are put together by one; nothing is pushed
    twice, and whoever clones the project has all by `dvc pull`.
    """
    theirs = project.folder.parent / "theirs"
    shutil.copytree(project.folder, theirs)
    project.run("dvc", "remote", "add", "--default", "depot", str(project.folder.parent / "remote"), "--quiet")
    said = project.run("latentlab", "run", "--scheduler", scheduler)
    assert said.splitlines()[-1].startswith("5 stages ran, 0 unchanged")
    assert said.count("trains") == 2
    assert said.count("has") == 2
    Workspace(theirs).run("dvc", "repro")
    assert (project.folder / "dvc.lock").read_text() == (theirs / "dvc.lock").read_text()
    assert (project.folder / "models/2").read_text() == (theirs / "models/2").read_text()
    assert "up to date" in project.run("dvc", "status")
    assert "Everything is up to date" in project.run("dvc", "push")
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "a run")
    project.run("git", "clone", "-q", ".", "../second")
    second = Workspace(project.folder.parent / "second")
    second.run("dvc", "pull", "--quiet")
    assert (second.folder / "models/1").read_text() == (theirs / "models/1").read_text()
    assert second.run("latentlab", "repro") == "everything is up to date\n"


def test_without_a_remote_one_line_says_what_to_do(project: Workspace, scheduler: str) -> None:
    last = project.run("latentlab", "run", "--scheduler", scheduler, status=1).splitlines()[-1]
    assert last == (
        f"error: worker far-0: does not see {project.folder}, and the project has no DVC remote to send files through; "
        "`dvc remote add -d NAME URL` adds one"
    ).replace("far-0", "far-1" if "far-1" in last else "far-0")


def test_a_stage_that_fails_elsewhere_says_why(project: Workspace, scheduler: str) -> None:
    project.run("dvc", "remote", "add", "--default", "depot", str(project.folder.parent / "remote"), "--quiet")
    (project.folder / "stages/train.py").write_text("print('a reason'); raise SystemExit(3)")
    said = project.run("latentlab", "run", "--scheduler", scheduler, status=1)
    assert "train failed; the last it printed:\n    a reason\n" in said
    assert "ended with status 3" in said.splitlines()[-1]
    assert not (project.folder / "models").exists()
