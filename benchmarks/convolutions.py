"""How much of the machine's matrix-product speed the training of each convolutional experiment reaches.

`python -m benchmarks.convolutions [ROUNDS]` after the images are prepared. Operations are counted as torch counts them
(two a multiplication and addition, of convolutions and matrix products only), in an iteration of the experiment as it
stands in params.yaml; the product is of 2048 x 2048 matrices in the same precision, measured in the same minute. Both
on one core, as each seed is trained on a CPU. The best of ROUNDS (3) counts, on both sides.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from pipeline.contracts import images
from pipeline.contracts.images import ImageSet
from pipeline.ground import params, plugins
from pipeline.training import loop
from pipeline.training.experiment import head, plan

ITERATIONS = 8
SIDE = 2048


class Operations(TorchDispatchMode):
    """Counts operations; unlike torch's own counter it does not stumble over gradients of gradients."""

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


def product(dtype: torch.dtype) -> float:
    """Operations a second of a matrix product."""
    a = torch.randn(SIDE, SIDE).to(dtype)
    b = a.clone()
    start = time.perf_counter()
    a @ b
    return 2 * SIDE**3 / (time.perf_counter() - start)


def _run(name: str, block: Mapping[str, Any], data: ImageSet, iterations: int) -> loop.Run:
    common = head(block, name)
    family, network = plugins.load("models", common.family), plugins.load("networks", common.network)
    parts = plan({**block, "epochs": 1, "snapshots": 0}, name, family.Settings, network.Settings, loop.Settings)
    model = family.build(parts.model, network.build(parts.network, data.shape), len(data.classes))
    whole = loop.Run(model, data, parts.training, 0)
    return loop.Run(model, data.first(iterations * whole.images), parts.training, 0)


def _seconds(make: Callable[[int], loop.Run], iterations: int) -> float:
    run = make(iterations)
    run.train(lambda row: None)
    return run.seconds


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    torch.set_num_threads(1)
    for name, block in params.read("experiments").items():
        if block["network"] == "mlp":
            continue
        data = images.load(Path("data/prepared") / block["data"] / "train.safetensors")

        def make(iterations: int, name: str = name, block: Any = block, data: ImageSet = data) -> loop.Run:
            return _run(name, block, data, iterations)

        once = make(1)
        with Operations() as counted:
            once.train(lambda row: None)
        dtype = torch.bfloat16 if block["precision"] == "bfloat16" else torch.float32
        speeds, products = [], []
        for _ in range(rounds):
            # Two more iterations, less two: what only the first costs is left out.
            spent = _seconds(make, ITERATIONS + 2) - _seconds(make, 2)
            speeds.append(ITERATIONS / spent)
            products += [product(dtype) for _ in range(3)]
        rate, peak = max(speeds) * counted.total, max(products)
        print(
            f"{name:26} {max(speeds) * once.images:6,.0f} images/s  {counted.total / once.images / 1e6:7.0f} M"
            f" operations an image  {rate / 1e9:5.0f} of {peak / 1e9:.0f} G/s: {rate / peak:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
