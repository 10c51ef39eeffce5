"""The contract between the training loop, the stages and the model families."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor, nn

from pipeline.contracts.images import Pixels

Drawer = Literal["generator", "average"]  # a generator's weights as they are, or their moving average


@dataclass(frozen=True)
class Batch:
    """images: (B, C, H, W) float in the model's own range; labels: (B, K) float, ones where a label holds.

    All noise comes from `generator`, so that a run can be repeated and resumed bit by bit. drawn: the fakes that the
    players of one iteration share, see `Gan`; empty at its start and after each update of what drew them.
    """

    images: Tensor
    labels: Tensor
    generator: Generator
    drawn: dict[str, Tensor] = field(default_factory=dict, compare=False)


def nothing() -> None:
    """What most players do after an update."""


@dataclass(frozen=True)
class Player:
    """Parameters that descend one objective, in turn with the other players'."""

    name: str
    modules: tuple[nn.Module, ...]
    terms: Callable[[Batch], dict[str, Tensor]]  # named scalar terms; their sum is the loss
    repeat: int = 1  # updates an iteration
    fresh: bool = False  # each of these updates has a batch of its own, instead of all the same
    after: Callable[[], None] = nothing  # after each update
    observed: frozenset[str] = frozenset()  # terms that are recorded only, and no part of the loss


@dataclass(frozen=True)
class Posterior:
    """q(z | x), a Gaussian with diagonal covariance. mean, logvar: (B, Z)."""

    mean: Tensor
    logvar: Tensor

    def sample(self, generator: Generator) -> Tensor:
        """z = mu + exp(logvar / 2) * eps, eps ~ N(0, I): (B, Z). Kingma & Welling (2014), section 2.4."""
        eps = torch.randn(self.mean.shape, generator=generator, device=self.mean.device)
        return self.mean + torch.exp(self.logvar / 2) * eps

    def kl(self) -> Tensor:
        """KL(q(z | x) || N(0, I)): (B,), nats per image. Kingma & Welling (2014), appendix B."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - 1 - self.logvar).sum(1)

    def log_ratio(self, latents: Tensor) -> Tensor:
        """log p(z) - log q(z | x) of latents (B, Z): (B,), nats."""
        whitened = (latents - self.mean) * torch.exp(-self.logvar / 2)
        return 0.5 * (whitened.square() + self.logvar - latents.square()).sum(1)


class GenerativeModel(nn.Module, ABC):
    """A model that draws images. pixels: the range of its images; conditional: whether it heeds labels; latent: Z.

    resting: players that its settings leave out, for whom an optimiser may be given all the same. latents: what it
    draws when it samples, in words.
    """

    pixels: Pixels
    conditional: bool
    latent: int
    resting: tuple[str, ...] = ()
    latents: str = "random latents"

    @abstractmethod
    def players(self) -> Sequence[Player]:
        """Who trains what, in the order of play."""

    @abstractmethod
    def prior(self, count: int, generator: Generator) -> Tensor:
        """`count` latents as the model draws them when it samples: (count, Z), on the generator's device."""

    @abstractmethod
    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Images (B, C, H, W), in the model's range, of latents (B, Z) and labels (B, K)."""

    def settle(self, batches: Iterable[Batch]) -> None:
        """After the last update, with all training images once more: whatever is fitted to trained weights."""

    def sample(self, labels: Tensor, generator: Generator) -> Tensor:
        """Random images (B, C, H, W) of labels (B, K)."""
        return self.generate(self.prior(len(labels), generator), labels)


@runtime_checkable
class EncoderModel(Protocol):
    """What a model that finds latents of images offers besides."""

    pixels: Pixels

    def code(self, images: Tensor, labels: Tensor) -> Tensor:
        """The latent (B, Z) that stands for each image (B, C, H, W), in the model's range; no noise."""


@runtime_checkable
class LikelihoodModel(Protocol):
    """What a model with an encoder q(z | x) and a likelihood p(x | z) offers besides; it is an `EncoderModel` too.

    comparable: whether that likelihood is a Bernoulli's on [0, 1], so that its nats compare with other such models'.
    """

    pixels: Pixels
    comparable: bool

    def encode(self, images: Tensor, labels: Tensor) -> Posterior:
        """q(z | x) of images (B, C, H, W) in the model's range."""

    def reconstruction(self, images: Tensor, latents: Tensor, labels: Tensor) -> Tensor:
        """-log p(x | z), (B,), nats per image; latents (B, Z)."""


@runtime_checkable
class AdversarialModel(Protocol):
    """What a model with a generator that learns against an opponent offers besides.

    drawn_by: which of its generators `generate` uses. Their weights begin with `generator.`, see `Averaged`.
    """

    drawn_by: Drawer

    def generate_by(self, drawer: Drawer, latents: Tensor, labels: Tensor) -> Tensor:
        """Images (B, C, H, W), in the model's range, by one of the two."""


@runtime_checkable
class CodedModel(Protocol):
    """What a model with a latent code, one of `codes`, that it finds meanings for offers besides."""

    pixels: Pixels
    codes: int

    def coded(self, latents: Tensor, codes: Tensor) -> Tensor:
        """Latents (B, Z) with their code replaced: codes (B, codes), one-hot, or shares of several that sum to 1."""

    def recognise(self, images: Tensor) -> Tensor:
        """log Q(c | x), (B, codes), of images (B, C, H, W) in the model's range."""


class Averaged(nn.Module):
    """A generator and the moving average of its weights.

    decay: of the average, by update. The average starts as the generator does.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.current = network
        self.average = deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def follow(self) -> None:
        """One step of the average, of weights and of norms' statistics; torch's own would wait for the GPU."""
        ours, theirs = (list(chain(net.parameters(), net.buffers())) for net in (self.average, self.current))
        real = [number for number, tensor in enumerate(ours) if tensor.is_floating_point()]
        torch._foreach_lerp_([ours[n] for n in real], [theirs[n] for n in real], 1 - self.decay)

    def draw(self, drawer: Drawer, latents: Tensor, labels: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] by one of the two, of latents (B, Z) and labels (B, K)."""
        network = self.current if drawer == "generator" else self.average
        return torch.tanh(network(latents, labels).float())


def standard_normal(count: int, latent: int, generator: Generator) -> Tensor:
    """(count, latent), on the generator's device."""
    return torch.randn(count, latent, generator=generator, device=generator.device)
