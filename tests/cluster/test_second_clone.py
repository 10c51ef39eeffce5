"""What one machine made, another has: by git, `dvc pull` and the run cache, and runs nothing again."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cluster.stored import Stored, served
from workspace import Workspace, ran

STAGES = {
    "prepare": {"cmd": "mkdir data && cut -c 1-3 source.txt > data/a && echo b > data/b", "deps": ["source.txt"]},
    "train": {"cmd": "mkdir models && cp data/a models/0 && cp data/b models/1", "deps": ["data"]},
    "evaluate": {"cmd": "cat models/0 models/1 > measured.json", "deps": ["models"]},
    "report": {"cmd": "cp measured.json page.html", "deps": ["measured.json"], "outs": ["page.html"]},
}
STAGES["prepare"]["outs"], STAGES["train"]["outs"] = ["data"], ["models"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served() as address:
        yield address


@pytest.fixture(params=["folder", "s3"])
def stored(request: pytest.FixtureRequest, server: str, tmp_path: Path) -> Stored:
    return Stored(f"s3://bucket/{tmp_path.name}", server) if request.param == "s3" else Stored(str(tmp_path / "remote"))


def toy(folder: Path) -> Workspace:
    """A project as this one is made: data and models in DVC's cache, measurements in git."""
    folder.mkdir()
    workspace = Workspace(folder)
    workspace.run("git", "init", "-q")
    workspace.run("dvc", "init", "-q")
    (folder / "source.txt").write_text("source")
    (folder / ".gitignore").write_text(".latentlab/\n")
    evaluate = {**STAGES["evaluate"], "outs": [{"measured.json": {"cache": False}}]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {**STAGES, "evaluate": evaluate}}, sort_keys=False))
    return workspace


def shared(workspace: Workspace, *left_out: str) -> None:
    """Runs all and shares it, but for what git is not told of."""
    workspace.run("dvc", "repro", "-q")
    workspace.run("git", "add", "-A")
    for name in left_out:
        workspace.run("git", "rm", "-q", "--cached", name)
    workspace.run("git", "commit", "-qm", "a run")
    workspace.run("dvc", "push", "--run-cache")


def cloned(workspace: Workspace) -> Workspace:
    folder = workspace.folder.with_name("second")
    subprocess.run(["git", "clone", "-q", workspace.folder, folder], check=True)
    return Workspace(folder)


def made(workspace: Workspace) -> dict[str, bytes]:
    """All that stages made, by path."""
    paths = [path for path in workspace.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    relative = {path.relative_to(workspace.folder): path for path in paths}
    kept = {name: path for name, path in relative.items() if name.parts[0] not in (".git", ".dvc", ".latentlab")}
    return {str(name): path.read_bytes() for name, path in kept.items() if "__pycache__" not in name.parts}


def test_a_second_clone_has_all_and_runs_nothing(stored: Stored, tmp_path: Path) -> None:
    first = toy(tmp_path / "first")
    stored.configure(first.folder)
    shared(first)
    second = cloned(first)
    assert (second.folder / "measured.json").exists()
    assert not (second.folder / "models").exists()
    second.run("dvc", "pull")
    assert made(second) == made(first)
    assert second.reproduced() == set()
    assert second.run("latentlab", "repro") == "everything is up to date\n"
    assert second.run("git", "status", "--porcelain") == ""


def test_without_its_lock_file_it_has_all_from_the_run_cache(server: str, tmp_path: Path) -> None:
    """But for stages whose outputs git keeps, which DVC's run cache leaves out."""
    first = toy(tmp_path / "first")
    Stored("s3://bucket/without", server).configure(first.folder)
    shared(first, "dvc.lock")
    second = cloned(first)
    second.run("dvc", "pull", "--run-cache", "--allow-missing")
    assert ran(second.run("dvc", "repro", "--pull")) == {"evaluate"}
    assert made(second) == made(first)
    assert second.run("latentlab", "repro") == "everything is up to date\n"
    (second.folder / "dvc.lock").unlink()
    said = second.run("latentlab", "repro")
    assert "1 stages ran, 3 restored from the run cache, 0 unchanged" in said
    assert " evaluate: done" in said
    assert made(second) == made(first)
