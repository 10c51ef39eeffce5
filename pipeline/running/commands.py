"""Commands at the same time, their output and their ends as events. No torch here: see `pipeline.console.forking`."""

import json
import os
import queue
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Protocol

# What stages import slowly; nothing of the project, which may be edited while others run.
SLOW = ["torch", "torch._dynamo", "safetensors.torch", "scipy.optimize", "scipy.stats", "matplotlib.figure"]
SLOW += ["pydantic", "rich.progress", "typer", "yaml"]
MODULE = "python -m stages."
SHELL = frozenset("|&;<>()$`\\\"'*?[]#~=%!{}\n")  # a command that has any of these is a shell's


@dataclass(frozen=True)
class Command:
    """One command. words: what to execute; text: as it stands in dvc.yaml; on Windows the shell is given the text."""

    text: str
    words: Sequence[str]
    folder: str
    environment: Mapping[str, str]

    @property
    def module(self) -> list[str]:
        """A stage's module and its arguments where the command is `python -m stages.NAME ...`; else nothing."""
        plain = re.sub(r" '([\w.-]+)'", r" \1", self.text)  # quotes that change nothing, as round dvc.yaml's names
        return shlex.split(plain)[2:] if plain.startswith(MODULE) and not SHELL & set(plain) else []


@dataclass(frozen=True)
class Wanted:
    """What a command wants of its place. gpus: of the place, where any place has one; memory: bytes that it may take;
    machine: only where a machine is such a one, as the seeds of one experiment round alike on alike processors.
    """

    gpus: int = 0
    memory: int = 0
    machine: str | None = None

    def on(self, machine: str) -> "Wanted":
        return replace(self, machine=machine)


@dataclass(frozen=True)
class Files:
    """What a command is made from and makes, for a place that does not see this disk: paths from the project's root.

    state: a folder whose own folders it may go on from, and adds to.
    """

    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    state: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a command runs: how it is called, what machine it is, and with how many threads; nothing of a run here."""

    name: str = ""
    machine: str = ""
    threads: int | None = None


@dataclass(frozen=True)
class Started:
    """A job's own code begins."""

    job: int
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Line:
    """A line of a job's output."""

    job: int
    text: str


@dataclass(frozen=True)
class Ended:
    """A job's command has ended, and its output is read. status: 0 when it succeeded, -N for signal N."""

    job: int
    status: int
    cpu_seconds: float | None  # of its processes; None where it is not known
    at: float = field(default_factory=time.monotonic)

    @property
    def words(self) -> str:
        return f"was ended by signal {-self.status}" if self.status < 0 else f"ended with status {self.status}"


@dataclass(frozen=True)
class Lost:
    """Where a job's command ran is gone, and what it did with it; it may run again elsewhere."""

    job: int
    place: str
    at: float = field(default_factory=time.monotonic)


Event = Started | Line | Ended | Lost
Events = queue.Queue[Event]


class Commands(Protocol):
    """What runs commands; their events come from other threads."""

    @property
    def places(self) -> int:
        """How many may run at a time, as far as is known now."""

    def room(self, wanted: Wanted) -> bool:
        """Whether such a command would start at once. Raises InputError where it never will."""

    def start(self, job: int, command: Command, wanted: Wanted, files: Files) -> Place:
        """Starts a command for which there is room."""

    def signal(self, number: int) -> None:
        """Sends a signal to all processes of all running commands."""

    def close(self) -> None:
        """Kills what still runs."""


def runner(root: Path, jobs: int, events: Events, modules: bool) -> "Forked | Separate":
    """`jobs` commands at a time, forked where the system can. modules: whether any is a module, which needs the slow
    libraries.
    """
    return Forked(events, root, modules, jobs) if hasattr(os, "fork") else Separate(events, jobs)


