"""Resizing and convolving in one step, and why it is done at all."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pipeline.contracts.resizing import Enlarging, Resizing


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_it_is_the_convolution_of_doubled_pixels(bias: bool, channels_last: bool) -> None:
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    resizing = Resizing(5, 3, bias).double().to(memory_format=layout)
    maps = torch.randn(2, 5, 4, 3, dtype=torch.float64, requires_grad=True)
    convolution = resizing.convolution
    doubled = F.interpolate(maps, scale_factor=2, mode="nearest")
    expected = F.conv2d(doubled, convolution.weight.transpose(0, 1).flip(2, 3), convolution.bias, padding=1)
    found = resizing(maps)
    assert found.shape == (2, 3, 8, 6)
    torch.testing.assert_close(found, expected)
    aim = torch.randn_like(found)
    wanted = [maps, *resizing.parameters()]
    for ours, theirs in zip(*(torch.autograd.grad((y * aim).sum(), wanted) for y in (found, expected)), strict=True):
        torch.testing.assert_close(ours, theirs)


@torch.no_grad()
def test_flat_maps_stay_flat_where_a_transposed_convolution_draws_a_checkerboard() -> None:
    """But for the edges, beyond which there is nothing."""
    torch.manual_seed(0)
    flat = torch.randn(2, 5, 1, 1, dtype=torch.float64).expand(2, 5, 8, 8)
    resized, transposed = (
        layer.double()(flat)[:, :, 2:-2, 2:-2] for layer in (Resizing(5, 3), nn.ConvTranspose2d(5, 3, 4, 2, 1))
    )
    assert resized.std((2, 3)).max() < 1e-12
    assert transposed.std((2, 3)).min() > 1e-3


@pytest.mark.parametrize(("side", "factor"), [(4, 2), (16, 4), (1, 2)])
def test_enlarging_is_linear_interpolation(side: int, factor: int) -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, side, side, dtype=torch.float64)
    expected = F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
    enlarging = Enlarging(side, factor)
    torch.testing.assert_close(enlarging(maps), expected)
    assert not enlarging.state_dict()  # nothing that is learned, and nothing in a model's file
