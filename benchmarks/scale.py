"""A pipeline of ten thousand stages: what `latentlab repro` and DVC spend on each, and what they hold in memory.

`python -m benchmarks.scale [--experiments 333] [--seeds 10] [--dvc MINUTES] [--folder FOLDER]` lays out this project's
own pipeline in a repository of its own, with an experiment's variants in place of those that params.yaml has, and each
of their seeds trained, evaluated and drawn by three stages of its own. No command runs: each stage's outputs are
written as small files, so that what is left is the time of the process that schedules. All seconds are CPU seconds but
those of DVC's own commands, which are ended after so many minutes.
"""

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import chdir
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
KEPT = ("pipeline", "stages", "budgets", ".dvc/config", ".dvc/plots", "conclusions.yaml", ".dvcignore", ".gitignore")
KEYS = ("data", "family", "network")  # of an experiment, that dvc.yaml asks for
PARTS = ("changed", "begin", "finish", "write")


def variants(experiments: Mapping[str, Any], count: int, seeds: int) -> dict[str, Any]:
    """So many experiments: those there are, again and again, each time with a larger latent, of so many seeds."""
    found = {}
    for number in range(count):
        name, block = list(experiments.items())[number % len(experiments)]
        again = number // len(experiments)
        found[f"{name}_{again}" if again else name] = deepcopy(dict(block)) | {
            "latent": block["latent"] + again,
            "seeds": list(range(seeds)),
        }
    return found


def lay_out(folder: Path, count: int, seeds: int) -> None:
    """The pipeline with a stage of each kind for each seed of each experiment, committed to git."""
    folder.mkdir(parents=True)
    for name in KEPT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    for path in ROOT.glob("data/*/*/.gitkeep"):
        (folder / path.relative_to(ROOT)).parent.mkdir(parents=True)
        shutil.copy(path, folder / path.relative_to(ROOT))
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8").replace("foreach: ${experiments}", "foreach: ${runs}")
    (folder / "dvc.yaml").write_text(text.replace("experiments.${key}", "experiments.${item.experiment}"), "utf-8")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["experiments"] = variants(params["experiments"], count, seeds)
    params["runs"] = {
        f"{name}_seed{seed}": {"experiment": name, "seed": seed, **{key: block[key] for key in KEYS}}
        for name, block in params["experiments"].items()
        for seed in range(seeds)
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    git = ["git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run([*git, *command], cwd=folder, check=True)


def outputs(stages: Mapping[str, Any]) -> dict[str, list[str]]:
    """The files that each stage is to write: of a folder those that others need, or any."""
    inside: dict[str, list[str]] = {}
    for needed in {dep.def_path for stage in stages.values() for dep in stage.deps}:
        for parent in Path(needed).parents:
            inside.setdefault(str(parent), []).append(needed)
    return {
        name: [
            file
            for path in (out.def_path for out in stage.outs)
            for file in ([path] if Path(path).suffix else inside.get(path, [f"{path}/file"]))
        ]
        for name, stage in stages.items()
    }


def driven(every: int) -> dict[str, float]:
    """Milliseconds a stage of each part of what the scheduling process does; and seconds to open and to close.

    every: stages between two times that dvc.lock is written.
    """
    from pipeline.running.tracked import opened

    seconds = dict.fromkeys(PARTS, 0.0)

    def timed(part: str, *arguments: str) -> Any:
        start = time.process_time()
        found = getattr(tracked, part)(*arguments)
        seconds[part] += time.process_time() - start
        return found

    start = time.process_time()
    ran = 0
    with opened([], force=False) as tracked:
        open_seconds = time.process_time() - start
        files = outputs(tracked.stages)
        for name in tracked.names:
            if not timed("changed", name):
                continue
            if isinstance(timed("begin", name), list):
                for path in map(Path, files[name]):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text("{}" if path.suffix == ".json" else name, encoding="utf-8")
                timed("finish", name)
            ran += 1
            if ran % every == 0:
                timed("write")
        timed("write")
        start = time.process_time()
    number = len(tracked.names)
    return {
        "stages": number,
        "ran": ran,
        "open_seconds": open_seconds,
        **{f"{part}_ms": 1000 * each / number for part, each in seconds.items()},
        "sum_ms": 1000 * sum(seconds.values()) / number,
        "close_seconds": time.process_time() - start,
        "lock_mb": Path("dvc.lock").stat().st_size / 1e6,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def planned(number: int) -> dict[str, float]:
    """Milliseconds that the order and the clock of a run of so many stages take."""
    from pipeline.running import schedule

    kinds = ("train", "evaluate", "figures")
    names = [f"{kind}@{each}" for each in range(number // len(kinds)) for kind in kinds]
    needs = {name: {f"train@{schedule.item(name)}"} - {name} for name in names}
    start = time.process_time()
    place = schedule.ranks(names, needs, {})
    ranked = time.process_time()
    schedule.seconds_left(dict.fromkeys(names, 1.0), {}, needs, place, 64)
    return {"ranks_ms": 1000 * (ranked - start), "seconds_left_ms": 1000 * (time.process_time() - ranked)}


def by_dvc(command: Sequence[str], minutes: float) -> float | None:
    """Seconds that a command of DVC takes; None where it takes longer than so many minutes."""
    start = time.monotonic()
    try:
        environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
        subprocess.run(command, check=True, timeout=60 * minutes, env=environment, stdout=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None
    return time.monotonic() - start


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=333)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--every", type=int, default=1000, help="stages between two times that dvc.lock is written")
    parser.add_argument("--dvc", type=float, default=0.0, metavar="MINUTES", help="for `dvc status`; 0: not measured")
    parser.add_argument("--folder", type=Path, help="where to lay it out, and to leave it")
    options = parser.parse_args()
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "project"
        lay_out(folder, options.experiments, options.seeds)
        with chdir(folder):
            print(f"{processor[1] if processor else 'processor not known'}, {time.strftime('%Y-%m-%d')}", flush=True)
            for title in ("everything runs", "nothing has changed"):
                print(f"{title}: {json.dumps({k: round(v, 2) for k, v in driven(options.every).items()})}", flush=True)
            print(json.dumps({key: round(each, 1) for key, each in planned(10_000).items()}), flush=True)
            if options.dvc:
                print(f"dvc status: {by_dvc(['dvc', 'status'], options.dvc) or 'not done'} s", flush=True)


if __name__ == "__main__":
    main()
