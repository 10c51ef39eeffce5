"""One run: starts stages when what they need is done, keeps what they made, shows and records how long it takes."""

import queue
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

from pipeline.ground.errors import InputError
from pipeline.running import commands, schedule
from pipeline.running.commands import Command, Commands, Ended, Events, Line, Started
from pipeline.running.record import Log, Times, span
from pipeline.running.screen import Now, Screen
from pipeline.running.tracked import Tracked

KEPT = 20  # lines of output of a stage that are shown again when it fails
APART = 10  # times what it takes to write dvc.lock: until it is written again; a killed run forgets what ended since
GRACE = ((signal.SIGINT, 10.0), (signal.SIGTERM, 3.0))  # seconds after each, before what still runs is killed


@dataclass
class Job:
    """A stage that runs. todo: its commands after the one that runs; asked: when that was; began: when its code did.

    seconds, startup: of its commands that have ended, and until their code began; dvc: spent on it in this process.
    """

    stage: str
    number: int
    todo: deque[Command]
    dvc: float
    first: float
    asked: float = 0.0
    began: float | None = None
    seconds: float = 0.0
    startup: float = 0.0
    cpu: float | None = 0.0
    command: str = ""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))

    def elapsed(self, now: float) -> float:
        return self.seconds + (now - self.began if self.began is not None else 0.0)


