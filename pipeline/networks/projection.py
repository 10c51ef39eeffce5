"""Projection discriminator with spectral normalisation (Miyato & Koyama 2018; Miyato et al. 2018), small enough for a
laptop: no residual connections, and a DCGAN's generator.

The discriminator's first output is psi(h) + (V y)^T h, h the features summed over the image. The generator has the
labels joined to its latent: conditional batch norm, as in the papers, learned labels more slowly at this size.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from pipeline.contracts.network import Network
from pipeline.contracts.patches import Patches
from pipeline.ground.errors import InputError
from pipeline.ground.params import Size, Strict

SMALLEST = 4  # pixels, each side of the smallest maps


class Settings(Strict):
    """width: channels of the largest maps, which are half the image's size, doubled at each halving up to 4 x width."""

    width: Size


class Projection(Network):
    """For images whose sides are the same power of two, from 8 on."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int]) -> None:
        _, height, side = shape
        if height != side or side < 2 * SMALLEST or side & (side - 1):
            raise InputError(
                f"network projection: expected images of 2^n x 2^n pixels, 8 or more, found {height} x {side}"
            )
        self.shape = shape
        levels = (side // SMALLEST).bit_length() - 1  # halvings from the image to the smallest maps
        self.widths = [settings.width * min(2**level, 4) for level in range(levels)]  # largest maps first

    def encoder(self, outputs: int, condition: int) -> nn.Module:
        return Discriminator(self.shape, self.widths, outputs, condition)

    def classifier(self, outputs: int) -> nn.Module:
        return Classifier(self.shape, self.widths, outputs)

    def decoder(self, inputs: int, condition: int) -> nn.Module:
        return Generator(self.shape, self.widths, inputs, condition)


class Generator(nn.Module):
    """From (B, inputs) and labels (B, condition) to image logits (B, C, H, W): a DCGAN."""

    def __init__(self, shape: tuple[int, int, int], widths: list[int], inputs: int, condition: int) -> None:
        super().__init__()
        self.condition = condition
        layers: list[nn.Module] = []
        for step, (before, after) in enumerate(pairwise([inputs + condition, *reversed(widths)])):
            # 1x1 to 4x4, then doubling
            doubling = nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)
            layers += [doubling if step else Patches(before, after, SMALLEST, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(widths[0], shape[0], 4, 2, 1))
        for layer in self.layers.modules():
            if isinstance(layer, nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0.0, 0.02)
        self.to(memory_format=torch.channels_last)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        joined = torch.cat([latents, labels], 1) if self.condition else latents
        return self.layers(joined[:, :, None, None].contiguous(memory_format=torch.channels_last))


class Discriminator(nn.Module):
    """From images (B, C, H, W) and labels (B, condition) to (B, outputs); the labels bear on the first output."""

    def __init__(self, shape: tuple[int, int, int], widths: list[int], outputs: int, condition: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise([shape[0], *widths]):
            layers += [spectral_norm(nn.Conv2d(before, after, 4, 2, 1)), nn.LeakyReLU(0.1, inplace=True)]
        layers += [spectral_norm(nn.Conv2d(widths[-1], widths[-1], 3, 1, 1)), nn.LeakyReLU(0.1, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.head = spectral_norm(nn.Linear(widths[-1], outputs))
        self.embedding = spectral_norm(nn.Linear(condition, widths[-1], bias=False)) if condition else None
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        features = self.layers(images.contiguous(memory_format=torch.channels_last)).float().sum((2, 3))  # (B, D)
        outputs = self.head(features).float()
        if self.embedding is None:
            return outputs
        match = (self.embedding(labels).float() * features).sum(1, keepdim=True)
        return torch.cat([outputs[:, :1] + match, outputs[:, 1:]], 1)


class Classifier(nn.Module):
    """From images (B, C, H, W) to label logits (B, outputs): batch norm, and each feature the maximum of its map, since
    an object may lie anywhere.
    """

    def __init__(self, shape: tuple[int, int, int], widths: list[int], outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise([shape[0], *widths[:3]]):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(after, outputs)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return self.head(self.layers(images.contiguous(memory_format=torch.channels_last)).amax((2, 3)))


def build(settings: Settings, shape: tuple[int, int, int]) -> Network:
    return Projection(settings, shape)
