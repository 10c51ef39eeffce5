"""The one training loop. It plays the players of a model in turn and knows nothing else about it."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.contracts.curves import Row
from pipeline.contracts.images import ImageSet, scale
from pipeline.contracts.model import AdversarialModel, Batch, GenerativeModel, Player, nothing
from pipeline.ground import device
from pipeline.ground.errors import InputError
from pipeline.ground.params import Count, Share, Strict
from pipeline.ground.seeding import generator

FAR: Final = 100.0  # root mean square of weights that have diverged; no single weight of 224 trained models is above 3


class Optimiser(Strict):
    """One player's optimiser. `betas` are Adam's. The learning rate is multiplied by `decay` every `decay_every`
    iterations.
    """

    algorithm: Literal["adam", "rmsprop"] = "adam"
    learning_rate: float = Field(gt=0, le=1)  # both algorithms move every weight by about so much an update
    betas: tuple[Share, Share] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)
    decay: float = Field(default=1.0, gt=0, le=1)
    decay_every: Count = 1000


class Settings(Strict):
    """batch: images an update. epochs: passes over the training images, without the last partial batch of each.

    optimisers: by player. precision: of matrix products and convolutions, `auto`: bfloat16 where the device computes it
    fast, else float32; weights and losses are float32 always.
    snapshots: how many times the generator is kept on the way, evenly spaced and at the end, to measure progress.
    """

    batch: Count
    epochs: Count
    optimisers: dict[str, Optimiser]
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    snapshots: int = Field(default=0, ge=0, le=1000)


@dataclass
class State:
    """All that a run needs to go on where it was: `tensors` of weights, optimisers and generator; plain `facts`."""

    iteration: int
    tensors: dict[str, Tensor]
    curve: list[Row] = field(default_factory=list)
    seconds: float = 0.0


def fitting(model: GenerativeModel, images: int, settings: Settings) -> int:
    """The batches that an iteration takes: as many as the player that wants most of its own.

    Raises InputError when settings, model and the number of training images do not fit.
    """
    players = model.players()
    names = [player.name for player in players]
    if set(settings.optimisers) - set(model.resting) != set(names):
        raise InputError(
            f"optimisers: expected one for each of {', '.join(names)}, found {', '.join(settings.optimisers) or 'none'}"
        )
    draws = max(player.repeat if player.fresh else 1 for player in players)
    if settings.batch * draws > images:
        per = f", {draws} batches an iteration" if draws > 1 else ""
        raise InputError(
            f"batch: expected at most {images // draws}, of {images} training images{per}, found {settings.batch}"
        )
    if settings.snapshots and not isinstance(model, AdversarialModel):
        raise InputError(f"snapshots: expected 0, as this family has no generator, found {settings.snapshots}")
    if settings.batch == 1 and any(isinstance(part, nn.BatchNorm1d) for part in model.modules()):
        raise InputError("batch: expected 2 or more, as this network normalises over the images of a batch, found 1")
    return draws


class Run:
    """One seed's training.

    Bit by bit the same on the same machine, whether or not it was interrupted: the order of images depends on seed
    and epoch alone, all noise comes from one generator, and a state is taken between two points of the curve.
    Raises InputError when settings and model do not fit.
    """

    def __init__(
        self, model: GenerativeModel, data: ImageSet, settings: Settings, seed: int, points: int = 100
    ) -> None:
        self.model, self.data, self.settings, self.seed = model, data, settings, seed
        self.device = data.images.device
        self.bfloat16 = device.precision(settings.precision, self.device) == "bfloat16"
        device.settle(self.device)
        self.players = tuple(model.players())
        names = [player.name for player in self.players]
        self.draws = fitting(model, len(data), settings)
        self.images = settings.batch * self.draws  # an iteration
        self.epoch_iterations = len(data) // self.images
        self.total = self.epoch_iterations * settings.epochs
        self.every = math.ceil(self.total / points)
        boundaries = [*range(self.every, self.total, self.every), self.total]
        kept = min(settings.snapshots, len(boundaries))
        self.snapshots = {boundaries[(n + 1) * len(boundaries) // kept - 1] for n in range(kept)}  # iterations
        self.generator = generator(self.device, "noise", seed)
        self.weights = {p.name: [w for m in p.modules for w in m.parameters()] for p in self.players}
        self.optimisers = {name: _optimiser(settings.optimisers[name], self.weights[name]) for name in names}
        self.iteration = 0
        self.curve: list[Row] = []
        self.seconds = 0.0

    def train(self, boundary: Callable[[Row], None], passed: Callable[[], None] = nothing) -> None:
        """Trains to the end; `boundary` is called at each point of the curve, when `state()` may be taken, and `passed`
        after every iteration: it must not look at tensors, for which it would have to wait.

        Raises InputError when a loss, a weight or an optimiser's average is not finite, or weights are above FAR,
        before `boundary` could save that state.
        """
        self.model.train()
        sums: Tensor | None = None
        peaks = torch.empty(0)
        names: list[str] = []
        start = time.perf_counter() - self.seconds
        order = torch.empty(0)
        while self.iteration < self.total:
            position = self.iteration % self.epoch_iterations * self.images
            if position == 0 or not len(order):
                order = self._order(self.iteration // self.epoch_iterations)
            batches = [
                self._batch(part) for part in order[position : position + self.images].split(self.settings.batch)
            ]
            self._schedule()
            losses = {name: loss for player in self.players for name, loss in self._play(player, batches).items()}
            names = list(losses)
            step = torch.stack(list(losses.values()))
            sums, peaks = (step, step) if sums is None else (sums + step, torch.maximum(peaks, step))
            self.iteration += 1
            passed()
            if self.iteration % self.every == 0 or self.iteration == self.total:
                means = (sums / (self.iteration - (self.iteration - 1) // self.every * self.every)).tolist()
                sums = None
                self.seconds = time.perf_counter() - start
                self._check(dict(zip(names, means, strict=True)))
                self._record(dict(zip(names, means, strict=True)), dict(zip(names, peaks.tolist(), strict=True)))
                boundary(self.curve[-1])
        self.model.eval()
        with torch.no_grad():
            self.model.settle(self._batch(part) for part in torch.arange(len(self.data), device=self.device).split(500))
        for name, size in _sizes(self.model.state_dict()).items():
            if not math.isfinite(size):
                raise InputError(f"root mean square of {name} is {size} after the last of {self.total} iterations")

    def state(self) -> State:
        """A copy of all that changes. Call it from `boundary`."""
        tensors = {f"model.{name}": t.detach().clone() for name, t in self.model.state_dict().items()}
        tensors["generator"] = self.generator.get_state()
        for name, optimiser in self.optimisers.items():
            for index, slots in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{name}.{index}.{slot}": t.detach().clone() for slot, t in slots.items()}
        return State(self.iteration, tensors, list(self.curve), self.seconds)

    def restore(self, state: State) -> None:
        """Goes on from a state that `state()` took."""
        tensors = {name: t.to(self.device) for name, t in state.tensors.items()}
        self.model.load_state_dict({n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
        self.generator.set_state(state.tensors["generator"].cpu())
        for name, optimiser in self.optimisers.items():
            slots: dict[int, dict[str, Tensor]] = {}
            for key in (key for key in tensors if key.startswith(f"optimiser.{name}.")):
                _, _, index, slot = key.split(".")
                weight, kept = self.weights[name][int(index)], tensors[key]
                # A file has no strides.
                slots.setdefault(int(index), {})[slot] = (
                    _laid_out_as(weight, kept) if kept.shape == weight.shape else kept
                )
            optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
        self.iteration, self.curve, self.seconds = state.iteration, list(state.curve), state.seconds

    def _order(self, epoch: int) -> Tensor:
        shuffle = generator(torch.device("cpu"), "order", self.seed, epoch)
        return torch.randperm(len(self.data), generator=shuffle).to(self.device)

    def _batch(self, index: Tensor) -> Batch:
        images = scale(self.data.images[index], self.model.pixels)
        return Batch(images, self.data.labels[index].float(), self.generator)

    def _schedule(self) -> None:
        for name, optimiser in self.optimisers.items():
            settings = self.settings.optimisers[name]
            if settings.decay < 1:
                rate = settings.learning_rate * settings.decay ** (self.iteration // settings.decay_every)
                optimiser.param_groups[0]["lr"] = rate

    def _play(self, player: Player, batches: Sequence[Batch]) -> Mapping[str, Tensor]:
        """`repeat` updates of one player; the last update's terms, detached, and their sum."""
        weights, optimiser = self.weights[player.name], self.optimisers[player.name]
        for turn in range(player.repeat):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
                terms = player.terms(batches[turn] if player.fresh else batches[-1])
            loss = torch.stack([term for name, term in terms.items() if name not in player.observed]).sum()
            for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight.grad = _laid_out_as(weight, gradient)
            optimiser.step()
            player.after()
        named = {name: term.detach() for name, term in terms.items()}
        if len(self.players) == 1:
            return named | {"loss": loss.detach()}
        total = {f"{player.name}_loss": loss.detach()}
        if player is self.players[-1]:
            total["loss"] = loss.detach()
        return {f"{player.name}_{name}": term for name, term in named.items()} | total

    def _check(self, losses: Mapping[str, float]) -> None:
        """Raises InputError when training diverged since the last point of the curve.

        Losses alone do not tell: that of the last iteration is of the weights before its update, norms make finite what
        is not, and a gradient whose square overflows makes Adam's step 0, so that nothing is learned any more.
        """
        bad = {name: loss for name, loss in losses.items() if not math.isfinite(loss)}
        if not bad:
            averages = {
                f"{name}'s average {slot}.{index}": tensor
                for name, optimiser in self.optimisers.items()
                for index, slots in optimiser.state_dict()["state"].items()
                for slot, tensor in slots.items()
            }
            weights = {name for name, _ in self.model.named_parameters()}
            bad = {
                f"root mean square of {name}": size
                for name, size in _sizes({**self.model.state_dict(), **averages}).items()
                if not math.isfinite(size) or (name in weights and size > FAR)
            }
        for name, size in bad.items():
            since = self.curve[-1]["iteration"] if self.curve else 0
            raise InputError(
                f"{name} is {size:.3g} between iterations {since:.0f} and {self.iteration} of {self.total}; a smaller"
                " learning rate may help"
            )

    def _record(self, losses: Mapping[str, float], peaks: Mapping[str, float]) -> None:
        """A point of the curve: means since the last one and, of players that learn against each other, the highest
        loss of a single iteration, `<player>_peak`, which a mean would hide.
        """
        images_seen = self.iteration * self.images
        at = {"iteration": self.iteration, "epoch": self.iteration / self.epoch_iterations, "images_seen": images_seen}
        highest = {f"{name.removesuffix('_loss')}_peak": peak for name, peak in peaks.items() if name.endswith("_loss")}
        self.curve.append({**at, "seconds": round(self.seconds, 3), **losses, **highest})


def _sizes(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """The root mean square of each tensor of reals, by name; nan or inf where a value is. A GPU is waited for once."""
    real = {name: t.detach() for name, t in tensors.items() if t.is_floating_point() and t.numel()}
    norms = torch._foreach_norm(list(real.values()))
    found = torch.stack([norm.to(norms[0].device).float() for norm in norms]).tolist()
    return {name: norm / math.sqrt(t.numel()) for (name, t), norm in zip(real.items(), found, strict=True)}


def _laid_out_as(weight: Tensor, values: Tensor) -> Tensor:
    """A gradient, or an average of them, with the weight's strides: fused optimisers walk through memory in order."""
    if values.stride() == weight.stride():
        return values
    return torch.empty_like(weight).copy_(values)


def _optimiser(settings: Optimiser, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    common: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.algorithm == "adam":
        return torch.optim.Adam(weights, betas=settings.betas, fused=True, **common)
    return torch.optim.RMSprop(weights, foreach=True, **common)
