"""Ctrl-C on a terminal, and SIGINT to a command in the background of a script: one line, and training goes on later."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from workspace import Workspace, make

pytestmark = pytest.mark.slow

SAID = "stopped; the same command continues where it can"
COMMANDS = {
    "the stage": (sys.executable, "-m", "stages.train", "fc_vae"),
    "latentlab repro": ("latentlab", "repro", "train@fc_vae"),
    "dvc repro": ("dvc", "repro", "train@fc_vae"),
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """With a training that takes a minute or more."""
    workspace = make(tmp_path_factory.mktemp("interrupts"), ["fc_vae"])
    workspace.edit(lambda content: content["experiments"]["fc_vae"].update(epochs=3000))
    workspace.run("dvc", "repro", "prepare@digits")
    return workspace


def states(workspace: Workspace) -> list[Path]:
    return list((workspace.folder / ".resume").rglob("state-*.safetensors"))


def in_training(workspace: Workspace) -> None:
    """Waits until a state has been kept."""
    end = time.monotonic() + 60
    while not states(workspace) and time.monotonic() < end:
        time.sleep(0.05)
    assert states(workspace), "no training began within a minute"


def gone(group: int) -> bool:
    """Whether all of a group's processes end within some seconds."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def goes_on(workspace: Workspace) -> None:
    """The next run begins where the stopped one was, not at the first iteration."""
    with subprocess.Popen(
        COMMANDS["the stage"],
        cwd=workspace.folder,
        env=workspace.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if said := re.search(r"goes on from iteration (\d+)", line):
                assert int(said[1]) > 0
                break
            assert not re.search(r" \d+/\d+ ", line), f"it began anew: {line}"
        else:
            pytest.fail("it ended without going on")
        process.kill()


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_on_a_terminal(
    workspace: Workspace, command: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("fault", f"Ctrl-C on a terminal, {command}")
    workspace.run("rm", "-rf", ".resume")
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        ("setsid", "--ctty", *COMMANDS[command]),
        cwd=workspace.folder,
        env=workspace.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        in_training(workspace)
        os.write(terminal, b"\x03")
        said = b""
        with contextlib.suppress(OSError):  # how a terminal tells that its last program has ended
            while part := os.read(terminal, 4096):
                said += part
        os.close(terminal)
        assert process.wait() != 0
    assert gone(process.pid)
    assert SAID in said.decode()
    assert "Traceback" not in said.decode()
    goes_on(workspace)


@pytest.mark.parametrize("command", ["the stage", "latentlab repro"])
def test_sigint_in_the_background_of_a_script(
    workspace: Workspace, command: str, record_property: Callable[[str, object], None]
) -> None:
    record_property("fault", f"SIGINT in the background, {command}")
    workspace.run("rm", "-rf", ".resume")
    said = workspace.folder / "said.txt"
    script = '"$@" > said.txt 2>&1 & echo $!; wait $!; echo $?'  # a shell lets what it starts so ignore SIGINT
    with subprocess.Popen(
        ("sh", "-c", script, "sh", *COMMANDS[command]),
        cwd=workspace.folder,
        env=workspace.environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        assert shell.stdout
        victim = int(shell.stdout.readline())
        in_training(workspace)
        os.kill(victim, signal.SIGINT)
        assert int(shell.stdout.readline()) == 130
    assert gone(shell.pid)
    assert SAID in said.read_text()
    assert "Traceback" not in said.read_text()
    goes_on(workspace)
