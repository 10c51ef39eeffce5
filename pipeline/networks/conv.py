"""Convolutional encoder and decoder of autoencoders: 4x4 convolutions with stride 2, and their mirror.

Batch norm + ReLU after each but the last. Labels join the encoder's features and the decoder's latent.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from pipeline.contracts.network import Network
from pipeline.ground.errors import InputError
from pipeline.ground.params import Size, Strict

LEVELS = 4  # halvings


class Settings(Strict):
    """width: channels of the largest maps, half the image's size; doubled at each of three more halvings."""

    width: Size


class Conv(Network):
    """For images whose sides are multiples of 16."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int]) -> None:
        _, height, side = shape
        if height % 2**LEVELS or side % 2**LEVELS:
            raise InputError(f"network conv: expected images of sides that 16 divides, found {height} x {side}")
        self.shape = shape
        self.widths = [settings.width * 2**level for level in range(LEVELS)]  # largest maps first
        self.smallest = (self.widths[-1], height // 2**LEVELS, side // 2**LEVELS)

    def encoder(self, outputs: int, condition: int) -> nn.Module:
        return Encoder(self, outputs, condition)

    def classifier(self, outputs: int) -> nn.Module:
        return Encoder(self, outputs, 0)

    def decoder(self, inputs: int, condition: int) -> nn.Module:
        return Decoder(self, inputs, condition)


class Encoder(nn.Module):
    """From images (B, C, H, W) and labels (B, condition) to (B, outputs)."""

    def __init__(self, network: Conv, outputs: int, condition: int) -> None:
        super().__init__()
        self.condition = condition
        layers: list[nn.Module] = []
        for before, after in pairwise([network.shape[0], *network.widths]):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(math.prod(network.smallest) + condition, outputs)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        features = self.layers(images.contiguous(memory_format=torch.channels_last)).flatten(1)
        return self.head(torch.cat([features, labels.to(features.dtype)], 1) if self.condition else features)


class Decoder(nn.Module):
    """From (B, inputs) and labels (B, condition) to image logits (B, C, H, W)."""

    def __init__(self, network: Conv, inputs: int, condition: int) -> None:
        super().__init__()
        self.condition, self.smallest = condition, network.smallest
        self.head = nn.Linear(inputs + condition, math.prod(network.smallest))
        layers: list[nn.Module] = [nn.BatchNorm2d(network.widths[-1]), nn.ReLU(inplace=True)]
        for before, after in pairwise(reversed(network.widths)):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(network.widths[0], network.shape[0], 4, 2, 1))
        self.to(memory_format=torch.channels_last)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        joined = torch.cat([latents, labels.to(latents.dtype)], 1) if self.condition else latents
        maps = self.head(joined).unflatten(1, self.smallest)
        return self.layers(maps.contiguous(memory_format=torch.channels_last))


def build(settings: Settings, shape: tuple[int, int, int]) -> Network:
    return Conv(settings, shape)
