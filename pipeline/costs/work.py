"""What an iteration of training takes, counted on shapes alone: no memory, no images, no time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from pipeline.contracts.images import Layout, scale
from pipeline.contracts.model import Batch
from pipeline.ground import plugins
from pipeline.training import loop
from pipeline.training.experiment import Plan, head, plan

Entry = Plan[Any, Any, loop.Settings]


class Operations(TorchDispatchMode):
    """Counts operations as torch counts them: two a multiplication and addition, of convolutions and matrix products.

    Unlike torch's own counter it does not stumble over gradients of gradients. calls: of torch's operators that touch
    memory, each of which a GPU is sent by the processor.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = self.calls = 0

    def __torch_dispatch__(
        self, function: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = function(*args, **(kwargs or {}))
        if (count := flop_registry.get(function._overloadpacket)) is not None:
            self.total += count(*args, **(kwargs or {}), out_val=out)
        self.calls += not function.is_view
        return out


@dataclass(frozen=True)
class Work:
    """One iteration of one seed. images: that it sees; operations, calls: see `Operations`, without the optimisers'."""

    images: int
    operations: int
    calls: int


class _Shapes(torch.Generator):
    """Draws no numbers, only their shapes: models ask a generator where it draws."""

    device = torch.device("meta")


def planned(name: str, block: Mapping[str, Any]) -> Entry:
    """An entry of params.yaml, each part checked by its schema. Raises InputError as `plan` does."""
    where = f"experiments.{name}"
    common = head(block, where)
    family, network = plugins.load("models", common.family), plugins.load("networks", common.network)
    return plan(block, where, family.Settings, network.Settings, loop.Settings)


def iteration(of: Entry) -> Work:
    """What `loop.Run` does in an iteration, played by the same players. Raises InputError where they do not fit."""
    layout: Layout = plugins.load("data", of.experiment.data).LAYOUT
    batch, labels = of.training.batch, len(layout.classes)
    with torch.device("meta"):
        network = plugins.load("networks", of.experiment.network).build(of.network, layout.shape)
        model = plugins.load("models", of.experiment.family).build(of.model, network, labels)
        model.train()
        draws = loop.fitting(model, torch.iinfo(torch.int64).max, of.training)
        images = torch.empty(batch, *layout.shape, dtype=torch.uint8)
        batches = [Batch(scale(images, model.pixels), torch.empty(batch, labels), _Shapes("cpu")) for _ in range(draws)]
        with Operations() as counted:
            for player in model.players():
                weights = [weight for module in player.modules for weight in module.parameters()]
                for turn in range(player.repeat):
                    terms = player.terms(batches[turn] if player.fresh else batches[-1])
                    loss = torch.stack([term for name, term in terms.items() if name not in player.observed]).sum()
                    torch.autograd.grad(loss, weights)
                    player.after()
    return Work(batch * draws, counted.total, counted.calls)


def iterations(of: Entry, work: Work, train: int) -> int:
    """How many a seed's training has, of so many training images: no partial batches."""
    return train // work.images * of.training.epochs
