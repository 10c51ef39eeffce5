"""One prepared script for a GPU that is lent for some minutes: what holds there, what experiments would cost, a start.

`python -m benchmarks.accelerator [--minutes 8] [--device cuda] [--folder OUT] [--price 3] [--images 3000]
[--train scenes_cvae] [--smoke]`, from the project's root. It needs torch, torchvision, numpy, scipy, safetensors,
pydantic, PyYAML and typer, and no prepared data. In turn, each section of OUT/report.md and OUT/numbers.json written as
soon as it is done:

1. the checks of tests/gpu, by pytest where there is one, else one after the other: until 35 % of the time.
2. each family's speed at the sizes of budgets/full.yaml against a textbook loop's on the same device, on random images,
   and what every experiment's training would take in hours and dollars: until 65 %.
3. the experiment `--train` at its full settings on scenes drawn on the spot, with its state, curve and drawings, to the
   end. The same command in the same folder goes on with it.

--smoke: small sizes and few checks, to see that the script runs.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import torch

from benchmarks import budget, checks, costs, long_run
from benchmarks.experiments import kinds, updated
from benchmarks.lent import Clock, Report
from pipeline.ground import params
from pipeline.ground.device import pick
from pipeline.ground.machine import describe

CHECKS, COSTS = 0.35, 0.65  # shares of the time that have passed when these end
PACKAGES = ("pytest", "matplotlib", "sklearn", "rich", "python_avatars", "resvg_py")  # of use, and not needed
SMOKE = {"hidden": 24, "width": 4, "batch": 16}


def machine(report: Report, device: torch.device, minutes: float) -> None:
    """What it ran on, and what is missing there."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    lines = [f"{describe(device)}; Python {sys.version.split()[0]}; {date.today().isoformat()}; {minutes:g} minutes."]
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        lines.append(f"Memory {free / 2**30:.0f} of {total / 2**30:.0f} GiB free.")
    lines.append(f"Not installed: {', '.join(missing) or 'nothing of use'}.")
    report.add("Machine", lines, {"machine": describe(device), "missing": missing})


def by_pytest(report: Report, device: torch.device, seconds: float, smoke: bool) -> None:
    """The checks in a process of their own; what it said is in checks.txt, also when the time was too short."""
    told = report.folder / "checks.txt"
    chosen = ["-k", "face_ae"] if smoke else []
    # Another release of torch may warn where this one does not.
    command = [sys.executable, "-m", "pytest", "tests/gpu", "-vv", "--tb=short", "-W", "default", *chosen]
    environment = os.environ | {"LATENTLAB_GPU_TESTS": str(device)}
    with told.open("w", encoding="utf-8") as file:
        try:
            ended = subprocess.run(
                command, stdout=file, stderr=subprocess.STDOUT, env=environment, timeout=seconds, check=False
            )
            end = f"pytest ended with {ended.returncode}"
        except subprocess.TimeoutExpired:
            end = f"cut after {seconds:.0f} s"
    text = told.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("tests/gpu") and "::" in line]
    counts = {word: sum(f" {word}" in line for line in lines) for word in ("PASSED", "FAILED", "ERROR", "SKIPPED")}
    words = ", ".join(f"{count} {word.lower()}" for word, count in counts.items())
    failed = [f"- {line}" for line in text.splitlines() if line.startswith(("FAILED", "ERROR"))]
    report.add("Checks", [f"{words}; {end}. All that was said: checks.txt.", *failed], counts)


def one_by_one(
    report: Report, content: Mapping[str, Any], device: torch.device, over: Callable[[], bool], smoke: bool
) -> None:
    """The same checks where there is no pytest, until the time is over."""
    found: dict[str, str] = {}
    blocks = content["experiments"]
    names = ["fc_vae", "face_ae"] if smoke else list(kinds(blocks).values())

    def note(label: str, check: Callable[[], str]) -> None:
        if over():
            found[label] = "left out: no time"
            return
        try:
            found[label] = check()
        except ImportError as error:
            found[label] = f"left out: {error}"
        except (AssertionError, RuntimeError) as error:
            found[label] = f"FAILED: {error}"
        print(f"{label}: {found[label]}", flush=True)

    for name in names:
        for label, run in checks.OF_RUNS.items():
            note(f"{name}, {label}", lambda run=run, name=name: run(name, blocks[name], device))  # type: ignore[misc]
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            made = None if over() else checks.trained(name, content, Path(folder))
            for label, look in checks.OF_MODELS.items():
                note(f"{name}, {label}", lambda look=look, made=made: look(made, device))  # type: ignore[misc]
    failed = sum(said.startswith("FAILED") for said in found.values())
    lines = [f"{len(found)} checks, {failed} failed; without pytest.", "", *(f"- {k}: {v}" for k, v in found.items())]
    report.add("Checks", lines, found)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8, help="after which it ends, by itself")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--folder", type=Path, default=Path("accelerator"))
    parser.add_argument("--price", type=float, default=3.0, help="dollars an hour of the device")
    parser.add_argument("--images", type=int, default=3000, help="scenes to draw, at most")
    parser.add_argument("--train", default="scenes_cvae", help="an experiment on scenes")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    as_committed = params.load()
    on_scenes = [name for name, block in as_committed["experiments"].items() if block["data"] == "scenes"]
    if options.train not in on_scenes:
        parser.error(f"--train: expected one of {', '.join(on_scenes)}, found {options.train}")
    clock, device = Clock(60 * options.minutes), pick(options.device)
    options.folder.mkdir(parents=True, exist_ok=True)
    report = Report(options.folder, "A run on an accelerator")
    machine(report, device, options.minutes)

    full = budget.merged(as_committed, params.load(Path("budgets/full.yaml"), anchors=True))
    if options.smoke:
        blocks = {name: updated(block, SMOKE) for name, block in full["experiments"].items()}
        full |= {"experiments": blocks}
    if importlib.util.find_spec("pytest"):
        by_pytest(report, device, clock.until(CHECKS), options.smoke)
    else:
        one_by_one(report, as_committed, device, lambda: not clock.until(CHECKS), options.smoke)

    start, seconds = time.monotonic(), 0.5 if options.smoke else 3.0
    found = costs.costs(full, device, seconds, clock, COSTS)
    said = (
        "Random images of each role's shape. A textbook loop: float32 as torch starts, two workers. A speed followed by"
    )
    about = f"{said} a name is that experiment's. Measured in {time.monotonic() - start:.0f} s."
    lines = [about, *(["Smoke: small sizes, so that these numbers mean nothing."] if options.smoke else []), ""]
    report.add("Costs", [*lines, *costs.table(found, options.price)], [asdict(cost) for cost in found])

    count = min(options.images, 96) if options.smoke else options.images
    data, spent = long_run.rendered(count, options.folder, clock)
    drawn = f"{len(data)} scenes were drawn in {spent:.0f} s." if spent else f"{len(data)} scenes from the folder."
    report.add("Training", [drawn, "It was cut before it ended."], {"images": len(data), "rendering_seconds": spent})
    lines, numbers = long_run.train(options.train, full, data, device, options.folder, clock)
    report.add("Training", [drawn, *lines], report.numbers["Training"] | numbers)
    print((options.folder / "report.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
