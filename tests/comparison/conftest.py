"""What tests of comparisons share: a repository, and `latentlab compare` in it."""

from pathlib import Path

import pytest
from comparison.repository import Called, Repository

from tools import cli


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """One commit; fc_vae and fc_cvae are measured with three seeds."""
    made = Repository(tmp_path)
    made.commit("first")
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    """Runs `latentlab compare`: its exit status, output and errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["latentlab", "compare", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call
