"""Workers as jobs of a batch system: their scripts, and what becomes of them.

dask-jobqueue's clusters hold jobs of one kind. Its jobs are taken by themselves into one `SpecCluster`, which may hold
different ones: some with a GPU, some without.
"""

import asyncio
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipeline.cluster.addresses import Keys
from pipeline.cluster.settings import Batch, Group
from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    from distributed import SpecCluster

SHORT = 60.0  # seconds: a job whose worker lived no longer did not end for its time
STRIKES = 3  # such jobs in a row, before their place is given up
TICK = 10.0  # seconds between two looks at the jobs
THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SUBMIT: Final = {"slurm": "sbatch", "pbs": "qsub", "lsf": "bsub", "sge": "qsub"}
QUEUE: Final = {"slurm": "squeue", "pbs": "qstat", "lsf": "bjobs", "sge": "qstat"}
# Prints the address of this node on the way to the scheduler: nothing is sent, and workers listen on no other.
ADDRESS = "import socket, sys; s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, 2)"
ADDRESS += "; s.connect((sys.argv[1], 9)); print(s.getsockname()[0])"


def check(settings: Batch) -> None:
    """Raises InputError when there is no such batch system here."""
    command = SUBMIT[settings.kind]
    if not shutil.which(command):
        raise InputError(
            f"kind {settings.kind}: expected the command `{command}`, found none on PATH; run this where jobs are"
            " submitted from, such as the cluster's login node"
        )


def specs(
    settings: Batch, host: str, keys: Keys | None, environment: Mapping[str, str], folder: Path
) -> dict[str, dict[str, Any]]:
    """Jobs for a `SpecCluster` by their workers' names. host: the scheduler's; folder: where the project lies."""
    from dask_jobqueue.lsf import LSFJob
    from dask_jobqueue.pbs import PBSJob
    from dask_jobqueue.sge import SGEJob
    from dask_jobqueue.slurm import SLURMJob

    cls = {"slurm": SLURMJob, "pbs": PBSJob, "lsf": LSFJob, "sge": SGEJob}[settings.kind]
    made = {}
    for name, group in settings.jobs.items():
        options = _options(settings, name, group, host, keys, environment, folder)
        for number in range(group.count):
            made[f"{name}-{number}"] = {"cls": cls, "options": options}
    return made


def _options(
    settings: Batch,
    name: str,
    group: Group,
    host: str,
    keys: Keys | None,
    environment: Mapping[str, str],
    folder: Path,
) -> dict[str, Any]:
    """Of a dask-jobqueue job, which takes what is None from Dask's own jobqueue.yaml, if there is one."""
    python = shlex.quote(settings.python or sys.executable)
    threads = dict.fromkeys(THREADS, str(group.threads))
    exports = {**threads, **environment, **({} if group.gpu else {"CUDA_VISIBLE_DEVICES": ""})}
    prologue = [
        f"cd {shlex.quote(str(folder))} || exit 1",
        *settings.prologue,
        *(f"export {key}={shlex.quote(value)}" for key, value in exports.items()),
    ]
    arguments = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--lifetime", f"{group.lifetime}s"]
    if settings.interface:
        arguments += ["--interface", shlex.quote(settings.interface)]
    else:
        prologue.append(f"address=$({python} -c {shlex.quote(ADDRESS)} {shlex.quote(host)}) || exit 1")
        arguments += ["--host", '"$address"']
    if group.gpu:
        arguments += ["--resources", "GPU=1"]
    if keys:
        for option, path in (("ca-file", keys.ca), ("cert", keys.certificate), ("key", keys.key)):
            arguments += [f"--tls-{option}", shlex.quote(str(path))]
    options: dict[str, Any] = {
        "cores": group.threads,
        "memory": group.memory,
        "processes": 1,
        "nanny": True,
        "queue": group.queue,
        "walltime": _walltime(settings.kind, group.walltime),
        "job_name": f"latentlab-{name}",
        "log_directory": settings.logs,
        "python": python,
        "job_script_prologue": prologue,
        "job_extra_directives": [*_gpu(settings.kind, group), *group.directives],
        "job_directives_skip": list(group.skip),
        "worker_extra_args": arguments,
        "interface": "",  # is among the arguments
        "worker_command": "distributed.cli.dask_worker",
        "death_timeout": 300,
    }
    options["account" if settings.kind in ("slurm", "pbs") else "project"] = group.account
    if settings.kind == "pbs" and group.gpu:
        options["resource_spec"] = f"select=1:ncpus={group.threads}:mem={-(-group.memory // 2**20)}MB:ngpus=1"
    return options


