"""Trained models on disk."""

import math
from pathlib import Path

import pytest
import torch

from pipeline.contracts import checkpoint
from pipeline.ground import storage
from pipeline.ground.errors import InputError


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_refused_before_anything_is_drawn(value: float, tmp_path: Path) -> None:
    weights = torch.zeros(2, 3)
    weights[1, 2] = value
    path = tmp_path / "seed0.safetensors"
    storage.write(path, {"decoder.weight": weights}, {})
    with pytest.raises(
        InputError, match=r"seed0\.safetensors: expected finite weights, found 1 of 6 in decoder\.weight"
    ):
        checkpoint.load(path, torch.device("cpu"))
