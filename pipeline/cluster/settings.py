"""What a cluster file may say: workers of this machine, or jobs of a batch system."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.ground.params import Strict

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
MARGIN = 300  # seconds before its job's time is up in which a worker leaves, or a tenth of that time


def _bytes(value: Any) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([a-zA-Z]+)", value) if isinstance(value, str) else None
    if not found or found[2] not in UNITS or float(found[1]) <= 0:
        raise ValueError(f"expected a size like 16GB or 500MiB, a number and one of {', '.join(UNITS)}")
    return int(float(found[1]) * UNITS[found[2]])


def _seconds(value: Any) -> int:
    """YAML 1.1 reads 12:00:00 without quotes as a number: these seconds."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 60:
        return value
    found = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('expected a time like "08:00:00" or "2-00:00:00" for two days, at least a minute')
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    if (total := ((24 * days + hours) * 60 + minutes) * 60 + seconds) < 60:
        raise ValueError("expected at least a minute")
    return total


Memory = Annotated[int, BeforeValidator(_bytes)]  # bytes
Time = Annotated[int, BeforeValidator(_seconds)]  # seconds
Line = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\n\r]*$")]
Word = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^\S*$")]
Device = Annotated[int, Field(ge=0, le=1023)] | Annotated[str, Field(pattern=r"^(GPU|MIG)-[A-Za-z0-9/-]+$")]
Few = Annotated[int, Field(ge=1, le=4096)]
JobName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$")]


@dataclass(frozen=True)
class Offer:
    """So many workers that are alike. threads: each stage computes with; memory: bytes; gpu: whether each has one."""

    name: str
    count: int
    threads: int
    memory: int | None
    gpu: bool


class Local(Strict):
    """Workers of this machine. gpus: numbers or UUIDs of devices; a worker each, which sees no other.

    workers: so many without a GPU; threads and memory: of each worker, default an even share of this machine's.
    """

    kind: Literal["local"]
    workers: Annotated[int, Field(ge=0, le=4096)] = 0
    gpus: tuple[Device, ...] = ()
    threads: Few | None = None
    memory: Memory | None = None

    @model_validator(mode="after")
    def _some(self) -> "Local":
        if not self.workers and not self.gpus:
            raise ValueError("expected workers of 1 or more, or gpus")
        if len(set(map(str, self.gpus))) < len(self.gpus):
            raise ValueError("expected each GPU once")
        return self

    def offers(self, cores: int) -> tuple[Offer, ...]:
        """What the workers have on a machine with so many cores."""
        threads = self.threads or max(1, cores // (self.workers + len(self.gpus)))
        gpu = Offer("gpu", len(self.gpus), threads, self.memory, True)
        return tuple(each for each in (gpu, Offer("cpu", self.workers, threads, self.memory, False)) if each.count)


class Group(Strict):
    """Jobs that are alike, each of which is one worker.

    gpu: one for each job; account: the account or project that pays; directives: more of the batch system's options,
    such as `--constraint=a100`; skip: lines that contain one of these are left out of the job script.
    """

    count: Few
    threads: Few
    memory: Memory
    walltime: Time
    gpu: bool = False
    queue: Word | None = None
    account: Word | None = None
    directives: tuple[Line, ...] = ()
    skip: tuple[Line, ...] = ()

    @property
    def lifetime(self) -> int:
        """Seconds until a worker leaves, before its job is killed."""
        return self.walltime - min(MARGIN, self.walltime // 10)


class Batch(Strict):
    """Jobs of a batch system. jobs: groups of them by name.

    host or interface: the address of this machine that the nodes reach it by, default its host name's; interface also
    names the workers' own. port: of the scheduler, any if 0. prologue: shell lines before a worker starts. python: on
    the nodes, default the one that runs this. logs: where jobs write. keys: a folder that the nodes see, for TLS.
    wait: minutes for the first worker.
    """

    kind: Literal["slurm", "pbs", "lsf", "sge"]
    jobs: dict[JobName, Group]
    host: Word | None = None
    interface: Word | None = None
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    prologue: tuple[Line, ...] = ()
    python: Line | None = None
    logs: Word = ".latentlab/jobs"
    keys: Line = ".latentlab"
    wait: Annotated[float, Field(gt=0, le=100_000)] = 60.0

    @model_validator(mode="after")
    def _sound(self) -> "Batch":
        if not self.jobs:
            raise ValueError("expected at least one group of jobs")
        if self.host and self.interface:
            raise ValueError("expected host or interface, found both")
        return self

    def offers(self) -> tuple[Offer, ...]:
        """What the workers have, once their jobs have begun."""
        return tuple(Offer(name, g.count, g.threads, g.memory, g.gpu) for name, g in self.jobs.items())


def load(path: Path) -> Local | Batch:
    """A cluster file. Raises InputError naming each wrong key, what it wants and what it found."""
    content = params.load(path)
    kind = content.get("kind")
    if kind not in ("local", "slurm", "pbs", "lsf", "sge"):
        raise InputError(f"{path}: kind: expected one of local, slurm, pbs, lsf, sge, found {kind!r}")
    try:
        if kind == "local":
            return params.parse(Local, content, kind)
        if isinstance(groups := content.get("jobs"), dict):
            for name, group in groups.items():  # each by itself, so that an unknown key is told a group's keys
                params.parse(Group, group, f"{kind}.jobs.{name}")
        return params.parse(Batch, content, kind)
    except InputError as error:
        raise InputError(f"{path}: " + str(error).removeprefix(f"{params.PARAMS}: ")) from None
