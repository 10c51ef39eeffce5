"""House numbers in colour, in SVHN's form, drawn from the handwritten 8x8 digits that come with scikit-learn.

SVHN, the Street View House Numbers (Netzer et al., "Reading Digits in Natural Images with Unsupervised Feature
Learning", 2011), has 32x32 crops with one digit in the middle, often with the next ones cut off at the left and right.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SIZE = 32  # pixels

_MARGIN = 2  # original pixels of paper around an original
_WIDTH, _HEIGHT = 2.3, 2.9  # pixels for one of the original's: 8x8 become 18 wide and 23 high
_SHARPEN = 1.2  # times what a blur takes away
_GAIN = 9.0  # of the sigmoid that turns grey into paint
_PAINT_FROM, _PAINT_TO = 0.56, 0.72  # grey that becomes half paint: the higher, the finer the stroke

# Deformations, each the largest change either way.
_ROTATION = 0.10  # radians
_SLANT = 0.14  # pixels to the side for each upwards
_SCALE, _STRETCH = 0.08, 0.07  # of the size and of the width against the height, as logarithms
_SHIFT = 1.5  # pixels

# Shares of the images that have each.
_NEIGHBOUR = 0.5  # on either side
_SHADOW = 0.35
_PLATE = 0.4  # its edge, above or below the digit
_REACH = 12.5  # pixels from the centre to a plate's edge, at least

_CONTRAST = 0.32  # of luminance, at least, between digit and wall before light and haze change it
_WEIGHTS = torch.tensor([0.299, 0.587, 0.114])  # of red, green, blue in luminance
_WALLS = (
    *("e9e4d8", "d8cdb4", "c9c4bb", "b9a58a", "a8a9ab", "8f8f90", "b5694f", "9a5240", "7c3f33", "c98e6b"),
    *("6d5a4a", "4b3b31", "2c2a2b", "3a4048", "25385e", "34558c", "6f8fae", "a9c0cf", "2f4d3e", "5f7a5c"),
    *("9fae8b", "d9b96a", "e3d3a0", "7d2a2c", "5b5f66"),
)
_PAINTS = (
    *("f4f2ec", "f4f2ec", "e8dfc6", "1c1b1d", "1c1b1d", "2a2624", "c9a24a", "a67c37", "b8bcc0", "7a7f85"),
    *("20376b", "2d5f9e", "8e2a25", "c23b2e", "2e5d43", "5a3a24", "e2c14e"),
)


def split(targets: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of the train and of the test originals: every fifth of each class in `targets` (N,) is for the test."""
    positions = F.one_hot(targets.long()).cumsum(0).gather(1, targets.long()[:, None])[:, 0]  # in its class, from 1
    tested = positions % 5 == 0
    return torch.nonzero(~tested).flatten(), torch.nonzero(tested).flatten()


def paint(originals: Tensor, neighbours: Tensor, random: torch.Generator, batch: int = 1000) -> Tensor:
    """Each 8x8 original (N, 8, 8), float32 in [0, 1], as a house number: (N, 3, 32, 32) uint8, RGB.

    neighbours: (N, 2, 8, 8), the digits that may be cut off at the left and at the right edge. All random numbers are
    drawn first, so that `batch`, images painted together, does not change the result.
    """
    chances = _chances(len(originals), random)
    painted = [
        _paint(originals[i : i + batch], neighbours[i : i + batch], {k: v[i : i + batch] for k, v in chances.items()})
        for i in range(0, len(originals), batch)
    ]
    return torch.cat(painted)


def _chances(n: int, random: torch.Generator) -> dict[str, Tensor]:
    """All that is left to chance in n images, (n, ...) each."""
    walls, paints = _pairs()
    pair = torch.randint(len(walls), (n,), generator=random)
    outer = torch.randint(len(_WALLS), (n,), generator=random)
    return {
        "wall": walls[pair],
        "paint": paints[pair],
        "outer": _rgb(_WALLS)[outer],  # of the wall behind a plate
        "changes": torch.rand(n, 7, generator=random) * 2 - 1,
        "neighbour": torch.rand(n, 2, generator=random) < _NEIGHBOUR,
        "shadow": torch.rand(n, 3, generator=random),
        "plate": torch.rand(n, 5, generator=random),
        "light": torch.rand(n, 4, generator=random),
        "tint": torch.randn(n, 3, 3, generator=random),
        "slope": torch.randn(n, 2, generator=random),
        "texture": torch.randn(n, 3, 5, 5, generator=random),
        "grain": torch.randn(n, 1, 16, 16, generator=random),
    }


def _paint(originals: Tensor, neighbours: Tensor, chances: dict[str, Tensor]) -> Tensor:
    """(B, 8, 8) originals and (B, 2, 8, 8) neighbours to (B, 3, 32, 32)."""
    mask = _mask(originals, neighbours * chances["neighbour"][:, :, None, None], chances["changes"])
    wall, colour = _colours(chances)
    image = _wall(wall, chances)
    image = image * (1 - _shadow(mask, chances["shadow"]))
    image = torch.lerp(image, colour[:, :, None, None], mask)
    # The camera: light and haze, a soft lens, grain.
    brightness, contrast, lens, grain = chances["light"][:, :, None, None, None].unbind(1)
    image = 0.47 + (0.62 + 0.43 * contrast) * (image - 0.47) + 0.2 * (brightness - 0.5)
    image = torch.lerp(image, _blur(_blur(image)), 0.1 + 0.75 * lens)
    image = image + (0.008 + 0.022 * grain) * F.interpolate(chances["grain"], SIZE, mode="bilinear")
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)


