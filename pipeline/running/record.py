"""How long stages took: this run's log, and the committed run's seconds, which the clock starts from."""

import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipeline.ground.errors import InputError
from pipeline.ground.files import write_json

TIMES = Path("results/times.json")
LOG = Path(".latentlab/run.jsonl")


@dataclass(frozen=True)
class Times:
    """A whole run of all stages. seconds: of the run; jobs: how many stages ran at a time; stages: seconds of each;
    seeds: how many each experiment had, empty in older files.
    """

    machine: str
    jobs: int
    seconds: float
    stages: Mapping[str, float]
    seeds: Mapping[str, int] = field(default_factory=dict)


def load(path: Path = TIMES) -> Times | None:
    """The committed run's times; None where there are none. Raises InputError when they cannot be read."""
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        stages = {str(stage): float(seconds) for stage, seconds in content["stages"].items()}
        seeds = {str(name): int(count) for name, count in content.get("seeds", {}).items()}
        return Times(str(content["machine"]), int(content["jobs"]), float(content["seconds"]), stages, seeds)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: expected machine, jobs, seconds and each stage's seconds, found {error}") from None


def save(times: Times, path: Path = TIMES) -> None:
    """Writes a run's times, rounded: nobody needs more, and they are compared in git."""
    stages = {stage: round(seconds, 1) for stage, seconds in times.stages.items()}
    content = {**asdict(times), "seconds": round(times.seconds), "stages": stages}
    write_json(path, content)


class Log:
    """A run's log, one JSON object a line; an earlier run's is gone."""

    def __init__(self, path: Path, jobs: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.start = path, time.monotonic()
        path.write_text("", encoding="utf-8")
        versions = {name: _version(name) for name in ("dvc", "torch", "latentlab")}
        self.write(
            {"machine": machine(), "cores": cores(), "jobs": jobs, "python": platform.python_version(), **versions}
        )

    def write(self, line: Mapping[str, Any]) -> None:
        """Adds a line, with seconds rounded."""
        rounded = {key: round(value, 3) if isinstance(value, float) else value for key, value in line.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(rounded) + "\n")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """Processor, cores and operating system; nothing that names the host. Without torch, unlike `ground.machine`."""
    facts, found = Path("/proc/cpuinfo"), platform.processor() or platform.machine()
    if facts.exists():
        lines = facts.read_text(encoding="utf-8", errors="replace").splitlines()
        found = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), found)
    return f"{found}, {cores()} cores, {platform.system()}"


def span(seconds: float) -> str:
    """`12 s`, `14 min` or `1 h 5 min`."""
    if round(seconds) < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
