"""Deep convolutional generator and discriminator (DCGAN; Radford, Metz & Chintala 2016).

Generator: transposed 4x4 convolutions from 1x1 to 4x4, then doubling, batch norm + ReLU. Discriminator: its mirror,
4x4 convolutions with stride 2 and LeakyReLU. A condition joins the latent, and the image as one more plane. Deepened,
each has one 3x3 convolution with stride 1 more: the generator on its smallest maps, the discriminator on its largest.
Where `upsampling` is `resized`, the generator doubles its maps' pixels and convolves them 3x3 instead. With `skips` all
of its maps but the largest draw a coarse image each, by a 1x1 convolution, which are enlarged and added (Karras et al.
2020).
"""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.contracts.network import Network
from pipeline.contracts.patches import Patches
from pipeline.contracts.resizing import Enlarging, Resizing
from pipeline.ground.errors import InputError
from pipeline.ground.params import LARGEST, Size, Strict

SMALLEST = 4  # pixels, each side of the smallest maps

OURS = {"upsampling": "resized upsampling", "skips": "skips"}  # what departs from the reports where it is on


class Settings(Strict):
    """width: channels of the largest maps, doubled at each halving. embedding: units of a linear layer that the labels
    pass before they join the latent; 0: they join as they are. normalisation: of the discriminator's maps, but for the
    first; a gradient penalty is defined per image, so that it needs `layer` or `none`. deepened: one more layer each.
    upsampling: what doubles the generator's maps, `transposed` convolutions or `resized` ones, see `Resizing`.
    skips: whether the generator's smaller maps draw, too.
    """

    width: Size
    embedding: int = Field(default=0, ge=0, le=LARGEST)
    normalisation: Literal["batch", "layer", "none"] = "batch"
    deepened: bool = False
    upsampling: Literal["transposed", "resized"] = "transposed"
    skips: bool = False


