"""Digits in MNIST's form, drawn from the handwritten 8x8 digits that come with scikit-learn."""

import torch
import torch.nn.functional as F
from torch import Tensor

SIZE = 28  # pixels

# An original pixel is 2.5 pixels wide here, so that its 8x8 fill MNIST's 20x20 box.
_PIXELS_PER_ORIGINAL_PIXEL = 2.5
_MARGIN = 2  # original pixels of paper around an original
_TEXELS = 5  # per original pixel
_SHARPEN = 1.5  # times what a blur takes away
_SQUEEZE = 6.0  # narrower by so many times the share of ink that is solid
_GAIN = 9.0  # of the sigmoid that turns grey into ink

# Deformations: small, as one hand varies, so that a small network can learn them all in a laptop's minutes. Each is the
# largest change either way, except the bend, a standard deviation.
_ROTATION = 0.06  # radians
_SLANT = 0.09  # pixels to the side for each upwards
_STRETCH = 0.035  # of the width, as a logarithm; of the height: six tenths of it
_BEND = 0.3  # pixels
_BEND_NODES = 4  # of the random field, along each axis
_INK_FROM, _INK_TO = 0.68, 0.77  # grey that becomes half ink: the higher, the finer the pen


def split(targets: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of the train and of the test originals: every fifth of each class in `targets` (N,) is for the test.

    scikit-learn's file goes from writer to writer, so that this takes about a fifth of each writer's digits as well.
    """
    positions = torch.empty_like(targets)  # of each original within its class
    for target in targets.unique():
        positions[targets == target] = torch.arange(int((targets == target).sum()))
    tested = positions % 5 == 4
    return torch.nonzero(~tested).flatten(), torch.nonzero(tested).flatten()


def handwrite(originals: Tensor, random: torch.Generator, batch: int = 2000) -> Tensor:
    """Each 8x8 original (N, 8, 8), float32 in [0, 1], as a pen might have written it anew: (N, 1, 28, 28) uint8.

    Enlarged to 20x20, turned, slanted, stretched, bent (Simard et al., 2003), inked by a pen of random width, and
    centred by its centre of mass as MNIST is. All random numbers are drawn first, so that `batch`, images drawn
    together, does not change the result.
    """
    n = len(originals)
    changes = torch.rand(n, 5, generator=random) * 2 - 1
    bends = torch.randn(n, 2, _BEND_NODES, _BEND_NODES, generator=random) * _BEND
    drawn = [
        _draw(*parts) for parts in zip(originals.split(batch), changes.split(batch), bends.split(batch), strict=True)
    ]
    return torch.cat(drawn)


def _draw(originals: Tensor, changes: Tensor, bends: Tensor) -> Tensor:
    """(B, 8, 8) originals, (B, 5) changes in [-1, 1] and (B, 2, nodes, nodes) bends in pixels to (B, 1, 28, 28)."""
    padded = F.pad(originals[:, None], (_MARGIN,) * 4)
    texture = _texture(padded)
    rotation, slant, width, height, pen = changes[:, :, None, None].unbind(1)  # (B, 1, 1) each
    cos, sin = torch.cos(rotation * _ROTATION), torch.sin(rotation * _ROTATION)
    across = torch.exp(width * _STRETCH) * _squeeze(padded)[:, :, 0]
    up = torch.exp(height * _STRETCH * 0.6)
    half_ink = _INK_FROM + (pen + 1) / 2 * (_INK_TO - _INK_FROM)

    # Where in the original each pixel looks, in pixels from the centre; the texture spans [-1, 1] for grid_sample.
    axis = torch.arange(SIZE) - (SIZE - 1) / 2
    bent = F.interpolate(bends, SIZE, mode="bicubic", align_corners=True)  # (B, 2, H, W)
    span = (8 / 2 + _MARGIN) * _PIXELS_PER_ORIGINAL_PIXEL

    def ink(dx: Tensor, dy: Tensor) -> Tensor:
        """(B, H, W) in [0, 1], of the digit moved left and up by (B, 1, 1) pixels."""
        x, y = axis + dx + bent[:, 0], axis[:, None] + dy + bent[:, 1]
        u = across * (cos * x - sin * y) + slant * _SLANT * y
        v = up * (sin * x + cos * y)
        grey = F.grid_sample(texture, torch.stack([u, v], -1) / span, align_corners=False)[:, 0]
        low, high = torch.sigmoid(-_GAIN * half_ink), torch.sigmoid(_GAIN * (1 - half_ink))
        # Paper is exactly 0 and full ink exactly 1, which the bare sigmoid only comes near.
        return ((torch.sigmoid(_GAIN * (grey - half_ink)) - low) / (high - low)).clamp(0, 1)

    off_centre = ink(torch.zeros(1), torch.zeros(1))
    mass = off_centre.sum((1, 2), keepdim=True).clamp(min=1)
    dx = (off_centre * axis).sum((1, 2), keepdim=True) / mass
    dy = (off_centre * axis[:, None]).sum((1, 2), keepdim=True) / mass
    return (ink(dx, dy) * 255).round().to(torch.uint8)[:, None]


def _squeeze(padded: Tensor) -> Tensor:
    """How much narrower to draw each digit (B, 1, H, W): (B, 1, 1, 1), from 1.

    Every original was stretched to fill its square, so a thin one became a block. Blocks show by the ink that has only
    ink around it, in a window 3 wide and 5 high.
    """
    solid = -F.max_pool2d(-padded, (5, 3), stride=1)
    return 1 + _SQUEEZE * solid.sum((2, 3), keepdim=True) / padded.sum((2, 3), keepdim=True).clamp(min=1)


def _texture(padded: Tensor) -> Tensor:
    """(B, 1, H, W) sharpened and bicubically enlarged: paper 0, ink near 1."""
    # Each original pixel counts the ink in 4x4 finer ones, a blur that closes loops and pales thin strokes.
    binomial = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    blurred = F.conv2d(padded, torch.outer(binomial, binomial)[None, None], padding=2)
    return F.interpolate(
        padded + _SHARPEN * (padded - blurred), scale_factor=_TEXELS, mode="bicubic", align_corners=False
    )
