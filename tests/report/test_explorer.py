"""Decoders shrink without drawing anything else."""

import base64
import gzip
from pathlib import Path

import numpy as np
import pytest
import reported
import torch

from pipeline.ground.errors import InputError
from pipeline.report import explorer

KINDS = [(False, "bernoulli"), (True, "bernoulli"), (False, "gaussian")]


def unpacked(embedded: explorer.Embedded) -> explorer.Decoder:
    """The decoder that the page reads."""
    planes = np.frombuffer(gzip.decompress(base64.b64decode(embedded.weights)), dtype=np.uint8).reshape(2, -1)
    values = planes[::-1].T.copy().view("<f2").ravel().astype(np.float32)
    weights = []
    for outputs, inputs in embedded.facts["layers"]:
        matrix, bias, values = np.split(values, [outputs * inputs, outputs * (inputs + 1)])
        weights.append((matrix.reshape(outputs, inputs), bias))
    assert not len(values)
    facts = embedded.facts
    return explorer.Decoder(
        facts["name"],
        "",
        facts["seed"],
        facts["latent"],
        facts["classes"],
        facts["bernoulli"],
        (28, 28),
        tuple(weights),
    )


@pytest.mark.parametrize(("conditional", "likelihood"), KINDS)
def test_what_is_embedded_draws_as_torch_does(conditional: bool, likelihood: str, tmp_path: Path) -> None:
    model = reported.vae(tmp_path / "own", conditional=conditional, likelihood=likelihood)
    embedded = explorer.embedded([tmp_path / "own"])[0]
    small = unpacked(embedded)
    noise = np.random.default_rng(5)
    latents = noise.uniform(-explorer.REACH, explorer.REACH, (500, 5)).astype(np.float32)
    labels = torch.nn.functional.one_hot(torch.arange(500) % 10, 10)
    drawn = model.generate(torch.from_numpy(latents), labels).flatten(1)
    wanted = drawn if likelihood == "bernoulli" else (drawn + 1) / 2
    found = small.draw(small.inputs(latents))
    assert np.ptp(found, 0).max() > 0.9  # the latents do something
    assert np.abs(found - wanted.numpy()).max() * 255 < 1


def test_units_that_never_fire_are_left_out_and_still_pixels_cost_nothing(tmp_path: Path) -> None:
    reported.vae(tmp_path / "own")
    decoder = explorer.load(tmp_path / "own")
    small = explorer.smaller(decoder)
    assert [matrix.shape for matrix, _ in decoder.weights] == [(64, 5), (64, 64), (784, 64)]
    shapes = [matrix.shape for matrix, _ in small.weights]
    assert shapes[0][0] <= 56
    assert shapes[1] == (shapes[2][1], shapes[0][0])
    border = small.weights[2][0].reshape(28, 28, -1)[[0, -1]]
    assert not border.any()
    assert len(explorer.packed(small)) < 0.8 * len(explorer.packed(decoder))


def test_an_idle_dimension_comes_last(tmp_path: Path) -> None:
    reported.vae(tmp_path / "own")
    facts = explorer.embedded([tmp_path / "own"])[0].facts
    assert facts["order"][-1] == 3
    assert facts["active"] == 4
    assert max(facts["influence"]) == 1
    assert facts["influence"][3] < explorer.IDLE


def test_the_first_seed_is_taken_by_number(tmp_path: Path) -> None:
    for seed in (10, 9):
        reported.vae(tmp_path / "own", seed)
    assert explorer.load(tmp_path / "own").seed == 9


def test_other_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected trained models"):
        explorer.load(tmp_path)
    with pytest.raises(InputError, match=r"report.explorer: expected a vae of mlp .* found a gan of mlp"):
        explorer.load(reported.damaged(tmp_path, "gan"))
