"""How many operations a second the machine can do, of whose speed training reaches a share."""

import time

import torch

SIDE = 2048


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
