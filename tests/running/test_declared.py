"""What dvc.yaml declares of stages: read, and refused in one line."""

import re
from typing import Any

import pytest
import yaml

from pipeline.ground.errors import InputError
from pipeline.running.commands import Command, Wanted
from pipeline.running.declared import declared

CONTENT = {"experiments": {"x": {"seeds": [20, 21]}, "alone": {"seeds": [3]}, "odd": {"seeds": "many"}}}


def test_what_a_stage_wants_and_its_parts() -> None:
    meta = {"gpus": 1, "memory_gib": 1.5, "seeds": "experiments.x.seeds", "state": ".resume/x", "owner": "somebody"}
    found = declared("train@x", meta, CONTENT)
    assert found.wanted == Wanted(gpus=1, memory=3 * 2**29)
    assert found.state == ".resume/x"
    command = Command("python -m stages.train 'x'", ["sh", "-c", "python -m stages.train 'x'"], "/here", {"A": "b"})
    parts = found.parts(command)
    assert [part.text for part in parts] == [f"python -m stages.train 'x' --seed {seed}" for seed in (20, 21)]
    assert [part.module for part in parts] == [["stages.train", "x", "--seed", str(seed)] for seed in (20, 21)]
    assert all(part.words == ["sh", "-c", part.text] and part.folder == "/here" for part in parts)
    assert declared("train@alone", {"seeds": "experiments.alone.seeds"}, CONTENT).parts(command) == []
    assert declared("a", None, {}).wanted == Wanted()


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"gpus": -1}, "meta.gpus: expected a number of at least 0, found -1"),
        ({"gpus": True}, "meta.gpus: expected a number of at least 0, found True"),
        ({"memory_gib": "2 GB"}, "meta.memory_gib: expected a number of at least 0, found '2 GB'"),
        ({"seeds": [1, 2]}, "meta.seeds: expected a name, found [1, 2]"),
        (
            {"seeds": "experiments.y.seeds"},
            "expected a list of seeds in params.yaml, found none at experiments.y.seeds",
        ),
        ({"seeds": "experiments.odd.seeds"}, "expected a list of seeds in params.yaml, found none"),
        ({"state": 3}, "meta.state: expected a name, found 3"),
    ],
)
def test_what_is_declared_wrongly(meta: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as error:
        declared("train@x", meta, CONTENT)
    assert str(error.value).startswith("dvc.yaml: train@x: ")


def test_each_experiments_seeds_are_declared(root: Any) -> None:
    """In the project's own dvc.yaml, whose keys DVC fills in."""
    written = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]["train"]["do"]["meta"]
    content = yaml.safe_load((root / "params.yaml").read_text())
    for name, block in content["experiments"].items():
        meta = {
            key: value.replace("${key}", name) if isinstance(value, str) else value for key, value in written.items()
        }
        assert list(declared(f"train@{name}", meta, content).seeds) == block["seeds"]
        assert declared(f"train@{name}", meta, content).state == f".resume/{name}"
