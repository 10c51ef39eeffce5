"""What an accelerator does with each family: speed beside the CPU's, resuming, and whether both draw the same images.

`python -m benchmarks.accelerator [--device cuda] [--seconds 4] [EXPERIMENT ...]`, after `dvc repro` of the roles'
`prepare`; by default of the first experiment of each family and network in params.yaml. It writes no results.

images/s: of training, as the experiment stands in params.yaml, one seed, in turn on the device and on the CPU with all
cores. resumed: an interrupted run's weights against an uninterrupted one's, the same bits or the largest difference.
drawn: the largest difference of a pixel in [0, 1] between device and CPU, of the same weights and latents, in float32.
"""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.contracts import images
from pipeline.contracts.curves import Row
from pipeline.contracts.images import ImageSet, to_unit
from pipeline.ground import params, plugins
from pipeline.ground.device import pick
from pipeline.ground.machine import describe
from pipeline.ground.seeding import derive, generator
from pipeline.training import loop
from pipeline.training.experiment import Plan, head, plan
from pipeline.training.loop import Run
from pipeline.training.resume import Place

CPU = torch.device("cpu")


class Enough(Exception):
    """Ends a run at a point of its curve."""


def planned(name: str, block: Mapping[str, Any]) -> Plan[Any, Any, loop.Settings]:
    where = f"experiments.{name}"
    common = head(block, where)
    family, network = plugins.load("models", common.family), plugins.load("networks", common.network)
    return plan(block, where, family.Settings, network.Settings, loop.Settings)


def started(found: Plan[Any, Any, loop.Settings], data: ImageSet, points: int, **changed: Any) -> Run:
    """A run of seed 0 on the data's device."""
    torch.manual_seed(derive("weights", 0))
    network = plugins.load("networks", found.experiment.network).build(found.network, data.shape)
    model = plugins.load("models", found.experiment.family).build(found.model, network, len(data.classes))
    settings = found.training.model_copy(update=changed)
    return Run(model.to(data.images.device), data, settings, 0, points)


def speed(found: Plan[Any, Any, loop.Settings], data: ImageSet, seconds: float) -> float:
    """Training images a second, without what the first point of the curve took."""
    run = started(found, data, 100_000, epochs=1000)
    first: list[tuple[float, float]] = []

    def boundary(row: Row) -> None:
        now = time.perf_counter()
        first.append((now, row["images_seen"]))
        if len(first) > 2 and now - first[0][0] > seconds:
            raise Enough

    with contextlib.suppress(Enough):
        run.train(boundary)
    (start, before), (end, after) = first[0], first[-1]
    return (after - before) / (end - start)


def resumed(found: Plan[Any, Any, loop.Settings], data: ImageSet) -> str:
    """Whether a run that was interrupted half-way, and read back from disk, ends as one that was not."""
    changed = {"epochs": 1, "snapshots": 0}
    whole = started(found, data, 4, **changed)
    whole.train(lambda row: None)
    device = data.images.device
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        broken = started(found, data, 4, **changed)

        def boundary(row: Row) -> None:
            if 2 * broken.iteration >= broken.total:
                place.save(broken.state(), device)
                raise Enough

        with contextlib.suppress(Enough):
            broken.train(boundary)
        again = started(found, data, 4, **changed)
        state = place.load(device)
        assert state is not None
        again.restore(state)
        again.train(lambda row: None)
    pairs = zip(whole.model.state_dict().values(), again.model.state_dict().values(), strict=True)
    worst = max(float((one.double() - other.double()).abs().max()) for one, other in pairs)
    return "same bits" if worst == 0 else f"{worst:.1e}"


def drawn(found: Plan[Any, Any, loop.Settings], data: ImageSet) -> float:
    """How far the device's images are from the CPU's, of one set of trained weights and latents."""
    run = started(found, data, 4, epochs=1, snapshots=0)
    run.train(lambda row: None)
    noise = generator(CPU, "accelerator")
    latents = run.model.to(CPU).prior(64, noise)
    labels = data.labels[:64].cpu().float()

    def draw(device: torch.device) -> torch.Tensor:
        with torch.inference_mode():
            fakes = run.model.to(device).generate(latents.to(device), labels.to(device))
            return to_unit(fakes, run.model.pixels).cpu()

    return float((draw(data.images.device) - draw(CPU)).abs().max())


def chosen(experiments: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The first experiment of each family and network."""
    first: dict[tuple[str, str], str] = {}
    for name, block in experiments.items():
        first.setdefault((block["family"], block["network"]), name)
    return list(first.values())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    device, experiments = pick(options.device), params.read("experiments")
    print(describe(device))
    print("| experiment | family, network | images/s | CPU images/s | times | resumed | drawn |")
    print("|---|---|--:|--:|--:|---|--:|")
    for name in options.experiments or chosen(experiments):
        found = planned(name, experiments[name])
        data = images.load(Path("data/prepared") / found.experiment.data / "train.safetensors")
        few = data.first(64 * found.training.batch)
        fast, slow = (speed(found, data.to(where), options.seconds) for where in (device, CPU))
        kind = f"{found.experiment.family}, {found.experiment.network}"
        facts = f"{fast:,.0f} | {slow:,.0f} | {fast / slow:.1f} | {resumed(found, few.to(device))}"
        print(f"| `{name}` | {kind} | {facts} | {drawn(found, few.to(device)):.1e} |", flush=True)


if __name__ == "__main__":
    main()
