"""Transposed convolutions whose patches do not overlap, as the matrix product that they are."""

from torch import Tensor, nn


class Patches(nn.Module):
    """A transposed convolution whose stride is its kernel's size: of 1x1 maps, any without padding.

    A CPU computes the product several times faster than the convolution, above all its gradients.
    """

    def __init__(self, inputs: int, outputs: int, size: int, bias: bool = True) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(inputs, outputs, size, size, bias=bias)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H size, W size), channels last."""
        weight, bias = self.convolution.weight, self.convolution.bias
        last = weight.permute(0, 2, 3, 1)  # (inputs, size, size, outputs): where weights are channels last, no copy
        patches = maps.permute(0, 2, 3, 1) @ last.flatten(1)  # (B, H, W, size size outputs)
        patches = patches.unflatten(3, last.shape[1:]).transpose(2, 3)  # (B, H, size, W, size, outputs)
        found = patches.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)
        return found if bias is None else found + bias[:, None, None]
