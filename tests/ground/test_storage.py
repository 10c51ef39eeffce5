"""Files appear whole or not at all, and say what is wrong with them."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipeline.ground import storage
from pipeline.ground.errors import InputError
from pipeline.ground.files import replacing


def test_tensors_and_header_survive_and_are_the_same_bytes(tmp_path: Path) -> None:
    tensors = {"a": torch.rand(2, 3), "view": torch.rand(4, 4).T[1:3], "half": torch.ones(2, dtype=torch.bfloat16)}
    for name in ("one", "two"):
        storage.write(tmp_path / name, tensors, {"z": [1, 2], "a": "text"})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    loaded, header = storage.read(tmp_path / "one", "a test")
    assert list(header) == ["z", "a"]
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tensors.items())
    assert storage.read(tmp_path / "one", "a test", tensors=False) == ({}, header)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_format_is_refused_with_what_to_do(version: int | str | None, tmp_path: Path) -> None:
    header = {} if version is None else {"format": version}
    save_file({"a": torch.zeros(1)}, tmp_path / "a", {"latentlab": json.dumps(header)})
    with pytest.raises(
        InputError, match=rf"a: .*format {storage.FORMAT}, found {header.get('format', 'none')}: .*`dvc repro`"
    ):
        storage.read(tmp_path / "a", "a test")


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with replacing(path) as beside:
        beside.write_text("good")

    def fail() -> None:
        with replacing(path) as beside:
            beside.write_text("ha")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "good"
    assert [p.name for p in path.parent.iterdir()] == ["file"]
