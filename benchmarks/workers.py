"""Many workers, simulated: the real graph of stages and seeds, each of which sleeps for as long as it would take.

`python -m benchmarks.workers [--workers N] [--budget NAME] [--device NAME] [--pace N]` makes a DVC project in a folder
of its own, whose stages sleep for 1 / pace of the seconds that `latentlab plan` gives them, and runs it by
`latentlab run` on so many workers of this machine. It prints the makespan, from the first stage's beginning to the last
one's end, beside what no run could beat: the larger of critical path and work / workers.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.costs import rates
from pipeline.costs.costs import costs
from pipeline.costs.wall import Units
from pipeline.running import record
from tools.plan import committed, sized

SLEEP = """import json, sys, time
from pathlib import Path
name, *part = sys.argv[1:]
time.sleep(json.loads(Path("seconds.json").read_text())["#".join([name, *part[1:]])])
if not part:
    Path(f"out/{name}").write_text(name)
"""


def planned(budget: str, device: str) -> Units:
    """Units of work with their seconds, as `latentlab plan` has them."""
    devices = rates.load()
    content, _ = sized(budget)
    return costs(content, devices[device], devices, committed(devices[device], devices)).units


def lay_out(folder: Path, found: Units, pace: float) -> float:
    """A DVC project with a stage for each of them; the seconds that no run of it could beat by one worker more."""
    seconds = {unit: each / pace for unit, each in found.seconds.items()}
    parts: dict[str, list[str]] = {}
    for unit in seconds:
        stage, _, seed = unit.partition("#")
        parts.setdefault(stage, []).extend([seed] if seed else [])
    stages: dict[str, Any] = {}
    for stage, seeds in parts.items():
        first = f"{stage}#{seeds[0]}" if seeds else stage
        needs = sorted({need.partition("#")[0] for need in found.needs[first]})
        stages[_plain(stage)] = {
            "cmd": f"{sys.executable} -S sleep.py {_plain(stage)}",
            "deps": [f"out/{_plain(need)}" for need in needs],
            "outs": [f"out/{_plain(stage)}"],
            "meta": {"seeds": f"seeds.{_plain(stage)}"} if seeds else {},
        }
        if seeds:
            seconds[stage] = 0.0  # puts them together
    (folder / "out").mkdir()
    (folder / "sleep.py").write_text(SLEEP, encoding="utf-8")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False), encoding="utf-8")
    seeds_of = {_plain(stage): [int(seed) for seed in seeds] for stage, seeds in parts.items() if seeds}
    (folder / "params.yaml").write_text(yaml.safe_dump({"seeds": seeds_of}), encoding="utf-8")
    named = {_plain(unit): each for unit, each in seconds.items()}
    (folder / "seconds.json").write_text(json.dumps(named), encoding="utf-8")
    longest = {
        _plain(stage): max(seconds[f"{stage}#{seed}"] for seed in seeds) for stage, seeds in parts.items() if seeds
    }
    known = {_plain(stage): seconds[stage] for stage, seeds in parts.items() if not seeds} | longest
    record.save(record.Times("simulated", 1, sum(known.values()), known), folder / record.TIMES)
    for command in (("git", "init", "-q"), ("dvc", "init", "-q")):
        subprocess.run(command, cwd=folder, check=True, env=_environment())
    return found.critical()[0] / pace


def _plain(stage: str) -> str:
    """A name without the @ that only stages of a foreach may have."""
    return stage.replace("@", "-")


def _environment() -> Mapping[str, str]:
    return os.environ | {"DVC_NO_ANALYTICS": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def makespan(folder: Path) -> float:
    """Seconds from the first stage's beginning to the last one's end, of the run's log."""
    lines = [json.loads(line) for line in (folder / ".latentlab/run.jsonl").read_text(encoding="utf-8").splitlines()]
    stages = [line for line in lines if "stage" in line]
    last = stages[-1]  # which has no parts, whose seconds would add up
    ended = last["started_seconds"] + last["startup_seconds"] + last["seconds"]
    return float(ended - min(line["started_seconds"] for line in stages))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--budget", default="full")
    parser.add_argument("--device", default="H100")
    parser.add_argument("--pace", type=float, default=30, help="how many times as fast as on the device")
    options = parser.parse_args()
    found = planned(options.budget, options.device)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        critical = lay_out(folder, found, options.pace)
        shared = found.total / options.pace / options.workers
        arguments = ["run", "--workers", str(options.workers), "--threads", "1"]
        said = subprocess.run(
            [sys.executable, "-m", "tools.cli", *arguments],
            cwd=folder,
            env={**_environment(), "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        seconds, least = makespan(folder), max(critical, shared)
        stages = len(yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8"))["stages"])
    print(said.splitlines()[-1])
    print(
        f"{stages} stages in {len(found.seconds)} units on {options.workers} workers, {options.pace:g} times as fast:"
    )
    print(f"critical path {critical:.1f} s, work / workers {shared:.1f} s, makespan {seconds:.1f} s")
    print(f"{100 * (seconds / least - 1):.1f} % above what no run could beat")


if __name__ == "__main__":
    main()
