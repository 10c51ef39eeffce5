"""The contract between families, which know an objective, and networks, which know an architecture."""

from abc import ABC, abstractmethod

from torch import nn


class Network(ABC):
    """An architecture for images of one shape (C, H, W), in both directions.

    What it builds is called with its inputs and with labels (B, condition); one built with `condition=0` ignores them.
    """

    @abstractmethod
    def encoder(self, outputs: int, condition: int) -> nn.Module:
        """A module from images (B, C, H, W) to (B, outputs)."""

    @abstractmethod
    def classifier(self, outputs: int) -> nn.Module:
        """A module from images (B, C, H, W) to label logits (B, outputs), free of what constrains an encoder that is a
        critic; it ignores the labels.
        """

    @abstractmethod
    def decoder(self, inputs: int, condition: int) -> nn.Module:
        """A module from (B, inputs) to image logits (B, C, H, W), before any squashing."""
