"""Report D's generator, whose 2x2 maps reach the 32x32 maps by two paths, and its discriminator.

Where the report is silent: ReLU in the generator and LeakyReLU 0.2 in the discriminator after every layer but the last.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from pipeline.errors import InputError
from pipeline.networks.base import Network
from pipeline.params import Strict

SIDE = 64  # pixels
Normalisation = Literal["none", "batch", "spectral"]


class Settings(Strict):
    """width: channels of the generator's largest maps; the report's 64. All others are multiples of it.

    normalisation: of the discriminator: `none`, as in the report; `batch`, of its maps but for the first; or
    `spectral`, of its weights (Miyato et al. 2018).
    """

    width: int = Field(ge=1)
    normalisation: Literal["none", "batch", "spectral"] = "none"


class Skip(Network):
    """For images of 64x64."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int]) -> None:
        if shape[1:] != (SIDE, SIDE):
            raise InputError(f"network skip: expected images of {SIDE} x {SIDE} pixels, found {shape[1]} x {shape[2]}")
        self.channels, self.width, self.normalisation = shape[0], settings.width, settings.normalisation

    def encoder(self, outputs: int, condition: int) -> nn.Module:
        return Discriminator(self.channels, self.width, outputs, condition, self.normalisation)

    def classifier(self, outputs: int) -> nn.Module:
        return Discriminator(self.channels, self.width, outputs, 0, "batch")

    def trunk(self) -> nn.Module:
        return Trunk(self.channels, self.width, self.normalisation)

    def head(self, outputs: int) -> nn.Module:
        return _head(self.width, outputs, self.normalisation)

    def decoder(self, inputs: int, condition: int) -> nn.Module:
        return Generator(self.channels, self.width, inputs, condition)


class Generator(nn.Module):
    """From (B, inputs) and labels (B, condition), joined, to image logits (B, C, 64, 64)."""

    def __init__(self, channels: int, width: int, inputs: int, condition: int) -> None:
        super().__init__()
        self.condition, self.smallest = condition, (16 * width, 2, 2)
        self.first = nn.Linear(inputs + condition, 64 * width)  # a 1x1 convolution of a 1x1 map
        self.main = nn.Sequential(
            nn.ConvTranspose2d(16 * width, 8 * width, 4, 2, 1),  # to 4x4
            nn.BatchNorm2d(8 * width),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(8 * width, 4 * width, 4, 2, 1),  # to 8x8
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(4 * width, 2 * width, 9, 4, 3, output_padding=1),  # to 32x32
            nn.BatchNorm2d(2 * width),
        )
        self.skip = nn.Sequential(
            Patches(16 * width, 2 * width, 16),  # to 32x32
            nn.BatchNorm2d(2 * width),
        )
        self.last = nn.Sequential(
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(2 * width, width, 5, 2, 2, output_padding=1),  # to 64x64
            nn.ReLU(inplace=True),
            nn.Conv2d(width, channels, 1),
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        joined = torch.cat([latents, labels.to(latents.dtype)], 1) if self.condition else latents
        maps = torch.relu(self.first(joined)).unflatten(1, self.smallest)
        maps = maps.contiguous(memory_format=torch.channels_last)
        return self.last(self.main(maps) + self.skip(maps))


class Patches(nn.Module):
    """A transposed convolution whose stride is its kernel, so that patches do not overlap: as the matrix product that
    it is, which a CPU does many times faster.
    """

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(inputs, outputs, size, size)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H size, W size)."""
        weight, bias = self.convolution.weight, self.convolution.bias
        assert bias is not None
        patches = maps.permute(0, 2, 3, 1) @ weight.flatten(1)  # (B, H, W, outputs size size)
        patches = patches.unflatten(3, weight.shape[1:]).permute(0, 1, 4, 2, 5, 3)  # (B, H, size, W, size, outputs)
        return patches.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2) + bias[:, None, None]


class Trunk(nn.Module):
    """From images (B, C, 64, 64) to features (B, 4 width); LeakyReLU included."""

    def __init__(self, channels: int, width: int, normalisation: Normalisation) -> None:
        super().__init__()

        def convolution(before: int, after: int, kernel: int, stride: int) -> list[nn.Module]:
            layer = nn.Conv2d(before, after, kernel, stride, kernel // 2)
            norm = [nn.BatchNorm2d(after)] if normalisation == "batch" and before != channels else []
            return [_normalised(layer, normalisation), *norm, nn.LeakyReLU(0.2, inplace=True)]

        self.layers = nn.Sequential(
            *convolution(channels, 4 * width, 5, 2),  # to 32x32
            *convolution(4 * width, 2 * width, 3, 1),
            nn.AvgPool2d(3, 2, 1),  # to 16x16
            *convolution(2 * width, width, 3, 1),
            *convolution(width, width, 3, 2),  # to 8x8
            nn.Flatten(),
            _normalised(nn.Linear(64 * width, 4 * width), normalisation),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images.contiguous(memory_format=torch.channels_last))


class Discriminator(nn.Module):
    """From images (B, C, 64, 64) and labels (B, condition), a plane more of the image, to (B, outputs)."""

    def __init__(self, channels: int, width: int, outputs: int, condition: int, normalisation: Normalisation) -> None:
        super().__init__()
        self.plane = nn.Linear(condition, SIDE * SIDE) if condition else None
        self.trunk = Trunk(channels + bool(condition), width, normalisation)
        self.head = _head(width, outputs, normalisation)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        if self.plane is not None:
            images = torch.cat([images, self.plane(labels).to(images.dtype).unflatten(1, (1, SIDE, SIDE))], 1)
        return self.head(self.trunk(images))


def _head(width: int, outputs: int, normalisation: Normalisation) -> nn.Module:
    hidden, last = nn.Linear(4 * width, width), nn.Linear(width, outputs)
    return nn.Sequential(
        _normalised(hidden, normalisation), nn.LeakyReLU(0.2, inplace=True), _normalised(last, normalisation)
    )


def _normalised(layer: nn.Module, normalisation: Normalisation) -> nn.Module:
    return spectral_norm(layer) if normalisation == "spectral" else layer


def build(settings: Settings, shape: tuple[int, int, int]) -> Network:
    return Skip(settings, shape)
