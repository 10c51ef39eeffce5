"""Maps resized: and then convolved, at the price of a transposed convolution; smoothly, as matrix products."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Resizing(nn.Module):
    """A 3x3 convolution of maps whose pixels were doubled (nearest neighbour), instead of a transposed 4x4 one.

    Every pixel of a flat map comes to the same value, whereas transposed convolutions draw checkerboards until they
    have learned not to (Odena, Dumoulin & Olah 2016).

    Both steps together are one transposed convolution with stride 2 whose 4x4 kernel is the 3x3 one spread by a 2x2
    box, and so they are computed: a quarter of the positions, and no maps in between.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(inputs, outputs, 3, 1, 1, bias=bias)  # of stride 1: a convolution

    def forward(self, maps: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, 2 H, 2 W)."""
        kernel = self.convolution.weight
        kernel = F.pad(kernel, (0, 1)) + F.pad(kernel, (1, 0))
        kernel = F.pad(kernel, (0, 0, 0, 1)) + F.pad(kernel, (0, 0, 1, 0))
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        return F.conv_transpose2d(maps, kernel, self.convolution.bias, stride=2, padding=1)


class Enlarging(nn.Module):
    """Maps enlarged by linear interpolation between their pixels' centres, beyond the outer ones as these.

    As a matrix product for each direction, which a CPU computes several times faster than torch's own interpolation,
    and whose gradients a GPU computes the same each time.
    """

    def __init__(self, side: int, factor: int) -> None:
        super().__init__()
        centres = ((torch.arange(factor * side) + 0.5) / factor - 0.5).clamp(0, side - 1)  # in pixels of the input
        weights = (1 - (centres[:, None] - torch.arange(side)).abs()).clamp_min(0)
        self.weights: Tensor
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, side, side) to (B, C, factor side, factor side)."""
        weights = self.weights.to(maps.dtype)
        return weights @ maps @ weights.T
