"""A full disk and a folder that cannot be written to: one line, what was good is kept, and with room it goes on."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from workspace import Workspace, make

pytestmark = pytest.mark.slow

STAGES = {  # arguments, and the folder that its results go to
    "prepare": ("digits", "data/prepared/digits"),
    "classify": ("digits", "results/classifiers/digits"),
    "referee": ("digits", "results/referees/digits"),
    "train": ("fc_vae", ".resume"),
    "evaluate": ("fc_vae", "results/measurements"),
    "intervals": ("", "results/metrics"),
    "figures": ("fc_vae", "results/figures/fc_vae"),
    "conclude": ("", "results"),
    "report": ("", "results/report"),
}


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """The folder with what is in it on a small disk of its own."""
    held = {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "none", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting a small disk takes root's rights")
    try:
        for name, content in held.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        if options:
            subprocess.run(["mount", "-o", ",".join(("remount", *options)), str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Until nothing more fits."""
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "filler"
    }


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = make(tmp_path_factory.mktemp("disk"), ["fc_vae"])
    workspace.run("dvc", "repro")
    return workspace


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_disk_that_takes_no_more_loses_nothing(
    workspace: Workspace, stage: str, fault: str, record_property: Callable[[str, object], None]
) -> None:
    argument, name = STAGES[stage]
    record_property("fault", f"{fault} folder, {stage}")
    folder, arguments = workspace.folder / name, [argument] if argument else []
    if stage == "train":
        workspace.run("rm", "-r", ".resume/fc_vae")
    with mounted(folder, *(["ro"] if fault == "read-only" else [])):
        if fault == "full":
            fill(folder)
        before = content(folder)
        said = workspace.stage(stage, *arguments, status=1)
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, said
        assert name in errors[0]
        assert ("No space left" if fault == "full" else "Read-only file system") in errors[0]
        assert "Traceback" not in said
        assert content(folder) == before
        if fault == "full":
            (folder / "filler").unlink()
            workspace.stage(stage, *arguments)
    workspace.stage(stage, *arguments)
