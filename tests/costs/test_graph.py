"""The stages as this reads them from dvc.yaml are those of DVC."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.costs import graph
from pipeline.ground.errors import InputError
from pipeline.ground.plugins import ROOT as PIPELINE

ROOT = PIPELINE.parent


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what DVC imports
def test_stages_and_needs_are_those_of_dvc(content: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from dvc.repo import Repo

    monkeypatch.chdir(ROOT)
    found = graph.needs(content)
    with Repo() as repo:
        theirs = repo.index.graph
        assert found == {
            stage.addressing: frozenset(other.addressing for other in theirs.successors(stage)) for stage in theirs
        }


def test_they_stand_in_an_order_in_which_they_can_run(content: dict[str, Any]) -> None:
    done: set[str] = set()
    found = graph.needs(content, ROOT / "dvc.yaml")
    for stage, needs in found.items():
        assert needs <= done, stage
        done.add(stage)
    assert found["evaluate@fc_vae"] == {"prepare@digits", "classify@digits", "referee@digits", "train@fc_vae"}


def test_an_experiment_more_is_a_stage_more(content: dict[str, Any]) -> None:
    more = content | {"experiments": content["experiments"] | {"mine": content["experiments"]["fc_vae"]}}
    found = graph.needs(more, ROOT / "dvc.yaml")
    assert found["train@mine"] == {"prepare@digits"}
    assert "train@mine" in found["report"]


def test_paths_meet_by_their_parts(tmp_path: Path) -> None:
    """`a/bc` does not lie in `a/b`; a file needs who makes its folder, a folder who makes something in it."""
    path = tmp_path / "dvc.yaml"
    stages = {
        "folder": {"cmd": "", "outs": ["a/b"]},
        "deep": {"cmd": "", "outs": [{"c/d/e": {"cache": False}}]},
        "file": {"cmd": "", "deps": ["a/b/file"], "outs": ["one"]},
        "beside": {"cmd": "", "deps": ["a/bc"], "outs": ["two"]},
        "whole": {"cmd": "", "deps": ["c", "${key}"], "outs": ["three"]},
    }
    path.write_text(yaml.safe_dump({"stages": stages}))
    found = graph.needs({"key": "one"}, path)
    assert found == {
        "folder": set(),
        "deep": set(),
        "beside": set(),
        "file": {"folder"},
        "whole": {"deep", "file"},
    }
    with pytest.raises(InputError, match=r"dvc.yaml: whole: \$\{key\}: no such key in params.yaml"):
        graph.needs({}, path)