class Run:
    """A run of stages. done: called with each stage that has succeeded, for lines to show of it."""

    def __init__(
        self,
        tracked: Tracked,
        times: Times | None,
        jobs: int,
        log: Log,
        screen: Screen,
        done: Callable[[str], Iterable[str]],
    ) -> None:
        self.tracked, self.times, self.jobs, self.log, self.screen, self.done = tracked, times, jobs, log, screen, done
        self.events: Events = queue.Queue()
        self.server: Commands | None = None
        self.changed: set[str] = set()  # known to have changed
        self.waiting: list[str] = []
        self.running: dict[int, Job] = {}
        self.finished: dict[str, float] = {}  # seconds of each stage that ran
        self.overhead: list[float] = []
        self.failed: dict[str, str] = {}
        self.begun = self.unchanged = self.restored = 0
        self.spared: list[str] = []  # stages that what ran before them left as they were
        self.stopping, self.seconds = False, 0.0
        self.written = self.writing = 0.0  # when dvc.lock was last written, and seconds that it took
        self.place = schedule.ranks(tracked.names, tracked.needs, times.stages if times else {})

    def __call__(self) -> None:
        """Runs all that has changed, until a stage fails or it is stopped; `conclude` tells."""
        with self._stoppable():
            try:
                self._survey()
                while not self.stopping:
                    self._fill()
                    if not self.running:
                        break
                    if time.monotonic() - self.written > APART * self.writing:
                        self._write()
                    self._hear()
                if self.stopping:
                    self._stop()
            finally:
                if self.server:
                    self.server.close()
                self._write()
        self.seconds = time.monotonic() - self.log.start
        self.log.write({"total_seconds": self.seconds, "ran": len(self.finished)})

    def conclude(self) -> str:
        """What was done, in words. Raises KeyboardInterrupt when it was stopped, InputError when a stage failed."""
        if self.stopping and (self.waiting or self.running):
            raise KeyboardInterrupt
        if self.failed:
            left = f"; {len(self.waiting)} stages that were to follow did not run" if self.waiting else ""
            raise InputError("; ".join(f"{stage}: {why}" for stage, why in self.failed.items()) + left)
        if not self.finished and not self.restored:
            return "everything is up to date"
        restored = f", {self.restored} restored from the run cache" if self.restored else ""
        return f"{len(self.finished)} stages ran{restored}, {self.unchanged} unchanged, in {span(self.seconds)}"

    @property
    def total(self) -> int:
        """How many stages run in all, as far as that is known."""
        return len(self.finished) + len(self.running) + len(self.waiting) + len(self.failed)

    def _survey(self) -> None:
        """Finds what must run: what has changed, and, unless it turns out the same, what is made from that."""
        for name in self.tracked.names:
            if self.stopping:
                return
            if self.tracked.needs[name] & set(self.waiting):
                self.waiting.append(name)
            elif self.tracked.changed(name):
                self.changed.add(name)
                self.waiting.append(name)
                self._ready_server()
            else:
                self.unchanged += 1
        if self.waiting:
            self.screen.say(self._beginning())

    def _beginning(self) -> str:
        said = f"{len(self.waiting)} of {len(self.tracked.names)} stages to run, {self.jobs} at a time"
        if not self.times:
            return f"{said}; how long they take is not known before some are done"
        left = self.left(time.monotonic())
        about = f"; about {span(left)}, if this machine is as fast as the committed run's" if left is not None else ""
        return f"{said}{about} ({span(self.times.seconds)} in all, {self.times.machine})"

    def _ready_server(self) -> None:
        """Starts what runs commands when the first is certain, so that it imports while DVC looks at the others."""
        if not self.server:
            modules = any(str(stage.cmd).startswith(commands.MODULE) for stage in self.tracked.stages.values())
            self.server = commands.runner(self.events, Path.cwd(), modules)

    def _fill(self) -> None:
        """Begins stages until all workers have one, as long as any is ready and none has failed."""
        while len(self.running) < self.jobs and not self.failed and not self.stopping:
            pending = {*self.waiting, *(job.stage for job in self.running.values())}
            ready = [name for name in self.waiting if not self.tracked.needs[name] & pending]
            if not ready:
                return
            self._begin(min(ready, key=self.place.__getitem__))

    def _begin(self, name: str) -> None:
        start = time.monotonic()
        try:
            self.waiting.remove(name)
            found = self.tracked.begin(name) if name in self.changed or self.tracked.changed(name) else "unchanged"
        except InputError as error:
            self.failed[name] = str(error)
            return
        if isinstance(found, str):
            self.restored += found == "restored"
            if found != "restored":
                self.unchanged += 1
                self.spared.append(name)
            self.screen.say(f"{name}: {'restored from the run cache' if found == 'restored' else found}")
            if found == "restored":
                self.screen.say(*self.done(name))
            return
        self.begun += 1
        job = Job(name, self.begun, deque(found), time.monotonic() - start, time.monotonic())
        self.running[self.begun] = job
        self._next(job)

    def _next(self, job: Job) -> None:
        assert self.server is not None
        command = job.todo.popleft()
        job.command, job.asked, job.began = command.text, time.monotonic(), None
        self.server.start(job.number, command)

    def _hear(self) -> None:
        """Waits for an event, not for long, and does what follows from it."""
        try:
            event = self.events.get(timeout=0.25)
        except queue.Empty:
            pass
        else:
            job = self.running.get(event.job)
            if not job:  # what an ended stage left in the background has printed
                pass
            elif isinstance(event, Line):
                job.lines.append(event.text)
                self.screen.hear(job.stage, f"[{job.number}/{self.total}]", event.text)
            elif isinstance(event, Started):
                job.began = event.at
                job.startup += event.at - job.asked
            else:
                self._ended(job, event)
        self.screen.update(self._now())

    def _write(self) -> None:
        start = time.monotonic()
        if self.tracked.unwritten:
            self.tracked.write()
            self.written = time.monotonic()
            self.writing = self.written - start

    def _ended(self, job: Job, event: Ended) -> None:
        job.seconds, job.began = job.elapsed(event.at), None
        job.cpu = None if job.cpu is None or event.cpu_seconds is None else job.cpu + event.cpu_seconds
        if event.status == 0 and job.todo:
            self._next(job)
            return
        del self.running[job.number]
        if event.status:
            if self.stopping:
                self.waiting.append(job.stage)
            else:
                self._fail(job, f"`{job.command}` {_ending(event.status)}")
            return
        start = time.monotonic()
        try:
            self.tracked.finish(job.stage)
        except InputError as error:
            self._fail(job, str(error))
            return
        self.finished[job.stage] = job.seconds
        dvc = job.dvc + time.monotonic() - start
        self.overhead.append(dvc)
        self.log.write(
            {
                "stage": job.stage,
                "started_seconds": job.first - self.log.start,
                "seconds": job.seconds,
                "startup_seconds": job.startup,
                "dvc_seconds": dvc,
                "cpu_seconds": job.cpu,
            }
        )
        label = f"[{job.number}/{self.total}] {job.stage}"
        self.screen.say(f"{label}: done in {span(job.seconds)}; {self._now()}", *self.done(job.stage))

    def _fail(self, job: Job, why: str) -> None:
        self.failed[job.stage] = why
        self.screen.say(f"{job.stage} failed; the last it printed:", *(f"    {line}" for line in job.lines))
        if self.running:
            self.screen.say(f"nothing new starts; {', '.join(job.stage for job in self.running.values())} may finish")

    def _stop(self) -> None:
        """Asks what runs to end; what has ended well meanwhile is kept."""
        for number, seconds in GRACE:
            if self.server and self.running:
                self.server.signal(number)
            end = time.monotonic() + seconds
            while self.running and time.monotonic() < end:
                self._hear()

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM stop between two steps only: DVC must not be left amid writing its lock file."""

        def stop(*_: object) -> None:
            self.stopping = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _now(self) -> Now:
        now = time.monotonic()
        running = {job.stage: (job.elapsed(now), job.lines[-1] if job.lines else "") for job in self.running.values()}
        return Now(running, len(self.finished), self.total, now - self.log.start, self.left(now))

    def left(self, now: float) -> float | None:
        """Seconds until all is done; None where nothing is known of any stage."""
        known = self.times.stages if self.times else self.finished
        if not known:
            return None
        wanted = schedule.expected(self.tracked.names, known)
        done = [(seconds, wanted[stage]) for stage, seconds in self.finished.items()]
        sofar = {job.stage: job.elapsed(now) for job in self.running.values()}
        factor = schedule.speed(done, [(seconds, wanted[stage]) for stage, seconds in sofar.items()]) or 1.0
        dvc = mean(self.overhead) if self.overhead else 0.0
        waiting = {stage: factor * wanted[stage] + dvc for stage in self.waiting}
        running = {stage: max(0.0, factor * wanted[stage] - seconds) + dvc for stage, seconds in sofar.items()}
        return schedule.seconds_left(waiting, running, self.tracked.needs, self.place, self.jobs)


def _ending(status: int) -> str:
    return f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
