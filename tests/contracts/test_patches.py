"""A matrix product in place of a transposed convolution."""

import pytest
import torch
import torch.nn.functional as F

from pipeline.contracts.patches import Patches


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_patches_are_the_transposed_convolution(bias: bool, channels_last: bool) -> None:
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    patches = Patches(5, 3, 4, bias).double().to(memory_format=layout)
    maps = torch.randn(2, 5, 2, 3, dtype=torch.float64, requires_grad=True)
    convolution = patches.convolution
    found = patches(maps)
    expected = F.conv_transpose2d(maps, convolution.weight, convolution.bias, stride=4)
    torch.testing.assert_close(found, expected)
    aim = torch.randn_like(found)
    wanted = [maps, *patches.parameters()]
    for ours, theirs in zip(*(torch.autograd.grad((y * aim).sum(), wanted) for y in (found, expected)), strict=True):
        torch.testing.assert_close(ours, theirs)