class Forked:
    """Commands forked from one process, which kills them however this one ends."""

    def __init__(self, events: Events, root: Path, modules: bool, jobs: int) -> None:
        self.events, self.root, self.places = events, root, jobs
        self.readers: dict[int, threading.Thread] = {}
        self.link, theirs = socket.socketpair()
        words = [sys.executable, "-m", "pipeline.console.forking", str(theirs.fileno()), *(SLOW if modules else [])]
        # A session of its own: Ctrl-C at the terminal reaches this process only, which tells the others.
        given = {"pass_fds": [theirs.fileno()], "stdin": subprocess.DEVNULL, "start_new_session": True}
        self.server = subprocess.Popen(words, cwd=root, **given)  # type: ignore[call-overload]
        theirs.close()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def room(self, wanted: Wanted) -> bool:
        return len(self.readers) < self.places

    def start(self, job: int, command: Command, wanted: Wanted, files: Files) -> Place:
        read, write = os.pipe()
        self.readers[job] = _reader(self.events, job, os.fdopen(read, errors="replace"))
        module = command.module if Path(command.folder) == self.root else []
        what = {"module": module[0], "arguments": module[1:]} if module else {"command": list(command.words)}
        where = {"folder": command.folder, "environment": dict(command.environment)}
        self._send({"job": job, **what, **where}, [write])
        os.close(write)
        return Place()

    def signal(self, number: int) -> None:
        self._send({"signal": number}, [])

    def close(self) -> None:
        with suppress(OSError):  # closed before, or the server is gone
            self.link.shutdown(socket.SHUT_WR)
        self.server.wait()
        self.listener.join()
        self.link.close()

    def _send(self, request: Mapping[str, Any], outputs: list[int]) -> None:
        body = json.dumps(request).encode()
        socket.send_fds(self.link, [len(body).to_bytes(4)], outputs)
        self.link.sendall(body)

    def _listen(self) -> None:
        groups: dict[int, int] = {}
        with self.link.makefile(encoding="utf-8") as messages:
            for message in map(json.loads, messages):
                if "started" in message:
                    groups[message["started"]] = message["process"]
                    self.events.put(Started(message["started"]))
                else:
                    job = message["ended"]
                    del groups[job]
                    self.readers.pop(job).join(1)  # no longer: what it left in the background may hold its output
                    self.events.put(Ended(job, message["status"], message["cpu_seconds"]))
        for group in groups.values():  # the server is gone: killed, unless it was told to close
            with suppress(PermissionError, ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        for job in self.readers:
            self.events.put(Ended(job, -signal.SIGKILL, None))


class Separate:
    """Commands each in a process of its own, where there is no fork: Windows."""

    def __init__(self, events: Events, jobs: int) -> None:
        self.events, self.places = events, jobs
        self.running: dict[int, subprocess.Popen[str]] = {}

    def room(self, wanted: Wanted) -> bool:
        return len(self.running) < self.places

    def start(self, job: int, command: Command, wanted: Wanted, files: Files) -> Place:
        process = subprocess.Popen(
            command.text if os.name == "nt" else command.words,
            shell=os.name == "nt",
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self.running[job] = process
        self.events.put(Started(job))
        assert process.stdout is not None
        reader = _reader(self.events, job, process.stdout)
        threading.Thread(target=self._wait, args=(job, process, reader), daemon=True).start()
        return Place()

    def signal(self, number: int) -> None:
        for process in list(self.running.values()):
            process.send_signal(number if os.name != "nt" else signal.SIGTERM)

    def close(self) -> None:
        for process in list(self.running.values()):
            process.kill()

    def _wait(self, job: int, process: "subprocess.Popen[str]", reader: threading.Thread) -> None:
        status = process.wait()
        reader.join(1)
        del self.running[job]
        self.events.put(Ended(job, status, None))


def _reader(events: Events, job: int, output: IO[str]) -> threading.Thread:
    def read() -> None:
        with output:
            for line in output:
                events.put(Line(job, line.rstrip()))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
