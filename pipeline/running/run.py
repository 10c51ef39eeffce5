"""One run: starts stages when what they need is done, keeps what they made, shows and records how long it takes."""

import queue
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from statistics import mean

from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.running import schedule
from pipeline.running.clock import Clock
from pipeline.running.commands import Command, Commands, Ended, Event, Events, Line, Lost, Started, Wanted
from pipeline.running.declared import Declared, declared
from pipeline.running.jobs import Job, Task
from pipeline.running.record import Log, Times, span
from pipeline.running.screen import Now, Row, Screen
from pipeline.running.tracked import Tracked
from pipeline.running.waiting import Waiting

APART = 10  # times what it takes to write dvc.lock: until it is written again; a killed run forgets what ended since
GRACE = ((signal.SIGINT, 10.0), (signal.SIGTERM, 3.0))  # seconds after each, before what still runs is killed
LOSSES = 5  # places that a command may lose before it is taken to be what ends them
SHOWN = 0.25  # seconds between two looks at the screen


class Run:
    """A run of stages. begin: opens what runs commands, told whether any is a module; done: called with each stage that
    has succeeded, for lines to show of it; keep_going: a failure stops only what needs what failed; parts: stages that
    can be done in parts are.
    """

    def __init__(
        self,
        tracked: Tracked,
        times: Times | None,
        begin: Callable[[Events, bool], Commands],
        log: Log,
        screen: Screen,
        done: Callable[[str], Iterable[str]],
        keep_going: bool = False,
        parts: bool = False,
    ) -> None:
        self.tracked, self.times, self.log, self.screen, self.done = tracked, times, log, screen, done
        self.open, self.keep_going, self.split = begin, keep_going, parts
        self.events: Events = queue.Queue()
        self.commands: Commands | None = None
        self.changed: set[str] = set()  # known to have changed
        self.running: dict[str, Job] = {}
        self.tasks: dict[int, Task] = {}
        self.declared: dict[str, Declared] = {}
        self.finished: dict[str, float] = {}  # seconds of each stage that ran
        self.losses: dict[tuple[str, str], int] = {}  # places that each command has lost
        self.overhead: list[float] = []
        self.failed: dict[str, str] = {}
        self.begun = self.asked = self.unchanged = self.restored = 0
        self.spared: list[str] = []  # stages that what ran before them left as they were
        self.stopping, self.seconds = False, 0.0
        self.written = self.writing = 0.0  # when dvc.lock was last written, and seconds that it took
        self.shown = self.showing = 0.0  # the same of the screen
        self.clock = Clock(self.left)
        self.place = schedule.ranks(tracked.names, tracked.needs, times.stages if times else {})
        self.waiting = Waiting(tracked.needs, self.place, lambda name: self.declared[name].wanted)

    def __call__(self) -> None:
        """Runs all that has changed, until a stage fails or it is stopped; `conclude` tells."""
        try:
            self._survey()
            with _stoppable(self):
                try:
                    self._work()
                finally:
                    self._write()
        finally:
            if self.commands:
                self.commands.close()
        self.seconds = time.monotonic() - self.log.start
        self.log.write({"total_seconds": self.seconds, "ran": len(self.finished)})

    def _work(self) -> None:
        while not self.stopping:
            self._fill()
            if not self.running and not self._more():
                return
            if time.monotonic() - self.written > APART * self.writing:
                self._write()
            self._hear()
        self._stop()

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
        found: dict[str, None] = {}
        for name in self.tracked.names:
            if not self.tracked.needs[name].isdisjoint(found):
                found[name] = None
            elif self.tracked.changed(name):
                self.changed.add(name)
                found[name] = None
                self._opened()
            else:
                self.unchanged += 1
        content = params.load() if params.PARAMS.exists() else {}
        self.declared = {name: declared(name, self.tracked.stages[name].meta, content) for name in found}
        self.waiting.fill(found)
        if found:
            self.screen.say(self._beginning())

    def _beginning(self) -> str:
        at_once = self._opened().places
        said = f"{len(self.waiting)} of {len(self.tracked.names)} stages to run, {at_once} at a time"
        if not self.times:
            return f"{said}; how long they take is not known before some are done"
        left = self.left(time.monotonic())
        about = f"; about {span(left)}, if this machine is as fast as the committed run's" if left is not None else ""
        return f"{said}{about} ({span(self.times.seconds)} in all, {self.times.machine})"

    def _opened(self) -> Commands:
        """What runs commands; it starts when the first is certain, to be ready when DVC has looked at all others."""
        if not self.commands:
            modules = any(Command(str(each.cmd), (), "", {}).module for each in self.tracked.stages.values())
            self.commands = self.open(self.events, modules)
        return self.commands

    def _fill(self) -> None:
        """Starts commands of stages that have begun, then begins others, as long as there is room."""
        full: set[Wanted] = set()  # what there is no room for any more

        def room(wanted: Wanted) -> bool:
            if wanted not in full and not self._opened().room(wanted):
                full.add(wanted)
            return wanted not in full

        for job in sorted(self.running.values(), key=lambda job: self.place[job.stage]):
            while (commands := job.waiting()) and not job.failed and room(job.wanted()):
                self._start(job, commands)
        while not self.stopping and (self.keep_going or not self.failed):
            stage = self.waiting.pop(room)
            if stage is None:
                return
            self._begin(stage)

    def _more(self) -> bool:
        """Whether a stage will start as soon as there is room: workers may yet come."""
        return self.waiting.any_ready and (self.keep_going or not self.failed)

    def _begin(self, name: str) -> None:
        start = time.monotonic()
        try:
            found = self.tracked.begin(name) if name in self.changed or self.tracked.changed(name) else "unchanged"
        except InputError as error:
            self.failed[name] = str(error)
            self.screen.say(f"{name} failed: {error}")
            return
        if isinstance(found, str):
            self.waiting.settled(name)
            self.restored += found == "restored"
            if found != "restored":
                self.unchanged += 1
                self.spared.append(name)
            self.screen.say(f"{name}: {'restored from the run cache' if found == 'restored' else found}")
            if found == "restored":
                self.screen.say(*self.done(name))
            return
        self.begun += 1
        parts = self.declared[name].parts(found[0]) if self.split and len(found) == 1 else []
        now = time.monotonic()
        job = Job(name, self.begun, deque(parts), deque(found), now - start, now, self.declared[name])
        self.running[name] = job
        self._start(job, job.waiting())

    def _start(self, job: Job, commands: deque[Command]) -> None:
        part = commands is job.parts
        command, now = commands.popleft(), time.monotonic()
        self.asked += 1
        files = self.tracked.files(job.stage, job.declared.state, part)
        place = self._opened().start(self.asked, command, job.wanted(), files)
        job.machine = job.machine or place.machine
        job.tasks.add(self.asked)
        self.tasks[self.asked] = Task(job, command, place, part, now)

    def _hear(self) -> None:
        """Waits for an event, not for long, and does what follows from it and from those that came with it."""
        try:
            event: Event | None = self.events.get(timeout=SHOWN)
            while event:
                self._happened(event)
                event = None if self.events.empty() else self.events.get()
        except queue.Empty:
            pass
        now = time.monotonic()
        if now - self.shown > max(SHOWN, APART * self.showing):
            self.screen.update(self._now())
            self.shown = time.monotonic()
            self.showing = self.shown - now

    def _happened(self, event: Event) -> None:
        task = self.tasks.get(event.job)
        if not task:  # what an ended stage left in the background has printed
            return
        job = task.job
        if isinstance(event, Line):
            job.lines.append(event.text)
            task.line = event.text
            self.screen.hear(job.stage, f"[{job.number}/{self.total}]", event.text)
        elif isinstance(event, Started):
            task.began = event.at
            job.startup += event.at - task.asked
        else:
            job.tasks.remove(event.job)
            del self.tasks[event.job]
            self._lost(task, event) if isinstance(event, Lost) else self._ended(task, event)
            if job.failed and not job.tasks:
                self._fail(job)

    def _lost(self, task: Task, event: Lost) -> None:
        """The command runs again elsewhere, unless it seems to be what ends places; a stage goes on from its state."""
        job, key = task.job, (task.job.stage, task.command.text)
        self.losses[key] = self.losses.get(key, 0) + 1
        self.log.write({"lost": job.stage, "command": task.command.text, "worker": event.place})
        if self.losses[key] >= LOSSES:
            job.failed = f"`{task.command.text}` lost {LOSSES} workers; is there enough memory?"
            return
        (job.parts if task.part else job.then).appendleft(task.command)
        if not job.tasks:
            job.machine = None
        self.screen.say(f"{job.stage}: {event.place} is lost; it goes on elsewhere")

    def _write(self) -> None:
        start = time.monotonic()
        if self.tracked.unwritten:
            self.tracked.write()
            self.written = time.monotonic()
            self.writing = self.written - start

    def _ended(self, task: Task, event: Ended) -> None:
        job = task.job
        seconds = task.elapsed(event.at)
        job.seconds += seconds
        job.cpu = None if job.cpu is None or event.cpu_seconds is None else job.cpu + event.cpu_seconds
        if task.place.name:
            facts = {"worker": task.place.name, "machine": task.place.machine, "threads": task.place.threads}
            self.log.write({"command": task.command.text, **facts, "seconds": seconds})
        if event.status:
            job.failed = job.failed or f"`{task.command.text}` {event.words}"
        elif not job.waiting() and not job.tasks and not job.failed:
            self._done(job)

    def _done(self, job: Job) -> None:
        start = time.monotonic()
        try:
            self.tracked.finish(job.stage)
        except InputError as error:
            job.failed = str(error)
            return
        del self.running[job.stage]
        self.finished[job.stage] = job.seconds
        self.waiting.settled(job.stage)
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

    def _fail(self, job: Job) -> None:
        del self.running[job.stage]
        if self.stopping:
            self.waiting.back(job.stage)
            return
        self.failed[job.stage] = job.failed
        self.screen.say(f"{job.stage} failed; the last it printed:", *(f"    {line}" for line in job.lines))
        if self.keep_going:
            self.screen.say("what does not need it goes on")
        elif self.running:
            self.screen.say(f"nothing new starts; {', '.join(self.running)} may finish")

    def _stop(self) -> None:
        """Asks what runs to end; what has ended well meanwhile is kept."""
        for number, seconds in GRACE:
            if self.commands and self.tasks:
                self.commands.signal(number)
            end = time.monotonic() + seconds
            while self.tasks and time.monotonic() < end:
                self._hear()

    def _now(self) -> Now:
        now = time.monotonic()
        rows = [Row(task.job.stage, task.place.name, task.elapsed(now), task.line) for task in self.tasks.values()]
        return Now(rows, len(self.finished), self.total, now - self.log.start, self.clock.left(now))

    def left(self, now: float) -> float | None:
        """Seconds until all is done; None where nothing is known of any stage."""
        known = self.times.stages if self.times else self.finished
        if not known:
            return None
        wanted = schedule.expected(self.tracked.names, known)
        done = [(seconds, wanted[stage]) for stage, seconds in self.finished.items()]
        sofar = {job.stage: job.seconds for job in self.running.values()}
        for task in self.tasks.values():
            sofar[task.job.stage] += task.elapsed(now)
        factor = schedule.speed(done, [(seconds, wanted[stage]) for stage, seconds in sofar.items()]) or 1.0
        dvc = mean(self.overhead) if self.overhead else 0.0
        waiting = {stage: factor * wanted[stage] + dvc for stage in self.waiting.names}
        running = {stage: max(0.0, factor * wanted[stage] - seconds) + dvc for stage, seconds in sofar.items()}
        places = self.commands.places if self.commands else 1
        return schedule.seconds_left(waiting, running, self.tracked.needs, self.place, max(1, places))


@contextmanager
def _stoppable(run: Run) -> Iterator[None]:
    """Ctrl-C and SIGTERM stop between two steps only: DVC must not be left amid writing its lock file."""

    def stop(*_: object) -> None:
        run.stopping = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
