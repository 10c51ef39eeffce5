"""Ways to spoil images step by step: what a referee learns to see, and what measures of realism are tried on.

Heusel et al. 2017, figure 3, try the Fréchet distance so; Stein et al. 2023 more measures and other features. Each way
takes images (N, C, H, W) in [0, 1], how strong it is by image (N,), from 0, which leaves them as they are, and a
generator on the CPU, and gives images in [0, 1].
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

PATCH = 8  # pixels, the largest side of patches that change places
PERIOD = 4  # pixels, of a pattern


@dataclass(frozen=True)
class Spoiling:
    """One way. most: the strongest a referee is shown, in `unit`.

    legible: up to the first strength what is shown can be named as well as ever, from the second on by nobody. sized:
    whether these are in units of `illegible`, the blur from which on nobody could name what is shown, as what can be
    named depends on how large it is; else they are in `unit`.
    """

    name: str
    unit: str
    apply: Callable[[Tensor, Tensor, Generator], Tensor]
    most: float
    legible: tuple[float, float]
    sized: bool = False

    def legibility(self, strength: Tensor, illegible: float) -> Tensor:
        """How much of what is shown can still be named, 0 to 1; illegible: in pixels. (N,) of strengths (N,)."""
        until, nobody = (illegible * bound if self.sized else bound for bound in self.legible)
        return ((nobody - strength) / (nobody - until)).clamp(0, 1)


def _by_image(values: Tensor, images: Tensor) -> Tensor:
    """(N,) to what multiplies images (N, C, H, W)."""
    return values.to(images.device)[:, None, None, None]


def _normal(shape: tuple[int, ...], noise: Generator, device: torch.device) -> Tensor:
    return torch.randn(shape, generator=noise).to(device)


def _smooth(shape: tuple[int, int, int, int], period: float, noise: Generator, device: torch.device) -> Tensor:
    """Random fields (N, C, H, W) of standard deviation 1 that change over `period` pixels."""
    n, c, h, w = shape
    coarse = _normal((n, c, max(2, round(h / period)), max(2, round(w / period))), noise, device)
    fields = F.interpolate(coarse, (h, w), mode="bicubic", align_corners=True)
    return fields / fields.flatten(1).std(1).clamp_min(1e-6)[:, None, None, None]


def _moved(images: Tensor, shifts: Tensor, mode: str = "bilinear") -> Tensor:
    """Each pixel from elsewhere: shifts (N, 2, H, W) in pixels, right and down."""
    h, w = images.shape[2:]
    down, right = torch.meshgrid(
        torch.arange(h, device=images.device), torch.arange(w, device=images.device), indexing="ij"
    )
    x, y = 2 * (right + shifts[:, 0]) / (w - 1) - 1, 2 * (down + shifts[:, 1]) / (h - 1) - 1
    places = torch.stack([x, y], -1)
    return F.grid_sample(images, places, mode=mode, padding_mode="reflection", align_corners=True).clamp(0, 1)


def blur(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """Convolved with a Gaussian; strength: its sigma in pixels."""
    n, c, h, w = images.shape
    reach = min(h - 1, w - 1, max(1, math.ceil(3 * float(strength.max()))))
    at = torch.arange(-reach, reach + 1, device=images.device)
    weights = torch.exp(-(at**2) / (2 * strength.to(images.device).clamp_min(1e-3)[:, None] ** 2))
    kernels = (weights / weights.sum(1, keepdim=True)).repeat_interleave(c, 0)[:, None]  # (N C, 1, 2 reach + 1)
    rows = F.pad(images, (reach,) * 4, mode="reflect").view(1, n * c, h + 2 * reach, w + 2 * reach)
    rows = F.conv2d(rows, kernels[..., None], groups=n * c)
    return F.conv2d(rows, kernels[..., None, :], groups=n * c).view(n, c, h, w)


def grain(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """White noise added; strength: its standard deviation."""
    return (images + _by_image(strength, images) * _normal(tuple(images.shape), noise, images.device)).clamp(0, 1)


def checkerboard(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """The strength added to every other pixel, and taken from the others."""
    h, w = images.shape[2:]
    board = (torch.arange(h)[:, None] + torch.arange(w)) % 2 * 2 - 1
    return (images + _by_image(strength, images) * board.to(images.device)).clamp(0, 1)


def pattern(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """A random pattern added that comes again every 4 pixels, another of each image; strength: its deviation."""
    n, c, h, w = images.shape
    tile = _normal((n, c, PERIOD, PERIOD), noise, images.device)
    tile = tile - tile.mean((2, 3), keepdim=True)
    tile = tile / tile.flatten(1).std(1)[:, None, None, None]
    tiled = tile.repeat(1, 1, math.ceil(h / PERIOD), math.ceil(w / PERIOD))[:, :, :h, :w]
    return (images + _by_image(strength, images) * tiled).clamp(0, 1)


def patches(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """The four patches of a block change places, none stays; strength: the share of blocks to which that happens."""
    n, c, h, w = images.shape
    size = max(side for side in range(1, PATCH + 1) if h % (2 * side) == 0 and w % (2 * side) == 0)
    down, right = h // (2 * size), w // (2 * size)
    blocks = images.view(n, c, down, 2, size, right, 2, size).permute(0, 2, 5, 3, 6, 1, 4, 7)
    blocks = blocks.reshape(n * down * right, 4, c, size, size)
    round_ = torch.rand(len(blocks), 4, generator=noise).argsort(1)  # the patches in a circle, turned by one to three
    turned = (round_.argsort(1) + torch.randint(1, 4, (len(blocks), 1), generator=noise)) % 4
    chosen = torch.rand(len(blocks), generator=noise) < strength.cpu().repeat_interleave(down * right)
    order = torch.where(chosen[:, None], round_.gather(1, turned), torch.arange(4)).to(images.device)
    blocks = blocks[torch.arange(len(blocks), device=images.device)[:, None], order]
    return blocks.view(n, down, right, 2, 2, c, size, size).permute(0, 5, 1, 3, 6, 2, 4, 7).reshape(n, c, h, w)


def mixture(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """Mixed with the image before; strength: how much of that, at most one half."""
    return torch.lerp(images, images.roll(1, 0), _by_image(strength, images))


def washed(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """Colours drawn towards grey, or grey images towards their mean; strength: how far, 1: all the way."""
    aim = images.mean((1, 2, 3), keepdim=True) if images.shape[1] == 1 else images.mean(1, keepdim=True)
    return torch.lerp(images, aim.expand_as(images), _by_image(strength, images))


def tinted(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """Clouds of light and colour added, a quarter of the image large; strength: their standard deviation."""
    n, c, h, w = images.shape
    clouds = _smooth((n, c, h, w), h / 4, noise, images.device)
    return (images + _by_image(strength, images) * clouds).clamp(0, 1)


def warped(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """Bent: pixels moved by a smooth field; strength: its standard deviation along each axis, in pixels."""
    n, _, h, w = images.shape
    shifts = _smooth((n, 2, h, w), h / 6, noise, images.device)
    return _moved(images, _by_image(strength, images) * shifts, "bicubic")


def smeared(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """Seen through frosted glass: pixels moved by a rough field; strength: about its deviation, in pixels."""
    n, _, h, w = images.shape
    shifts = _smooth((n, 2, h, w), 3, noise, images.device) + _normal((n, 2, h, w), noise, images.device) / 2
    return _moved(images, _by_image(strength, images) * shifts)


def fringed(images: Tensor, strength: Tensor, noise: Generator) -> Tensor:
    """Each channel moved its own way, and a grey image two ways, one over the other; strength: how far, in pixels."""
    if images.shape[1] == 1:
        return fringed(images.expand(-1, 2, -1, -1), strength, noise).mean(1, keepdim=True)
    n, c, h, w = images.shape
    ways = F.normalize(_normal((n, c, 2), noise, images.device), dim=2)
    shifts = (_by_image(strength, images) * ways[..., None]).unsqueeze(-1).expand(n, c, 2, 1, 1).flatten(0, 1)
    return _moved(images.reshape(n * c, 1, h, w), shifts.expand(-1, -1, h, w)).view(n, c, h, w)


SPOILINGS = (
    Spoiling("blur", "sigma, pixels", blur, 3.0, (2 / 3, 1.0), sized=True),
    Spoiling("grain", "standard deviation", grain, 0.4, (0.2, 0.4)),
    Spoiling("checkerboard", "amplitude", checkerboard, 0.3, (0.3, 0.6)),
    Spoiling("pattern", "standard deviation", pattern, 0.25, (0.3, 0.6)),
    Spoiling("patches", "share of blocks", patches, 1.0, (0.2, 0.6)),
    Spoiling("mixture", "share of another image", mixture, 0.5, (0.35, 0.5)),
    Spoiling("washed", "share", washed, 1.0, (0.8, 1.2)),
    Spoiling("tinted", "standard deviation", tinted, 0.3, (0.3, 0.6)),
    Spoiling("warped", "standard deviation, pixels", warped, 3.0, (0.9, 1.6), sized=True),
    Spoiling("smeared", "standard deviation, pixels", smeared, 2.5, (0.5, 1.0), sized=True),
    Spoiling("fringed", "pixels", fringed, 3.0, (1.0, 2.0), sized=True),
)
