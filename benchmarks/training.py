"""Images a second of fc_vae's training against a textbook loop's, in turn on the same machine.

`python -m benchmarks.training [ROUNDS]` after `dvc repro prepare@digits`. The textbook: a Dataset that hands out PIL
images through ToTensor, a DataLoader, Adam, zero_grad, backward, step, in float32 with all cores, one model at a time.
Ours: the experiment as it stands in params.yaml, with all its seeds. Neither counts what comes before its loop.
"""

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from pipeline.console.progress import progress
from pipeline.contracts import images
from pipeline.ground import params, plugins
from pipeline.ground.parallel import Report, over_seeds
from pipeline.training import loop
from pipeline.training.experiment import head, plan

DATA = Path("data/prepared/digits/train.safetensors")
BLOCK = "experiments.fc_vae"


class Digits(Dataset[tuple[Any, int]]):
    """The training images one by one, as torchvision's MNIST hands them out."""

    def __init__(self) -> None:
        from torchvision.transforms import ToTensor

        split = images.load(DATA)
        self.images, self.targets = split.images[:, 0].numpy(), split.labels.argmax(1)
        self.transform = ToTensor()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(Image.fromarray(self.images[index])), int(self.targets[index])


def textbook(block: Mapping[str, Any]) -> float:
    """Images a second of the loop that tutorials show; the best of loading in this process and in two workers."""

    def stack(*widths: int) -> list[nn.Module]:
        return [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.ReLU())]

    hidden, z = [block["hidden"]] * block["layers"], block["latent"]
    encoder, heads = nn.Sequential(*stack(784, *hidden)), nn.Linear(hidden[-1], 2 * z)
    decoder = nn.Sequential(*stack(z, *hidden), nn.Linear(hidden[-1], 784), nn.Sigmoid())
    model = nn.ModuleList([encoder, heads, decoder])
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    rates = []
    for workers in (0, 2):
        seen, start = 0, time.perf_counter()
        for batch, _ in DataLoader(Digits(), block["batch"], shuffle=True, num_workers=workers):
            x = batch.flatten(1)
            mean, logvar = heads(encoder(x)).chunk(2, 1)
            y = decoder(mean + torch.exp(logvar / 2) * torch.randn_like(mean))
            kl = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum()
            loss = (F.binary_cross_entropy(y, x, reduction="sum") + kl) / len(x)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            seen += len(x)
        rates.append(seen / (time.perf_counter() - start))
    return max(rates)


def _ours(block: Mapping[str, Any], seed: int, report: Report) -> tuple[int, float]:
    common = head(block, BLOCK)
    family, network = plugins.load("models", common.family), plugins.load("networks", common.network)
    parts = plan(block, BLOCK, family.Settings, network.Settings, loop.Settings)
    data = images.load(DATA)
    model = family.build(parts.model, network.build(parts.network, data.shape), len(data.classes))
    run = loop.Run(model, data, parts.training, seed)
    run.train(lambda row: None)
    return run.total * parts.training.batch, run.seconds


def ours(block: Mapping[str, Any]) -> float:
    """Images a second of all seeds together, four epochs each, by the slowest seed's time in the loop."""
    seeds = block["seeds"]
    with progress("ours") as show:
        seen = over_seeds(partial(_ours, {**block, "epochs": 4}), seeds, show, torch.device("cpu"), len(seeds))
    return sum(count for count, _ in seen.values()) / max(seconds for _, seconds in seen.values())


def main() -> None:
    block = params.read(BLOCK)
    context = multiprocessing.get_context("spawn")  # a fresh process each time, none warmed up by another
    results: dict[str, list[float]] = {"textbook": [], "ours": []}
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        for function in (textbook, ours):
            queue = context.SimpleQueue()
            process = context.Process(target=_put, args=(queue, function, block))
            process.start()
            process.join()
            if process.exitcode:
                sys.exit(f"{function.__name__} failed")
            results[function.__name__].append(queue.get())
    ratios = [b / a for a, b in zip(results["textbook"], results["ours"], strict=True)]
    for name, rates in results.items():
        print(f"{name}: {statistics.median(rates):,.0f} images a second ({', '.join(f'{r:,.0f}' for r in rates)})")
    print(f"ratio: {statistics.median(ratios):.2f} ({', '.join(f'{r:.2f}' for r in ratios)})")


def _put(queue: "SimpleQueue[float]", function: Callable[[Mapping[str, Any]], float], block: Mapping[str, Any]) -> None:
    queue.put(function(block))


if __name__ == "__main__":
    main()
