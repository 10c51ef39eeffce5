"""Command lines: quick help without torch, lines of progress, errors of one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.console.command import run
from pipeline.console.progress import progress
from pipeline.ground.errors import InputError

STAGES = sorted(path.stem for path in (Path(__file__).parents[2] / "stages").glob("*.py") if path.stem != "__init__")
TOOLS = ("budget", "check", "results", "sample")


@pytest.mark.parametrize(
    "command", [*([f"stages.{stage}"] for stage in STAGES), *(["tools.cli", tool] for tool in TOOLS)]
)
def test_help_says_what_a_command_does_without_torch(command: list[str], root: Path) -> None:
    module, *rest = command
    code = f"""if True:
        import runpy, sys
        sys.argv = [{module!r}, *{rest!r}, "--help"]
        try:
            runpy.run_module({module!r}, run_name="__main__")
        except SystemExit as end:
            assert not end.code
        assert "torch" not in sys.modules and "matplotlib" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    assert lines[0].startswith("Usage:")
    assert len(lines[1]) > 30  # a sentence
    of_all = {"stages.intervals", "stages.conclude", "stages.report", "check", "results"}
    takes_an_argument = not of_all & set(command)
    assert ("Arguments:" in lines) == takes_an_argument
    if takes_an_argument:  # explained, not only named
        assert len(lines[lines.index("Arguments:") + 1].split()) > 5


def test_progress_away_from_a_terminal_is_a_line_with_every_task(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("train x") as show:
        show("seed 0", 1, 2, {"loss": 12.3456})
        show("seed 1", 2, 2, {"loss": 1e-9})
        show("seed 0", 2, 2, {"loss": 11.0})
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["train x: seed 0 2/2 loss 11 | seed 1 2/2 loss 1e-09"]


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (InputError("a: b"), 1, "error: a: b\n"),
        (KeyboardInterrupt(), 130, "stopped"),
        (SystemExit(130), 130, "stopped; the same"),
    ],
)
def test_expected_ends_are_one_line(
    error: BaseException, status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        run(fail)
    assert end.value.code == status
    assert words in capsys.readouterr().err
