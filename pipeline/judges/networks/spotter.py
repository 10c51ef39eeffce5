"""A judge of scenes: a convolutional network that looks for each label's object anywhere in the image."""

import torch
from torch import Tensor, nn


class Spotter(nn.Module):
    """Five convolutions, three with stride 2; the features are each map's maximum, wherever it is."""

    def __init__(self, width: int, shape: tuple[int, int, int], labels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs, kernel, stride in (
            (shape[0], width, 4, 2),
            (width, 2 * width, 4, 2),
            (2 * width, 2 * width, 3, 1),
            (2 * width, 4 * width, 4, 2),
            (4 * width, 4 * width, 3, 1),
        ):
            layers += [nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(4 * width, labels)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, 4 width) and logits (B, K) of images (B, C, H, W) in [0, 1]."""
        features = self.body((2 * images - 1).contiguous(memory_format=torch.channels_last)).amax((2, 3))
        return features, self.head(features)


def build(width: int, shape: tuple[int, int, int], labels: int) -> nn.Module:
    return Spotter(width, shape, labels)
