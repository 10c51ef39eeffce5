"""A training run that is killed goes on, and ends with the same bits as one that was not."""

import signal
import time
from pathlib import Path

import pytest
from workspace import Workspace, make

pytestmark = pytest.mark.slow
MODEL = Path("results/models/fc_cvae/seed0.safetensors")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = make(tmp_path_factory.mktemp("kill"), ["fc_cvae"])
    workspace.edit(lambda content: content["experiments"]["fc_cvae"].update(epochs=100))
    workspace.stage("prepare", "digits")
    return workspace


def test_a_killed_run_ends_with_the_same_bits(workspace: Workspace) -> None:
    def train(*more: str) -> tuple[str, ...]:
        return ("python", "-m", "stages.train", "fc_cvae", *more)

    workspace.run(*train())
    whole = (workspace.folder / MODEL).read_bytes()
    curve = _timeless(workspace.folder / "results/curves/fc_cvae.csv")
    workspace.run("rm", "-r", ".resume", "results")
    kills = 0
    for delay in (0.0, 0.15, 0.4):
        process = workspace.start(*train("--save-every", "0"))
        seen = _state(workspace)
        while process.poll() is None and _state(workspace) == seen:
            time.sleep(0.005)
        time.sleep(delay)
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert kills == 3
    assert not (workspace.folder / MODEL).exists()
    assert "goes on from iteration" in workspace.run(*train())
    assert (workspace.folder / MODEL).read_bytes() == whole
    assert _timeless(workspace.folder / "results/curves/fc_cvae.csv") == curve
    assert not list((workspace.folder / ".resume").rglob("state-*"))


def _state(workspace: Workspace) -> float:
    """When the state was last written; 0 before."""
    return max(
        (path.stat().st_mtime for path in (workspace.folder / ".resume").rglob("state-*.safetensors")), default=0
    )


def _timeless(path: Path) -> list[list[str]]:
    """A curve without its seconds."""
    rows = [line.split(",") for line in path.read_text().splitlines()]
    index = rows[0].index("seconds")
    return [row[:index] + row[index + 1 :] for row in rows]


def test_a_loss_that_is_not_finite_is_one_line_and_keeps_the_last_good_state(workspace: Workspace) -> None:
    """A family whose KL turns into nan after 50 updates."""
    family = (workspace.folder / "pipeline/models/vae.py").read_text()
    good = "kl = posterior.kl().mean()"
    assert good in family
    broken = family.replace(good, f'{good} * (float("nan") if next(COUNT) > 50 else 1)')
    (workspace.folder / "pipeline/models/broken.py").write_text(
        f"import itertools\n{broken}\nCOUNT = itertools.count()\n"
    )
    workspace.run("rm", "-rf", ".resume", "results")
    workspace.edit(lambda content: content["experiments"]["fc_cvae"].update(family="broken"))
    last = workspace.stage("train", "fc_cvae", "--save-every", "0", status=1).splitlines()[-1]
    assert last.startswith("error: train fc_cvae seed 0: kl is nan between iterations 48 and 52")
    assert "the state at iteration 48 is kept in .resume/fc_cvae/" in last
    assert _state(workspace) > 0
    assert not (workspace.folder / MODEL).exists()