def _mask(originals: Tensor, neighbours: Tensor, changes: Tensor) -> Tensor:
    """(B, 1, 32, 32) in [0, 1]: how much of each pixel the digit and its neighbours (B, 2, 8, 8) cover.

    The three are one strip, so that they are turned, slanted and scaled together, as one number on a wall is.
    """
    rotation, slant, scale, stretch, right, down, pen = changes[:, :, None, None].unbind(1)  # (B, 1, 1) each
    cos, sin = torch.cos(rotation * _ROTATION), torch.sin(rotation * _ROTATION)
    across = torch.exp(scale * _SCALE + stretch * _STRETCH) / _WIDTH
    up = torch.exp(scale * _SCALE - stretch * _STRETCH) / _HEIGHT

    # Where in the strip each pixel looks, in original pixels from the centre; grid_sample wants [-1, 1].
    axis = torch.arange(SIZE) - (SIZE - 1) / 2
    x, y = axis - right * _SHIFT, axis[:, None] - down * _SHIFT
    u = across * (cos * x - sin * y + slant * _SLANT * y)
    v = up * (sin * x + cos * y)
    strip = F.pad(torch.cat([neighbours[:, 0], originals, neighbours[:, 1]], 2)[:, None], (_MARGIN,) * 4)
    strip = strip + _SHARPEN * (strip - _blur(strip))
    height, width = strip.shape[2:]
    grid = torch.stack([u / (width / 2), v / (height / 2)], -1)
    grey = F.grid_sample(strip, grid, mode="bicubic", align_corners=False)

    half = (_PAINT_FROM + (pen + 1) / 2 * (_PAINT_TO - _PAINT_FROM))[:, None]
    low, high = torch.sigmoid(-_GAIN * half), torch.sigmoid(_GAIN * (1 - half))
    # Bare wall is exactly 0 and full paint exactly 1, which the bare sigmoid only comes near.
    return ((torch.sigmoid(_GAIN * (grey - half)) - low) / (high - low)).clamp(0, 1)


def _colours(chances: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """(B, 3) of the wall and of the digit, near their palettes and at least _CONTRAST apart."""
    common, own = chances["tint"][:, 0, :1], chances["tint"][:, 1:]
    wall = (chances["wall"] + 0.04 * common + 0.02 * own[:, 0]).clamp(0.03, 0.97)
    colour = (chances["paint"] + 0.02 * common + 0.02 * own[:, 1]).clamp(0.03, 0.97)
    difference = ((colour - wall) * _WEIGHTS).sum(1, keepdim=True)
    return wall, (colour + difference.sign() * (_CONTRAST - difference.abs()).clamp(min=0)).clamp(0, 1)


def _wall(wall: Tensor, chances: dict[str, Tensor]) -> Tensor:
    """(B, 3, 32, 32): the wall's colour with light from one side, blotches, and perhaps the edge of a plate."""
    axis = torch.linspace(-1, 1, SIZE)
    across, down = chances["slope"][:, :, None, None, None].unbind(1)
    slope = 0.045 * (across * axis + down * axis[:, None])
    blotches = F.interpolate(chances["texture"], SIZE, mode="bicubic", align_corners=True)
    blotches = 0.03 * blotches.mean(1, keepdim=True) * 3**0.5 + 0.008 * blotches
    image = wall[:, :, None, None] + slope + blotches

    there, side, place, tilt, line = chances["plate"][:, :, None, None, None].unbind(1)
    depth = torch.where(side < 0.5, axis[:, None], -axis[:, None]) * (SIZE / 2) + 0.1 * (tilt - 0.5) * axis * SIZE
    beyond = torch.sigmoid(3 * (depth - _REACH - 3 * place)) * (there < _PLATE)
    edge = torch.exp(-((depth - _REACH - 3 * place) ** 2)) * (there < _PLATE) * 0.35 * line
    outer = torch.lerp(wall, chances["outer"], 0.7)[:, :, None, None] + blotches
    return torch.lerp(image, outer, beyond) * (1 - edge)


def _shadow(mask: Tensor, chances: Tensor) -> Tensor:
    """(B, 1, 32, 32): how much of the light the digit takes from the wall below it, to the left or to the right."""
    there, side, depth = chances[:, :, None, None, None].unbind(1)
    padded = F.pad(mask, (2, 2, 2, 0))
    moved = torch.where(side < 0.5, padded[..., :SIZE, :SIZE], padded[..., :SIZE, 4:])
    return (there < _SHADOW) * (0.15 + 0.3 * depth) * _blur(_blur(moved))


def _blur(images: Tensor) -> Tensor:
    """(B, C, H, W) under a binomial window of 3x3."""
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    rows = 0.25 * padded[..., :-2, :] + 0.5 * padded[..., 1:-1, :] + 0.25 * padded[..., 2:, :]
    return 0.25 * rows[..., :-2] + 0.5 * rows[..., 1:-1] + 0.25 * rows[..., 2:]


def _pairs() -> tuple[Tensor, Tensor]:
    """(P, 3) each: every wall with every paint that stands out from it."""
    walls, paints = _rgb(_WALLS), _rgb(_PAINTS)
    apart = ((paints - walls[:, None]) * _WEIGHTS).sum(2).abs() > _CONTRAST
    wall, colour = torch.nonzero(apart).unbind(1)
    return walls[wall], paints[colour]


def _rgb(codes: tuple[str, ...]) -> Tensor:
    """(len(codes), 3) in [0, 1] of hexadecimal colours."""
    return torch.tensor([list(bytes.fromhex(code)) for code in codes]) / 255
