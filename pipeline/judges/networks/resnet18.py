"""ResNet-18 (He et al. 2016) with a sigmoid a label: the network, and the file format, of i-CLEVR's usual evaluator."""

from typing import Any

import torch
from torch import Tensor, nn

from pipeline.ground.errors import InputError

WIDTH = 64


class ResNet18(nn.Module):
    """torchvision's network; its head is a linear layer and a sigmoid, of which the logits leave the sigmoid out."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        from torchvision.models import resnet18  # slow, and the other judges do without

        self.network: Any = resnet18(weights=None)
        self.network.fc = nn.Sequential(nn.Linear(8 * WIDTH, labels), nn.Sigmoid())

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, 512) and logits (B, K) of images (B, 3, H, W) in [0, 1]; the network is given [-1, 1]."""
        network, maps = self.network, (2 * images - 1).contiguous(memory_format=torch.channels_last)
        maps = network.maxpool(network.relu(network.bn1(network.conv1(maps))))
        for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
            maps = stage(maps)
        features = network.avgpool(maps).flatten(1)
        return features, network.fc[0](features)

    def foreign(self, content: Any) -> Any:
        """A state dict of this module from an evaluator's file: `{"model": state dict of the network}`."""
        tensors = content["model"] if isinstance(content, dict) and "model" in content else content
        return {f"network.{name}": tensor for name, tensor in tensors.items()}


def build(width: int, shape: tuple[int, int, int], labels: int) -> nn.Module:
    if width != WIDTH or shape[0] != 3:
        raise InputError(
            f"classifier network resnet18: expected width {WIDTH} and 3 channels, found {width} and {shape[0]}"
        )
    return ResNet18(labels)