def _walltime(kind: str, seconds: int) -> str:
    minutes = -(-seconds // 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}" + ("" if kind == "lsf" else ":00")


def _gpu(kind: str, group: Group) -> list[str]:
    """The option that asks for a GPU, unless the file has one of its own, such as `--gres=gpu:a100:1`."""
    asked = any(word in line for line in group.directives for word in ("gpu", "gres"))
    if not group.gpu or asked:
        return []
    return {"slurm": ["--gres=gpu:1"], "pbs": [], "lsf": ['-gpu "num=1"'], "sge": ["-l gpu=1"]}[kind]


def queued(kind: str, ids: list[str]) -> dict[str, str] | None:
    """What the batch system says of jobs that wait or run; None when it cannot be asked in words that we know."""
    if kind != "slurm" or not ids:
        return None
    command = ["squeue", "--noheader", "--format=%i %T %r", "--jobs", ",".join(ids)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode and "Invalid job id" not in done.stderr:  # what it says of a single job that is long over
        return None
    lines = (line.split(maxsplit=2) for line in done.stdout.splitlines() if line.strip())
    return {parts[0]: " ".join(parts[1:]).lower() for parts in lines}


@dataclass
class Keeper:
    """Submits a job again when one has ended, and says so; gives up a place whose jobs end at once.

    say: called from the cluster's own thread.
    """

    cluster: "SpecCluster"
    kind: str
    logs: str
    say: Callable[[str], None]
    came: dict[str, float] = field(default_factory=dict)  # when the worker of each name did
    seen: dict[str, float] = field(default_factory=dict)  # when it was last there
    strikes: dict[str, int] = field(default_factory=dict)  # by place, such as cpu-0
    refused: set[str] = field(default_factory=set)  # whose job could not be submitted, and why the last one could not
    why: str = ""

    def ids(self) -> dict[str, str]:
        """Names of workers, by the jobs that have been submitted."""
        return {str(job.job_id): name for name, job in list(self.cluster.workers.items()) if job.job_id}

    async def look(self) -> None:
        """One look at all jobs; called again and again by the cluster's loop."""
        from distributed import Status

        if self.cluster.status != Status.running:
            return
        await self._forget()
        for name in sorted(set(self.cluster.worker_spec) - set(self.cluster.workers) - self.refused):
            self._ended(name)
        try:
            await filled(self.cluster)
        except (RuntimeError, OSError, ValueError) as error:
            if (why := reason(error)) != self.why:
                self.say(f"a job could not be submitted, which is tried again: {why}")
                self.why = why
        self.refused = set(self.cluster.worker_spec) - set(self.cluster.workers)

    async def _forget(self) -> None:
        """Forgets jobs whose worker is not there and which the batch system does not know (any more)."""
        now = time.monotonic()
        scheduler: Any = self.cluster.scheduler
        there = {str(worker.name) for worker in scheduler.workers.values()}
        for name in there:
            self.came.setdefault(name, now)
            self.seen[name] = now
        ids = self.ids()
        waiting = [job for job, name in ids.items() if name not in there]
        known = await asyncio.get_running_loop().run_in_executor(None, queued, self.kind, waiting)
        for job in set(waiting) - set(waiting if known is None else known):
            self.cluster.workers.pop(ids[job], None)

    def _ended(self, name: str) -> None:
        """A job is over. The next one in its place has another name: Dask will yet look after the old one's."""
        place, _, number = name.partition("+")
        lived = self.seen.pop(name, 0.0) - self.came.pop(name, 0.0)
        self.strikes[place] = self.strikes.get(place, 0) + 1 if lived < SHORT else 0
        spec = self.cluster.worker_spec.pop(name)
        if self.strikes[place] < STRIKES:
            self.cluster.worker_spec[f"{place}+{int(number or 0) + 1}"] = spec
            self.say(f"the job of {place} has ended; another is submitted")
        else:
            self.say(f"the jobs of {place} ended at once, {STRIKES} in a row; it is given up, see {self.logs}")


async def filled(cluster: "SpecCluster") -> None:
    """Starts what a cluster is to have and has not. Raises what starting raised; such a place is empty again."""
    from distributed import Status

    try:
        await cluster
    except BaseException:
        for name, worker in list(cluster.workers.items()):
            if worker.status == Status.created:
                worker.status = Status.failed  # Dask forgets to, and would not close
                del cluster.workers[name]
        raise


def reason(error: BaseException) -> str:
    """An error of a batch system's command in one line: what the command itself said, if it did."""
    text = str(error)
    said = text.partition("stderr:")[2] or text.partition("stdout:")[2] or text
    return " ".join(said.split())[:500] or type(error).__name__


def lines(state: Mapping[str, str]) -> Iterator[str]:
    """Jobs in words: how many are in each state."""
    for each in sorted(set(state.values())):
        yield f"{list(state.values()).count(each)} {each}"
