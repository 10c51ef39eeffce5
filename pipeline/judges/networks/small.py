"""A judge of centred images, such as digits: a small convolutional network that heeds where things are."""

import math

import torch
from torch import Tensor, nn


class Small(nn.Module):
    """Four 3x3 convolutions, two with stride 2, a hidden layer whose 128 units are the features, an output a label."""

    FEATURES = 128

    def __init__(self, width: int, shape: tuple[int, int, int], labels: int) -> None:
        super().__init__()
        channels, height, side = shape
        layers: list[nn.Module] = []
        for inputs, outputs, stride in (
            (channels, width, 1),
            (width, 2 * width, 2),
            (2 * width, 2 * width, 1),
            (2 * width, 4 * width, 2),
        ):
            layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        pixels = math.ceil(height / 4) * math.ceil(side / 4)
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * width * pixels, self.FEATURES), nn.ReLU())
        self.head = nn.Linear(self.FEATURES, labels)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, 128) and logits (B, K) of images (B, C, H, W) in [0, 1]."""
        features = self.body((images - 0.5).contiguous(memory_format=torch.channels_last))
        return features, self.head(features)


def build(width: int, shape: tuple[int, int, int], labels: int) -> nn.Module:
    return Small(width, shape, labels)