class Dcgan(Network):
    """For images whose sides are the same power of two, from 8 on."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int]) -> None:
        _, height, side = shape
        if height != side or side < 2 * SMALLEST or side & (side - 1):
            raise InputError(f"network dcgan: expected images of 2^n x 2^n pixels, 8 or more, found {height} x {side}")
        self.settings = settings
        self.shape = shape
        levels = (side // SMALLEST).bit_length() - 1  # halvings from the image to the smallest maps
        self.widths = [settings.width * 2**level for level in range(levels)]  # from the largest maps to the smallest

    def encoder(self, outputs: int, condition: int) -> nn.Module:
        return Discriminator(self.shape, self.widths, outputs, condition, self.settings)

    def classifier(self, outputs: int) -> nn.Module:
        return Discriminator(
            self.shape, self.widths, outputs, 0, self.settings.model_copy(update={"normalisation": "batch"})
        )

    def trunk(self) -> nn.Module:
        trunk = nn.Sequential(*_down(self.shape[0], self.widths, self.settings), nn.Flatten())
        initialise(trunk)
        return trunk

    def head(self, outputs: int) -> nn.Module:
        return _last(self.widths[-1], outputs)

    def decoder(self, inputs: int, condition: int) -> nn.Module:
        return Generator(self.shape, self.widths, inputs, condition, self.settings)


class Generator(nn.Module):
    """From (B, inputs) and labels (B, condition) to image logits (B, C, H, W)."""

    def __init__(
        self, shape: tuple[int, int, int], widths: list[int], inputs: int, condition: int, settings: Settings
    ) -> None:
        super().__init__()
        self.condition = condition
        embedding = settings.embedding
        self.embedding = nn.Linear(condition, embedding) if condition and embedding else nn.Identity()
        joined = inputs + (embedding or condition if condition else 0)
        layers: list[nn.Module] = []
        for step, (before, after) in enumerate(pairwise([joined, *reversed(widths)])):
            # 1x1 to 4x4, then doubling
            doubling = _doubling(before, after, settings)
            layers += [doubling if step else Patches(before, after, SMALLEST, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            if settings.deepened and not step:
                layers += [nn.ConvTranspose2d(after, after, 3, 1, 1, bias=False)]
                layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, _doubling(widths[0], shape[0], settings))
        self.skips = Skips(shape[0], widths[:0:-1]) if settings.skips else None
        initialise(self)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        if self.condition:
            latents = torch.cat([latents, self.embedding(labels)], 1)
        maps = latents[:, :, None, None].contiguous(memory_format=torch.channels_last)
        return self.layers(maps) if self.skips is None else self.skips(self.layers, maps)


class Skips(nn.Module):
    """Coarse images of a generator's maps of 4x4, 8x8 and so on, but for the largest, each added to the next one's, and
    all to what the generator's last layer draws. widths: channels of these maps.
    """

    def __init__(self, channels: int, widths: list[int]) -> None:
        super().__init__()
        drawing = [nn.Linear(width, channels, bias=False) for width in widths]  # of each pixel
        for layer in drawing:
            nn.init.normal_(layer.weight, 0.0, 0.02)
        self.drawing = nn.ModuleList(drawing)
        # The last coarse image is a quarter of the image's size
        factors = [2] * (len(widths) - 1) + [4]
        self.enlarging = nn.ModuleList(Enlarging(SMALLEST * 2**level, by) for level, by in enumerate(factors))

    def forward(self, layers: nn.Sequential, maps: Tensor) -> Tensor:
        """What the layers make of maps (B, Z, 1, 1), all coarse images added."""
        coarse, level = torch.zeros((), device=maps.device), 0
        for layer in layers:
            if _doubles(layer) and level < len(self.drawing):
                drawn = self.drawing[level](maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
                coarse = self.enlarging[level](coarse + drawn.contiguous())
                level += 1
            maps = layer(maps)
        return maps.contiguous() + coarse


def _doubles(layer: nn.Module) -> bool:
    return isinstance(layer, Resizing) or (isinstance(layer, nn.ConvTranspose2d) and layer.stride == (2, 2))


def _doubling(inputs: int, outputs: int, settings: Settings) -> nn.Module:
    """From maps (B, inputs, H, W) to (B, outputs, 2 H, 2 W)."""
    if settings.upsampling == "resized":
        return Resizing(inputs, outputs, bias=False)
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)


class Discriminator(nn.Module):
    """From images (B, C, H, W) and labels (B, condition) to (B, outputs)."""

    def __init__(
        self, shape: tuple[int, int, int], widths: list[int], outputs: int, condition: int, settings: Settings
    ) -> None:
        super().__init__()
        channels, *self.size = shape
        self.plane = nn.Linear(condition, self.size[0] * self.size[1]) if condition else None
        layers = _down(channels + bool(condition), widths, settings)
        self.layers = nn.Sequential(*layers, nn.Flatten(), _last(widths[-1], outputs))
        initialise(self)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        if self.plane is not None:
            images = torch.cat([images, self.plane(labels).to(images.dtype).unflatten(1, (1, *self.size))], 1)
        return self.layers(images.contiguous(memory_format=torch.channels_last))


def _down(channels: int, widths: list[int], settings: Settings) -> list[nn.Module]:
    """From an image to maps of 4x4."""
    layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
    deepest = [widths[-1]] if settings.deepened else []
    for step, (before, after) in enumerate(pairwise([*widths, *deepest])):
        kernel, stride = (3, 1) if settings.deepened and not step else (4, 2)
        layers += [nn.Conv2d(before, after, kernel, stride, 1, bias=False)]
        layers += [_normalisation(settings.normalisation, after), nn.LeakyReLU(0.2, inplace=True)]
    return layers


def _last(channels: int, outputs: int) -> nn.Module:
    """The last convolution, as large as its maps, flattened: a CPU computes it faster as a linear layer."""
    layer = nn.Linear(channels * SMALLEST**2, outputs, bias=False)
    nn.init.normal_(layer.weight, 0.0, 0.02)
    return layer


def _normalisation(kind: str, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(1, channels) if kind == "layer" else nn.Identity()


def initialise(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, transposed ones too; norms' gains N(1, 0.02), their biases 0. DCGAN, section 4."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(part.weight, 0.0, 0.02)
        elif isinstance(part, nn.BatchNorm2d | nn.GroupNorm):
            nn.init.normal_(part.weight, 1.0, 0.02)
            nn.init.zeros_(part.bias)
    module.to(memory_format=torch.channels_last)


def build(settings: Settings, shape: tuple[int, int, int]) -> Network:
    return Dcgan(settings, shape)
