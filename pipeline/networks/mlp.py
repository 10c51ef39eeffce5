"""Fully connected encoder and decoder: `layers` hidden layers of `hidden` ReLU units each."""

import math
from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.contracts.network import Network
from pipeline.ground.params import Size, Strict


class Settings(Strict):
    """layers: hidden layers, in the encoder and again in the decoder; hidden: units a layer."""

    layers: int = Field(ge=1, le=100)
    hidden: Size


class Mlp(Network):
    """The network of Kingma & Welling (2014), appendix C, with ReLU units and any number of layers."""

    def __init__(self, settings: Settings, shape: tuple[int, int, int]) -> None:
        self.settings = settings
        self.shape = shape

    def encoder(self, outputs: int, condition: int) -> nn.Module:
        return Stack(math.prod(self.shape), outputs, (outputs,), condition, self.settings)

    def classifier(self, outputs: int) -> nn.Module:
        return self.encoder(outputs, 0)

    def decoder(self, inputs: int, condition: int) -> nn.Module:
        return Stack(inputs, math.prod(self.shape), self.shape, condition, self.settings)


class Stack(nn.Module):
    """Flatten, join the labels, `layers` x (Linear, ReLU), Linear, reshape."""

    def __init__(self, inputs: int, outputs: int, shape: tuple[int, ...], condition: int, settings: Settings) -> None:
        super().__init__()
        self.shape = shape
        self.condition = condition
        widths = [inputs + condition] + [settings.hidden] * settings.layers
        hidden = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.ReLU())]
        self.layers = nn.Sequential(*hidden, nn.Linear(widths[-1], outputs))
        # torch's own initialisation shrinks a signal threefold at every ReLU layer; deep stacks then idle at first
        for layer in hidden:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        flat = inputs.flatten(1)
        joined = torch.cat([flat, labels.to(flat.dtype)], dim=1) if self.condition else flat
        return self.layers(joined).unflatten(1, self.shape)


def build(settings: Settings, shape: tuple[int, int, int]) -> Network:
    return Mlp(settings, shape)
