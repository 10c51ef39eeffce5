"""Names stand in commands that a shell reads: what would be more than a name is refused before any shell starts."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from workspace import Workspace, make

from pipeline.ground.params import NAME

COMMANDS = (
    "x;touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "x&touch pwned&",
    "x|touch pwned",
    "x\ntouch pwned",
    "x>pwned",
    "x' ; touch pwned ; '",
    'x" ; touch pwned ; "',
    "../../pwned",
    "-rf",
    "my vae",
    "x*",
    "~",
    "x\n",
    "ünïcode",
    "",
    "x" * 65,
)


def renamed(workspace: Workspace, name: str) -> None:
    """The project with its only experiment called so, and nothing in the report that would be refused for that."""

    def change(content: dict[str, Any]) -> None:
        (block,) = content["experiments"].values()
        content["experiments"] = {name: block}
        content["report"] = {"metrics": {}, "explorer": [], "sections": []}

    workspace.edit(change)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make(tmp_path_factory.mktemp("named"), ["fc_vae"])


@pytest.mark.parametrize("name", COMMANDS)
def test_no_such_name_fits(name: str) -> None:
    assert not NAME.fullmatch(name)


def test_every_name_of_the_project_fits_and_stands_for_itself_in_a_shell() -> None:
    content = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8"))
    for block in ("data", "classifier", "referee", "experiments"):
        assert all(NAME.fullmatch(name) for name in content[block])


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("command", [["check", "--quick"], ["repro"], ["repro", "train"]])
def test_the_commands_of_latentlab_refuse_it_before_a_shell_starts(
    command: list[str], name: str, workspace: Workspace
) -> None:
    renamed(workspace, name)
    before = {path for path in workspace.folder.rglob("*") if "__pycache__" not in str(path)}
    said = workspace.run(sys.executable, "-m", "tools.cli", *command, status=1)
    assert said.startswith("error: params.yaml: experiments: expected names of letters, digits and underscores")
    assert len(said.splitlines()) == 1
    assert {path for path in workspace.folder.rglob("*") if "__pycache__" not in str(path)} <= before
    assert not list(workspace.folder.parent.rglob("pwned"))


def test_names_stand_in_quotes_where_dvc_gives_a_shell_the_command() -> None:
    """`dvc repro` checks no names."""
    stages = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    commands = [stage["do"]["cmd"] for stage in stages.values() if "foreach" in stage]
    assert commands
    assert all(command.count("${") == command.count("'${key}'") == 1 for command in commands)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x;touch pwned", "$(touch pwned)", "my vae", "x>pwned"])
def test_dvc_gives_a_stage_the_name_and_no_shell_reads_it(name: str, workspace: Workspace) -> None:
    renamed(workspace, name)
    said = workspace.run("dvc", "repro", "--single-item", "prepare@digits", f"train@{name}", status=255)
    assert "expected names of letters, digits and underscores" in said
    assert not list(workspace.folder.rglob("pwned"))
