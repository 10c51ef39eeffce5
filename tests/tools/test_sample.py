"""Samples by name, in one crisp grid."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from pipeline.ground.errors import InputError
from tools.sample import _coded, _grid, _labels

DIGITS = SimpleNamespace(classes=("zero", "one", "two"), kind="classes", data="digits")
FACES = SimpleNamespace(classes=("Smiling", "Male", "Bangs"), kind="attributes", data="faces")


def test_without_a_name_every_class_comes_in_turn() -> None:
    assert _labels([], DIGITS, 5).argmax(1).tolist() == [0, 1, 2, 0, 1]


def test_names_are_asked_for_in_every_image() -> None:
    assert _labels(["two"], DIGITS, 2).tolist() == [[0, 0, 1], [0, 0, 1]]
    assert _labels(["Bangs", "Smiling"], FACES, 1).tolist() == [[1, 0, 1]]
    assert _labels(["Bangs", "Bangs"], FACES, 1).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("names", "words"), [(["three"], ["three", "zero, one, two"]), (["one", "two"], ["one class each", "one, two"])]
)
def test_wrong_names_are_told(names: list[str], words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        _labels(names, DIGITS, 1)
    assert all(word in str(error.value) for word in words)


class Coded:
    """Has three codes, and shows the shares it is given."""

    pixels = "unit"
    codes = 3

    def coded(self, latents: Tensor, codes: Tensor) -> Tensor:
        return codes

    def recognise(self, images: Tensor) -> Tensor:
        return images


def test_codes_are_mixed_evenly() -> None:
    latents = torch.zeros(2, 5)
    assert _coded(Coded(), latents, [2], "x").tolist() == [[0, 1, 0]] * 2
    assert _coded(Coded(), latents, [1, 3], "x").tolist() == [[0.5, 0, 0.5]] * 2
    with pytest.raises(InputError, match="--code 4: expected a number from 1 to 3"):
        _coded(Coded(), latents, [1, 4], "x")
    with pytest.raises(InputError, match="--code 1: fc_vae has no latent code"):
        _coded(object(), latents, [1], "fc_vae")


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_becomes_a_square_in_its_place(channels: int) -> None:
    images = torch.rand(5, channels, 2, 2, generator=torch.Generator().manual_seed(0))
    grid = _grid(images, zoom=3)
    assert grid.shape == (2 * 12, 3 * 12, 3)
    for index, image in enumerate(images):
        row, column = divmod(index, 3)
        tile = grid[row * 12 + 3 : row * 12 + 9, column * 12 + 3 : column * 12 + 9]
        expected = image.repeat_interleave(3, 1).repeat_interleave(3, 2).permute(1, 2, 0).expand(6, 6, 3)
        assert torch.equal(tile, expected)
