"""What is done once instead of for every stage says what DVC itself says, also after files have changed."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.dependency.param import MissingParamsError, read_param_file
from dvc.repo import Repo
from dvc.utils.serialize import dumps_yaml

from pipeline.running.spared import Committed, Hashes, Parameters

PARAMS = """
a: 1
block:
  one: {x: [1, 2], y: 1e-3, z: '1e-3'}
  two: {x: 5}
"5": text
list:
- first: 1
"""
PIPELINE = """
stages:
  s:
    foreach: [one, two]
    do:
      cmd: 'true'
      params: ['block.${item}']
      deps: [folder, file.txt]
      outs: ['${item}.txt']
  t:
    cmd: 'true'
    params: [a, block.one.x, list, '5']
    outs: [t.txt]
"""


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a.txt").write_text("a")
    (tmp_path / "file.txt").write_text("f")
    with Repo() as found:
        yield found


def params(repo: Any) -> list[Any]:
    return [each for stage in repo.index.stages for each in stage.deps if hasattr(each, "params")]


def test_parameters_are_those_that_dvc_reads(repo: Any, tmp_path: Path) -> None:
    Parameters().serve(repo.index.stages)
    for text in (PARAMS, PARAMS.replace("x: 5", "x: 7").replace("a: 1", "a: [0, {b: null}]")):
        (tmp_path / "params.yaml").write_text(text)
        for each in params(repo):
            assert each.read_params() == read_param_file(repo.fs, "params.yaml", each.params, flatten=True)
            assert each.get_hash().value == each.read_params()


def test_a_parameter_that_is_not_there_is_dvcs_to_tell(repo: Any, tmp_path: Path) -> None:
    Parameters().serve(repo.index.stages)
    (tmp_path / "params.yaml").write_text("block: {two: 1}\n")
    one, two = params(repo)[:2]
    assert two.read_params() == {"block.two": 1}
    with pytest.raises(MissingParamsError, match=r"block\.one"):
        one.get_hash()


def test_what_two_stages_read_is_nothing_that_they_share(repo: Any) -> None:
    """Or dvc.lock, where both are written, would name the one by an alias."""
    Parameters().serve(repo.index.stages)
    again = [params(repo)[0].read_params() for _ in range(2)]
    assert "&" not in dumps_yaml({"stages": again})


def test_files_that_git_has_are_those_that_dvc_finds(repo: Any, tmp_path: Path) -> None:
    scm, committed = repo.scm, Committed()
    paths = ["folder", "folder/a.txt", "folder/b.txt", "file.txt", "file", "fold", "dvc.yaml"]
    for added in ([], ["file.txt", "folder"], ["dvc.yaml"]):
        for name in added:
            subprocess.run(["git", "add", name], cwd=tmp_path, check=True)
        for name in paths:
            path = str(tmp_path / name)
            assert committed.has(scm, path) == scm.is_tracked(path), name


def test_a_dependency_is_looked_at_once_until_a_command_may_have_run(repo: Any, tmp_path: Path) -> None:
    from dvc_objects.fs.memory import MemoryFileSystem

    hashes = Hashes()
    hashes.serve(repo.index.stages)
    folder = next(each for each in repo.index.stages[0].deps if each.def_path == "folder")
    store = MemoryFileSystem().fs.store
    held = set(store)
    with hashes.once():
        first = folder.get_hash()
        (tmp_path / "folder/a.txt").write_text("something else")
        assert folder.get_hash() == first
    assert set(store) == held
    with hashes.once():
        second = folder.get_hash()
    assert second != first
    assert folder.get_hash() == second
