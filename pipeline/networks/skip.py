"""Report D's generator, whose 2x2 maps reach the 32x32 maps by two paths, and its discriminator.

Where the report is silent: ReLU in the generator and LeakyReLU 0.2 in the discriminator after every layer but the last.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from pipeline.contracts.network import Network
from pipeline.contracts.patches import Patches
from pipeline.ground.errors import InputError
from pipeline.ground.params import Size, Strict

SIDE = 64  # pixels

OURS = {"normalised": "more norms", "discriminator": "a DCGAN's discriminator"}  # what departs from report D


class Settings(Strict):
    """width: channels of the generator's largest maps; the report's 64. All others are multiples of it.

    normalised: batch norm after every layer of the generator but the last, and weights that start as a DCGAN's; the
    report has it after two layers and the skip path. discriminator: the `report`'s, or `strided`, which halves the maps
    four times by 4x4 convolutions, as a DCGAN's does, and is twice as wide; normalisation: of its maps, but for the
    first. These, our additions, make it learn from far fewer images. upsampling, skips: as of a DCGAN, of which this
    generator knows no other; a budget that changes the network alone leaves them there.
    """

    width: Size
    normalised: bool = False
    discriminator: Literal["report", "strided"] = "report"
    normalisation: Literal["batch", "layer"] = "batch"
    upsampling: Literal["transposed"] = "transposed"
    skips: Literal[False] = False


class Skip(Network):
    """For images of 64x64."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int]) -> None:
        if shape[1:] != (SIDE, SIDE):
            raise InputError(f"network skip: expected images of {SIDE} x {SIDE} pixels, found {shape[1]} x {shape[2]}")
        self.settings, self.channels = settings, shape[0]

    def encoder(self, outputs: int, condition: int) -> nn.Module:
        return Discriminator(self, outputs, condition)

    def classifier(self, outputs: int) -> nn.Module:
        return Discriminator(self, outputs, 0)

    def trunk(self) -> nn.Module:
        layers = self.layers(self.channels)
        if self.settings.discriminator == "strided":
            _initialise(layers)
        return layers.to(memory_format=torch.channels_last)

    def head(self, outputs: int) -> nn.Module:
        width = self.settings.width
        if self.settings.discriminator == "strided":
            return nn.Linear(16 * 16 * width, outputs)
        return nn.Sequential(nn.Linear(4 * width, width), nn.LeakyReLU(0.2, inplace=True), nn.Linear(width, outputs))

    def decoder(self, inputs: int, condition: int) -> nn.Module:
        return Generator(self.settings, self.channels, inputs, condition)

    def layers(self, channels: int) -> nn.Sequential:
        """The discriminator's, from images of so many channels to features: 4 x width, or 4x4 maps, flattened."""
        settings = self.settings
        if settings.discriminator == "report":
            return _report(channels, settings.width)
        return _strided(channels, 2 * settings.width, settings.normalisation)


class Generator(nn.Module):
    """From (B, inputs) and labels (B, condition), joined, to image logits (B, C, 64, 64)."""

    def __init__(self, settings: Settings, channels: int, inputs: int, condition: int) -> None:
        super().__init__()
        width = settings.width

        def ours(maps: int) -> list[nn.Module]:
            return [nn.BatchNorm2d(maps)] if settings.normalised else []

        self.condition, self.smallest = condition, (16 * width, 2, 2)
        self.first = nn.Linear(inputs + condition, 64 * width)  # a 1x1 convolution of a 1x1 map
        self.start = nn.Sequential(*ours(16 * width), nn.ReLU(inplace=True))
        self.main = nn.Sequential(
            nn.ConvTranspose2d(16 * width, 8 * width, 4, 2, 1),  # to 4x4
            nn.BatchNorm2d(8 * width),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(8 * width, 4 * width, 4, 2, 1),  # to 8x8
            *ours(4 * width),
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
            *ours(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, channels, 1),
        )
        if settings.normalised:
            _initialise(self)
        self.to(memory_format=torch.channels_last)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        joined = torch.cat([latents, labels.to(latents.dtype)], 1) if self.condition else latents
        maps = self.first(joined).unflatten(1, self.smallest).contiguous(memory_format=torch.channels_last)
        maps = self.start(maps)
        return self.last(self.main(maps) + self.skip(maps))


class Discriminator(nn.Module):
    """From images (B, C, 64, 64) and labels (B, condition), a plane more of the image, to (B, outputs)."""

    def __init__(self, network: Skip, outputs: int, condition: int) -> None:
        super().__init__()
        self.plane = nn.Linear(condition, SIDE * SIDE) if condition else None
        self.trunk = network.layers(network.channels + bool(condition))
        self.head = network.head(outputs)
        if network.settings.discriminator == "strided":
            _initialise(self.trunk)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        if self.plane is not None:
            images = torch.cat([images, self.plane(labels).to(images.dtype).unflatten(1, (1, SIDE, SIDE))], 1)
        return self.head(self.trunk(images.contiguous(memory_format=torch.channels_last)))


def _report(channels: int, width: int) -> nn.Sequential:
    """From 64x64 images to 4 x width features, LeakyReLU included."""

    def convolution(before: int, after: int, kernel: int, stride: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, kernel, stride, kernel // 2), nn.LeakyReLU(0.2, inplace=True)]

    return nn.Sequential(
        *convolution(channels, 4 * width, 5, 2),  # to 32x32
        *convolution(4 * width, 2 * width, 3, 1),
        nn.AvgPool2d(3, 2, 1),  # to 16x16
        *convolution(2 * width, width, 3, 1),
        *convolution(width, width, 3, 2),  # to 8x8
        nn.Flatten(),
        nn.Linear(64 * width, 4 * width),
        nn.LeakyReLU(0.2, inplace=True),
    )


def _strided(channels: int, width: int, normalisation: str) -> nn.Sequential:
    """From 64x64 images to 4x4 maps of 8 x width channels, flattened."""
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for before, after in pairwise((width, 2 * width, 4 * width, 8 * width)):
        norm = nn.BatchNorm2d(after) if normalisation == "batch" else nn.GroupNorm(1, after)
        layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), norm, nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Flatten())


def _initialise(module: nn.Module) -> None:
    """Weights N(0, 0.02), transposed convolutions' too."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(part.weight, 0.0, 0.02)


def build(settings: Settings, shape: tuple[int, int, int]) -> Network:
    return Skip(settings, shape)
