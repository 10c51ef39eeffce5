"""What a Dask worker does for a run: commands of stages, forked from a process that stays warm.

A worker runs one command at a time, with as many threads as it has. Dask's own processes never import torch.
"""

import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from distributed import Worker, WorkerPlugin, get_worker
from distributed.system import MEMORY_LIMIT

from pipeline.ground.errors import InputError
from pipeline.running.commands import Command, Ended, Events, Files, Line, Started, Wanted, runner
from pipeline.running.record import machine

if TYPE_CHECKING:
    from pipeline.cluster.depot import Depot, Remote

NAME: Final = "latentlab"
TELL_EVERY = 0.5  # seconds between two messages about one command
PATIENCE = 10.0  # seconds after SIGTERM, for a command that nobody waits for any more
CODE = ("pipeline", "stages", "params.yaml")  # what commands need besides what their stages are made from
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Facts:
    """What a worker is. memory: bytes that a command may take; shared: whether it sees the project's folder."""

    machine: str
    threads: int
    gpus: int
    memory: int
    shared: bool


@dataclass(frozen=True)
class Outcome:
    """How a command ended. lines: the last it printed, not told before; objects: what it made, in the remote, by path;
    none where the disk is shared.
    """

    status: int
    cpu_seconds: float | None
    lines: Sequence[str]
    objects: Mapping[str, str]


class Stages(WorkerPlugin):
    """Runs commands on a worker.

    root: the project's folder; token: a file in it, that tells whether a worker sees the same disk, and whose name is
    the run's: that of the plug-in, and of the topic of Dask's events for what commands print; modules: whether any
    command is a stage of ours; remote: through which files go to and from workers that do not see the disk.
    """

    def __init__(self, root: Path, token: Path, modules: bool, remote: "Remote | None") -> None:
        self.root, self.token, self.modules, self.remote = root, token, modules, remote
        self.name = token.name

    def setup(self, worker: Worker) -> None:
        """Called by Dask, on the worker."""
        shared = self.token.exists()
        self.worker, self.own = worker, None if shared else Path(tempfile.mkdtemp(prefix="latentlab-"))
        resources = worker.state.total_resources
        memory = int(resources.get("memory") or worker.memory_manager.memory_limit or MEMORY_LIMIT)
        self.facts = Facts(_machine(), worker.state.nthreads, int(resources.get("GPU", 0)), memory, shared)
        self.depot: Depot | None = None
        self.lock = threading.Lock()  # one command at a time, whatever the worker's threads
        self.events: Events = queue.Queue()
        # Read when libraries are loaded, so before they are; and Dask's setting for malloc would halve the speed.
        os.environ.update(dict.fromkeys(THREADS, str(self.facts.threads)))
        os.environ.pop("MALLOC_TRIM_THRESHOLD_", None)
        self.commands = runner(self.own or self.root, 1, self.events, self.modules)

    def teardown(self, worker: Worker) -> None:
        """Called by Dask, when the worker closes or the run ends."""
        self.commands.close()
        if self.depot:
            self.depot.close()
        if self.own:
            shutil.rmtree(self.own, ignore_errors=True)

    def run(self, job: int, command: Command, files: Files, objects: Mapping[str, str]) -> Outcome:
        """Runs a command to its end. objects: its inputs in the remote, where the disk is not shared."""
        with self.lock:
            command = replace(command, environment={**os.environ, **command.environment})
            if not self.own:
                return Outcome(*self._watched(job, command), {})
            depot = self._depot()
            depot.get(self.own, objects)
            for path in set(files.outputs) - objects.keys():  # of an earlier run
                place = self.own / path
                shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
                place.parent.mkdir(parents=True, exist_ok=True)
            folder = str(self.own / Path(command.folder).relative_to(self.root))
            status, cpu, lines = self._watched(
                job, replace(command, environment={**command.environment, "DVC_ROOT": str(self.own)}, folder=folder)
            )
            made = [] if status else [*files.outputs, *kept(self.own, files.state)]
            return Outcome(status, cpu, lines, depot.put(self.own, made))

    def _depot(self) -> "Depot":
        """One for all commands; workers of one machine share what they have fetched."""
        from pipeline.cluster.depot import of_worker

        if self.depot is None:
            assert self.remote is not None
            self.depot = of_worker(self.remote, Path(tempfile.gettempdir()) / f"{NAME}-{os.getuid()}")
        return self.depot

    def _watched(self, job: int, command: Command) -> tuple[int, float | None, list[str]]:
        """Its status, seconds of computing, and the lines not told yet. It ends, too, when nobody waits for it."""
        key, lines, told = self.worker.get_current_task(), list[str](), 0.0
        asked: float | None = None
        self.commands.start(job, command, Wanted(), files=Files())
        while True:
            with suppress(queue.Empty):
                event = self.events.get(timeout=TELL_EVERY)
                if isinstance(event, Started):
                    self.worker.log_event(self.name, {"job": job, "began": True})
                elif isinstance(event, Line) and event.job == job:
                    lines.append(event.text)
                elif isinstance(event, Ended) and event.job == job:
                    return event.status, event.cpu_seconds, lines
            if lines and time.monotonic() - told > TELL_EVERY:
                self.worker.log_event(self.name, {"job": job, "lines": lines})
                lines, told = [], time.monotonic()
            task = self.worker.state.tasks.get(key)
            if task is None or task.state in ("cancelled", "released", "forgotten"):
                asked = asked or time.monotonic()
                late = time.monotonic() - asked > PATIENCE
                self.commands.signal(signal.SIGKILL if late else signal.SIGTERM)


def kept(root: Path, state: str | None) -> list[str]:
    """The folders of a stage's state, which one command leaves and another goes on from."""
    return (
        [] if state is None else [f"{state}/{path.name}" for path in sorted((root / state).glob("*")) if path.is_dir()]
    )


def execute(run: str, job: int, command: Command, files: Files, objects: Mapping[str, str]) -> Outcome | str:
    """A Dask task: runs a command by a run's plug-in; what is wrong, in words, where it could not run."""
    try:
        return _plugin(run, get_worker()).run(job, command, files, objects)
    except InputError as error:
        return str(error)


def facts(run: str, dask_worker: Worker) -> Facts:
    """For `Client.run`."""
    return _plugin(run, dask_worker).facts


async def send(run: str, number: int, dask_worker: Worker) -> None:
    """For `Client.run`, which waits for no answer of a coroutine: sends a signal to all processes of the command."""
    _plugin(run, dask_worker).commands.signal(number)


def _plugin(run: str, worker: Worker) -> Stages:
    plugin = worker.plugins[run]
    assert isinstance(plugin, Stages)
    return plugin


def _machine() -> str:
    """The processor, and the GPU that this worker sees."""
    if not (visible := os.environ.get("CUDA_VISIBLE_DEVICES")):
        return machine()
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader", "-i", visible]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return f"{machine()}, a GPU"
    return ", ".join([machine(), *found])
