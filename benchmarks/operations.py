"""How many operations something takes, and how many a second the machine can do: the share of its speed one reaches."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

SIDE = 2048


class Operations(TorchDispatchMode):
    """Counts operations as torch counts them: two a multiplication and addition, of convolutions and matrix products.

    Unlike torch's own counter it does not stumble over gradients of gradients.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self, function: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = function(*args, **(kwargs or {}))
        if (count := flop_registry.get(function._overloadpacket)) is not None:
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def product(dtype: torch.dtype, device: torch.device | None = None, repeats: int = 3, side: int = SIDE) -> float:
    """Operations a second of the fastest of some products of `side` x `side` matrices, with torch's threads."""
    a = torch.randn(side, side, device=device).to(dtype)
    b = a.clone()
    spent = []
    for _ in range(repeats + 1):  # the first one warms up
        start = time.perf_counter()
        (a @ b)[0, 0].item()  # waits for a GPU
        spent.append(time.perf_counter() - start)
    return 2 * side**3 / min(spent[1:])
