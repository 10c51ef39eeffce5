"""Objects on a ground plane: an encoder that finds each object that the labels name, and a decoder that places each.

After Attend, Infer, Repeat (Eslami et al. 2016), where a latent says what and where each object is, and BlobGAN
(Epstein et al. 2022), where objects are soft discs that convolutions paint; small, and with labels for what.

A latent (B, Z) has a part for each of `slots` objects, in the order of their labels: two numbers for where it stands
and `style` for how it looks; the rest is the scene's. Parts of objects that are not there are ignored.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from pipeline.contracts.network import Network
from pipeline.contracts.resizing import Resizing
from pipeline.ground.errors import InputError
from pipeline.ground.params import LARGEST, Size, Strict

OURS = "the whole network"  # what departs from the reports

PLACE = 2  # numbers that say where an object stands
SEEN = 4  # the encoder's maps are this much smaller than images
CODE = 128  # hidden units
NEAREST, FARTHEST = 0.95, 0.2  # of a standard normal's quantiles, as a share of the plane; of depths, 1 in the middle
SIZE = 0.3  # of a disc in the middle of the plane, half the image being 1, before anything is learned
TERMS = 3  # of a linear function of x and y
NEARER = 3.0  # how much more an object covers those behind it


class Settings(Strict):
    """width: channels of the decoder's maps, half the image's size. seen: of the encoder's largest maps. slots: objects
    an image shows at most. style: numbers that say how each looks.
    """

    width: int = Field(ge=2, le=LARGEST)
    seen: Size
    slots: Size = 3
    style: Size = 6


class Objects(Network):
    """For images whose sides are multiples of 16, and labels that name objects."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int]) -> None:
        _, height, side = shape
        if height % 16 or side % 16:
            raise InputError(f"network objects: expected images of sides that 16 divides, found {height} x {side}")
        self.settings, self.shape = settings, shape

    def encoder(self, outputs: int, condition: int) -> nn.Module:
        """A latent's means and log variances: (B, 2 Z)."""
        return Encoder(self.settings, self.shape, self.scene(outputs // 2), self.named(condition))

    def classifier(self, outputs: int) -> nn.Module:
        raise InputError("network objects: expected family vae, whose encoder finds objects")

    def decoder(self, inputs: int, condition: int) -> nn.Module:
        return Decoder(self.settings, self.shape, self.scene(inputs), self.named(condition))

    def scene(self, latent: int) -> int:
        """Numbers of a latent that are the scene's."""
        objects = self.settings.slots * (PLACE + self.settings.style)
        if latent <= objects:
            raise InputError(
                f"latent: expected more than {objects}, those of network objects' {self.settings.slots} slots, found"
                f" {latent}"
            )
        return latent - objects

    def named(self, condition: int) -> int:
        """The number of labels."""
        least = self.settings.slots
        if condition < least:
            raise InputError(
                f"network objects: expected a conditional model and at least {least} labels, found {condition}"
            )
        return condition


class Plane(nn.Module):
    """Where standard normal places (B, S, 2) appear in the image: evenly spread over a square on the ground, which a
    camera sees: a homography. It starts as that of a camera which looks at the middle, along a diagonal.
    """

    def __init__(self) -> None:
        super().__init__()
        self.homography = nn.Parameter(torch.tensor([[0.45, -0.45, 0.0], [0.25, 0.25, 0.0], [0.0, 0.0, 1.0]]))

    def forward(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Where they appear, (B, S, 2), x and y of the image in [-1, 1], and how deep, (B, S, 1)."""
        x, y, depth = _apply(self.homography, torch.erf(places / math.sqrt(2))).unbind(-1)
        depth = depth.clamp_min(FARTHEST)
        return torch.stack([x / depth, y / depth], -1), depth[..., None]

    def inverse(self, positions: Tensor) -> Tensor:
        """The places (B, S, 2) of what appears at such positions (B, S, 2)."""
        a, b, c = self.homography
        rows = torch.stack([torch.linalg.cross(*pair) for pair in ((b, c), (c, a), (a, b))], 1)
        x, y, scale = _apply(rows / ((a * rows[:, 0]).sum()), positions).unbind(-1)  # its inverse
        ground = torch.stack([x, y], -1) / scale.clamp_min(FARTHEST**2)[..., None]
        return torch.erfinv(ground.clamp(-NEAREST, NEAREST)) * math.sqrt(2)


def _apply(matrix: Tensor, points: Tensor) -> Tensor:
    """A 3x3 matrix to points (..., 2), with a 1 more: (..., 3); in float32, which autocast would not multiply in."""
    return (matrix * F.pad(points, (0, 1), value=1.0)[..., None, :]).sum(-1)


class Slots(NamedTuple):
    """The labels of each image that hold, in their order. there: (B, S), 1 where a slot is taken. number: (B, S), the
    label's. names: (B, S, K), one-hot, all 0 where a slot is free.
    """

    there: Tensor
    number: Tensor
    names: Tensor


def slots(labels: Tensor, count: int) -> Slots:
    """Of labels (B, K), the first `count` that hold."""
    there, index = labels.float().sort(stable=True, dim=1, descending=True)
    there, index = there[:, :count], index[:, :count]
    return Slots(there, index, F.one_hot(index, labels.shape[1]) * there[..., None])


def _grid(height: int, width: int) -> Tensor:
    """x and y of each pixel's centre, in [-1, 1]: (H W, 2)."""
    x, y = ((torch.arange(count) + 0.5) * 2 / count - 1 for count in (width, height))
    return torch.stack([x.repeat(height), y.repeat_interleave(width)], 1)


class Encoder(nn.Module):
    """From images (B, C, H, W) and labels (B, K) to means and log variances (B, 2 Z).

    A map for each label says where its object is: the mean of positions, weighted by the map's softmax. How the object
    looks is told from the features there. What is not there has the prior's mean and variance.

    While it trains, it does not say of every second image how the objects look, so that the decoder learns what a label
    alone tells. Otherwise it would read colours from styles, and random styles would paint at random. The scene's means
    are normalised over a batch, as the prior's are (Zhu et al. 2020); the KL alone takes long to spread them.
    """

    def __init__(self, settings: Settings, shape: tuple[int, int, int], scene: int, labels: int) -> None:
        super().__init__()
        self.count, self.style, self.scene = settings.slots, settings.style, scene
        width = settings.seen
        plan = ((shape[0], width, 4, 2), (width, 2 * width, 4, 2), (2 * width, 2 * width, 3, 1))
        layers: list[nn.Module] = []
        for before, after, kernel, stride in (*plan, plan[-1]):
            layers += [nn.Conv2d(before, after, kernel, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.heat = nn.Conv2d(2 * width, labels, 1)
        self.looks = nn.Sequential(
            nn.Linear(2 * width + labels, CODE), nn.ReLU(), nn.Linear(CODE, 2 * settings.style + PLACE)
        )
        self.whole = nn.Linear(2 * width, 2 * scene)
        self.spread = nn.BatchNorm1d(scene, affine=False)
        self.plane = Plane()
        self.grid: Tensor
        self.register_buffer("grid", _grid(shape[1] // SEEN, shape[2] // SEEN), persistent=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        maps = self.layers(images.contiguous(memory_format=torch.channels_last))
        there, number, names = slots(labels, self.count)
        values = maps.float().flatten(2)  # (B, F, P)
        heat = self.heat(maps).float().flatten(2)  # (B, K, P)
        attention = heat.gather(1, number[..., None].expand(-1, -1, heat.shape[2])).softmax(2)  # (B, S, P)
        positions = (attention[..., None] * self.grid).sum(2)
        features = attention @ values.transpose(1, 2)  # (B, S, F)
        found = self.looks(torch.cat([features, names], 2)).float()
        mean, logvar, place = found.split([self.style, self.style, PLACE], 2)
        logvar = logvar - 1
        if self.training:
            told = (torch.arange(len(images), device=images.device) % 2)[:, None, None]
            mean, logvar = mean * told, logvar * told
        mean = torch.cat([self.plane.inverse(positions), mean], 2) * there[..., None]
        logvar = torch.cat([place - 5, logvar], 2) * there[..., None]  # a place is known well from the start
        whole, unsure = self.whole(values.mean(2)).float().chunk(2, 1)
        return torch.cat([mean.flatten(1), self.spread(whole), logvar.flatten(1), unsure - 1], 1)


class Decoder(nn.Module):
    """From latents (B, Z) and labels (B, K) to image logits (B, C, H, W).

    Each object is a soft disc on maps half the image's size, smaller the deeper it is. Label, style and place give each
    disc's features as functions of the distance from its middle, leaky-rectified linear ones: edges, that is, in
    directions of its own. Nearer discs cover those behind. Convolutions paint them, with light and shadow.
    """

    def __init__(self, settings: Settings, shape: tuple[int, int, int], scene: int, labels: int) -> None:
        super().__init__()
        channels, height, side = shape
        self.count, self.part, self.width = settings.slots, PLACE + settings.style, settings.width
        self.size = (height // 2, side // 2)
        self.plane = Plane()
        self.code = nn.Sequential(
            nn.Linear(labels + settings.style + PLACE + 1 + scene, CODE),
            nn.ReLU(),
            nn.Linear(CODE, TERMS * settings.width + 1),
        )
        layers: list[nn.Module] = []
        for before, after in pairwise((settings.width + 1 + PLACE + scene, settings.width, settings.width)):
            layers += [nn.Conv2d(before, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        last = settings.width // 2
        self.layers = nn.Sequential(
            *layers,
            Resizing(settings.width, last, bias=False),
            nn.BatchNorm2d(last),
            nn.ReLU(),
            nn.Conv2d(last, channels, 3, 1, 1),
        )
        self.grid: Tensor
        self.register_buffer("grid", _grid(*self.size), persistent=False)
        self.to(memory_format=torch.channels_last)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        there, _, names = slots(labels, self.count)
        parts, whole = latents.float().tensor_split([self.count * self.part], 1)
        parts = parts.unflatten(1, (self.count, self.part))
        positions, depth = self.plane(parts[..., :PLACE])
        scenes = whole[:, None].expand(-1, self.count, -1)
        code = self.code(torch.cat([names, parts[..., PLACE:], positions, depth, scenes], 2)).float()
        radius = SIZE * torch.exp(0.5 * code[..., -1:].clamp(-2, 2)) / depth  # (B, S, 1)
        away = (self.grid - positions[:, :, None]) / radius[..., None]  # (B, S, P, 2)
        disc = torch.sigmoid(4 * (1.8 - away.square().sum(-1))) * there[..., None]
        disc = disc * torch.exp(NEARER * positions[..., 1:])  # what is nearer stands lower
        share = (disc / (disc.sum(1, keepdim=True) + 0.05))[..., None]  # (B, S, P, 1)
        terms = torch.cat([share, share * away.clamp(-2, 2)], -1)  # (B, S, P, TERMS)
        features = F.leaky_relu(terms @ code[..., :-1].unflatten(2, (TERMS, self.width)), 0.2)  # (B, S, P, width)
        maps = torch.cat(
            [
                features.sum(1),
                share.sum(1),
                self.grid.expand(len(latents), -1, -1),
                whole[:, None].expand(-1, len(self.grid), -1),
            ],
            2,
        )
        return self.layers(maps.unflatten(1, self.size).permute(0, 3, 1, 2))


def build(settings: Settings, shape: tuple[int, int, int]) -> Network:
    return Objects(settings, shape)
