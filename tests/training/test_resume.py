"""What makes two runs the same run."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.ground import device, plugins
from pipeline.training import loop, resume
from pipeline.training.experiment import head, plan
from pipeline.training.loop import State
from pipeline.training.seeds import Training

BLOCK: dict[str, Any] = {"latent": 5, "seeds": [0, 1], "optimisers": {"vae": {"learning_rate": 1e-3}}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "train.safetensors").write_bytes(b"images")
    return tmp_path / "train.safetensors"


def test_settings_seed_and_data_define_a_run_and_the_list_of_seeds_does_not(data: Path) -> None:
    first = resume.definition(BLOCK, 0, data)
    assert resume.definition(BLOCK | {"seeds": [0, 1, 2]}, 0, data) == first
    others = [resume.definition(BLOCK, 1, data), resume.definition(BLOCK | {"latent": 6}, 0, data)]
    data.write_bytes(b"other images")
    others.append(resume.definition(BLOCK, 0, data))
    assert len({first, *others}) == 4


def test_code_defines_a_run(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pipeline.models.vae as vae

    first = resume.definition(BLOCK, 0, data)
    (tmp_path / "pipeline").mkdir()
    edited = tmp_path / "pipeline/vae.py"
    edited.write_text(Path(vae.__file__).read_text() + "# a comment\n")
    monkeypatch.setattr(resume, "ROOT", tmp_path)
    monkeypatch.setattr(vae, "__file__", str(edited))
    assert resume.definition(BLOCK, 0, data) != first


def test_a_state_survives_its_file(tmp_path: Path) -> None:
    place, cpu = resume.Place(tmp_path / "run"), torch.device("cpu")
    assert place.load(cpu) is None
    state = State(7, {"weight": torch.rand(3), "generator": torch.Generator().get_state()}, [{"loss": 1 / 3}], 2.5)
    place.save(state, cpu)
    loaded = place.load(cpu)
    assert loaded is not None
    assert (loaded.iteration, loaded.curve, loaded.seconds) == (7, [{"loss": 1 / 3}], 2.5)
    assert all(torch.equal(loaded.tensors[name], tensor) for name, tensor in state.tensors.items())
    assert place.load(torch.device("cuda")) is None  # another device's generator
    place.finish()
    assert place.load(cpu) is None


def test_old_places_are_removed_and_the_latest_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.chdir(tmp_path)
    for age in range(5):
        folder = resume.place("fc_vae", f"{age:064d}"[::-1]).folder
        folder.mkdir(parents=True)
        (folder / "model.safetensors").touch()
        os.utime(folder, (1000 - age, 1000 - age))
    resume.prune("fc_vae", keep=2)
    assert sorted(folder.name[0] for folder in resume.places("fc_vae").iterdir()) == ["0", "1"]


def test_what_precision_auto_comes_to_defines_a_run(content: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was stopped where bfloat16 is fast must not go on where it is not: half of it would be another's."""
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(resume, "definition", lambda block, seed, data: f"{block['precision']:0>64}"[::-1])
    folders = []
    for able in (True, False):
        monkeypatch.setattr(device, "computes_bfloat16", lambda place, able=able: able)
        block = {**content["experiments"]["fc_vae"], "precision": "auto"}
        common = head(block, "fc_vae")
        family, network = plugins.load("models", common.family), plugins.load("networks", common.network)
        entry = plan(block, "fc_vae", family.Settings, network.Settings, loop.Settings)
        places = Training("fc_vae", block, entry, torch.device("cpu"), 1e9).places
        folders.append({place.folder for place in places.values()})
    assert not folders[0] & folders[1]
