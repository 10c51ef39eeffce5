"""Small DVC repositories, and looks at the processes of a run in one."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from workspace import Workspace

LIMIT = 60.0  # seconds, for a machine that does other things too
# A stage of four kinds of outputs and needs.
STAGES: dict[str, Any] = {
    "a": {"cmd": "echo from a; cp source.txt a.txt", "deps": ["source.txt"], "outs": ["a.txt"]},
    "b": {"cmd": "echo b > b.txt", "outs": [{"b.txt": {"cache": False}}]},
    "z": {"cmd": "cat a.txt b.txt > z.txt", "deps": ["a.txt", "b.txt"], "outs": ["z.txt"]},
    "c": {"cmd": ["wc -c < a.txt > c.txt", "echo second"], "deps": ["a.txt"], "metrics": ["c.txt"]},
}


def repository(folder: Path, stages: dict[str, Any]) -> Workspace:
    """A git and DVC repository with these stages and a file source.txt."""
    folder.mkdir()
    workspace = Workspace(folder)
    workspace.run("git", "init", "-q")
    workspace.run("dvc", "init", "-q")
    (folder / "source.txt").write_text("source")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    return workspace


def waiting_for(path: str) -> str:
    """Shell code that waits for a file."""
    return f"until [ -e {path} ]; do sleep 0.05; done"


def soon(true: Callable[[], bool]) -> None:
    """Waits until something is true, not for ever."""
    end = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def locked(workspace: Workspace) -> list[str]:
    """The stages in dvc.lock, in its order."""
    path = workspace.folder / "dvc.lock"
    return list(yaml.safe_load(path.read_text())["stages"]) if path.exists() else []
