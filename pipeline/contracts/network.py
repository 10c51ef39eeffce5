"""The contract between families, which know an objective, and networks, which know an architecture."""

from abc import ABC, abstractmethod

from torch import nn

from pipeline.ground.errors import InputError


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

    def trunk(self) -> nn.Module:
        """A module from images (B, C, H, W) alone to features (B, F), for heads to share.

        Raises InputError for an architecture whose encoder does not fall into trunk and head.
        """
        raise InputError(f"network {type(self).__name__.lower()}: expected one with two heads, such as skip or dcgan")

    def head(self, outputs: int) -> nn.Module:
        """A module from a trunk's features (B, F) alone to (B, outputs). Raises InputError as `trunk`."""
        raise InputError(f"network {type(self).__name__.lower()}: expected one with two heads, such as skip or dcgan")

    @abstractmethod
    def decoder(self, inputs: int, condition: int) -> nn.Module:
        """A module from (B, inputs) to image logits (B, C, H, W), before any squashing."""
