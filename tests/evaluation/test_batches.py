"""How many images pass the networks together changes no number by more than rounding: docs/metrics.md states how much.

Noise is drawn for all of them before they are parted, and norms are in evaluation, so that no image heeds another.
"""

import math
from pathlib import Path

import pytest
import torch
from evaluation.rehearsal import EACH, rehearsal

from pipeline.contracts import checkpoint
from pipeline.evaluation import collect, drawing
from pipeline.ground.errors import InputError

RELATIVE, ABSOLUTE = 1e-5, 1e-6  # as docs/metrics.md says


def alike(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


@pytest.mark.parametrize("name", EACH.values())
def test_batches_of_1_to_512_are_the_same_numbers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tried = rehearsal(name)
    tried.judge()
    tried.train()
    expected = tried.measured()
    for size in (1, 7, 512):
        for module in (collect, drawing):
            monkeypatch.setattr(module, "at_once", lambda device, most, size=size: size)
        found = tried.measured()
        assert found.values.keys() == expected.values.keys()
        apart = {key: (value, expected.values[key]) for key, value in found.values.items()}
        assert not {key: pair for key, pair in apart.items() if not alike(*pair)}, size
        for half, same in zip(found.halves, expected.halves, strict=True):
            assert all(alike(half[key], same[key]) for key in same)


@pytest.mark.parametrize("name", EACH.values())
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_model_of_weights_that_are_not_finite_is_not_measured(
    name: str, value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a number of it, whatever the metrics; its file and the weight are named."""
    monkeypatch.chdir(tmp_path)
    tried = rehearsal(name)
    tried.train()
    path = Path("results/models") / name / "seed0.safetensors"
    model, header = checkpoint.load(path, torch.device("cpu"))
    key = [key for key, weights in model.state_dict().items() if weights.is_floating_point()][-1]
    model.state_dict()[key].fill_(value)
    checkpoint.save(path, model, header)
    tried.judge()
    with pytest.raises(InputError) as error:
        tried.measured()
    assert str(error.value).startswith(f"{path}: ")
    assert f" in {key} " in str(error.value)
    assert "finite" in str(error.value)
    assert "\n" not in str(error.value)


def test_drawings_that_are_not_finite_are_not_measured() -> None:
    def generate(latents: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return latents.log().view(-1, 1, 1, 1)  # nan below 0

    with pytest.raises(InputError, match="drawings and what is seen in them: 2 of 3 numbers are not finite"):
        drawing.seen(
            generate,
            "unit",
            lambda images: (images.flatten(1),),
            torch.tensor([[-1.0], [1.0], [-2.0]]),
            torch.ones(3, 1),
        )
