"""Stages that have begun, and their commands that run."""

from collections import deque
from dataclasses import dataclass, field

from pipeline.running.commands import Command, Place, Wanted
from pipeline.running.declared import Declared

KEPT = 20  # lines of output of a stage that are shown again when it fails


@dataclass
class Job:
    """A stage that has begun. parts: commands any of which may start; then: those that follow, one after another.

    number: of its kind, as it is shown; seconds, startup: of its commands that have ended, and until their code began;
    dvc: spent on it in this process; machine: of the first command's place, where the others must run as well.
    """

    stage: str
    number: int
    parts: deque[Command]
    then: deque[Command]
    dvc: float
    first: float
    declared: Declared = field(default_factory=Declared)
    tasks: set[int] = field(default_factory=set)
    machine: str | None = None
    seconds: float = 0.0
    startup: float = 0.0
    cpu: float | None = 0.0
    failed: str = ""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))

    def wanted(self) -> Wanted:
        return self.declared.wanted if self.machine is None else self.declared.wanted.on(self.machine)

    def waiting(self) -> deque[Command]:
        """The commands of which the first may start now; empty where those that run must end before."""
        return self.parts if self.parts or self.tasks else self.then


@dataclass
class Task:
    """A command of a job that runs. part: it is one of several that may; asked: when it was asked for; began: when its
    own code did.
    """

    job: Job
    command: Command
    place: Place
    part: bool
    asked: float
    began: float | None = None
    line: str = ""

    def elapsed(self, now: float) -> float:
        return now - self.began if self.began is not None else 0.0
