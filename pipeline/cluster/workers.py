"""Stages' commands on Dask workers: which worker takes which, and what becomes of those whose worker is lost."""

import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.ground.errors import InputError
from pipeline.running.commands import Command, Ended, Events, Files, Line, Lost, Place, Started, Wanted

if TYPE_CHECKING:
    from distributed import Client, Future

    from pipeline.cluster.depot import Depot, Remote
    from pipeline.cluster.settings import Offer
    from pipeline.cluster.work import Facts, Outcome

GONE = 60.0  # seconds without a word of the scheduler, until it is given up
LOOK_EVERY = 1.0  # seconds between two looks at which workers there are
VARIABLES = ("LATENTLAB_", "DVC_STAGE", "DVC_ROOT")  # what of the environment here commands are to have elsewhere


@dataclass
class Worker:
    """A Dask worker that is ready. job: of the command that it runs."""

    address: str
    place: Place
    facts: "Facts"
    job: int | None = None


class Workers:
    """The workers of a Dask cluster, one command at a time each. offers: what workers will come, as far as that is
    known; depot: through which files go where the disk is not shared; remote: the same for workers.

    It chooses the worker itself, as Dask would queue commands that last hours behind each other.
    """

    def __init__(
        self,
        client: "Client",
        root: Path,
        offers: "Sequence[Offer]",
        depot: "Depot | None",
        remote: "Remote | None",
        events: Events,
        modules: bool,
    ) -> None:
        from pipeline.cluster import work

        self.client, self.root, self.events, self.depot = client, root, events, depot
        self.gpus = any(offer.gpu for offer in offers)
        self.memory = max((offer.memory or 0 for offer in offers), default=0)
        self.workers: dict[str, Worker] = {}
        self.futures: dict[int, Future[Outcome | str] | None] = {}  # None until it is asked for
        self.faults: dict[str, str] = {}  # why workers are of no use, by address
        self.seen = time.monotonic()  # when the scheduler last said who is there
        self.lock, self.closing = threading.RLock(), threading.Event()
        self.token = root / ".latentlab" / f"run-{uuid.uuid4().hex}"
        self.token.parent.mkdir(exist_ok=True)
        for left in self.token.parent.glob("run-*"):  # by killed runs: DVC's lock lets no other run live
            left.unlink()
        self.token.touch()
        client.register_plugin(work.Stages(root, self.token, modules, remote))
        client.subscribe_topic(self.token.name, self._heard)
        self._look()
        self.watch = threading.Thread(target=self._watch, daemon=True)
        self.watch.start()

    @property
    def places(self) -> int:
        return max(1, len(self.workers))

    def room(self, wanted: Wanted) -> bool:
        with self.lock:
            if not self.workers and self.faults and not self.futures:
                raise InputError(next(iter(self.faults.values())))
            if self.client.status in ("closed", "closing") or time.monotonic() - self.seen > GONE:
                raise InputError("Dask's scheduler is gone; the same command goes on where it can")
            return self._pick(wanted) is not None

    def start(self, job: int, command: Command, wanted: Wanted, files: Files) -> Place:
        with self.lock:
            worker = self._pick(wanted)
            assert worker is not None
            worker.job, self.futures[job] = job, None
        theirs = {key: value for key, value in command.environment.items() if key.startswith(VARIABLES)}
        command = replace(command, environment=theirs)
        threading.Thread(target=self._run, args=(job, command, files, worker), daemon=True).start()
        return worker.place

    def signal(self, number: int) -> None:
        from pipeline.cluster import work

        with self.lock:
            busy = [worker.address for worker in self.workers.values() if worker.job is not None]
        if busy:
            self.client.run(work.send, self.token.name, number, workers=busy, on_error="ignore", wait=False)

    def close(self) -> None:
        self.closing.set()
        self.watch.join()
        with self.lock:
            futures = [future for future in self.futures.values() if future is not None]
            self.futures.clear()
        with suppress(Exception):  # the scheduler may be gone
            self.client.cancel(futures)
            self.client.unregister_worker_plugin(self.token.name)
        self.token.unlink(missing_ok=True)

    def _pick(self, wanted: Wanted) -> Worker | None:
        """A free worker for a command: the least that will do, so that GPUs and memory are left to those that need
        them. Raises InputError where none ever will.
        """
        alike = [each for each in self.workers.values() if wanted.machine in (None, each.place.machine)]
        having = [each for each in alike or self.workers.values() if each.facts.gpus >= wanted.gpus or not self.gpus]
        fit = [each for each in having if each.facts.memory >= wanted.memory]
        most = max([self.memory, *(each.facts.memory for each in having)])
        if having and wanted.memory > most and not self.futures:
            raise InputError(
                f"dvc.yaml: meta.memory_gib: expected at most the {most / 2**30:.1f} GiB that the largest worker has, "
                f"found {wanted.memory / 2**30:g}"
            )
        free = [each for each in fit if each.job is None]
        return min(free, key=lambda each: (each.facts.gpus, each.facts.memory, each.address), default=None)

    def _run(self, job: int, command: Command, files: Files, worker: Worker) -> None:
        """In a thread of its own: a command from its asking to its end."""
        from distributed import CancelledError, KilledWorker

        from pipeline.cluster import work

        try:
            objects: Mapping[str, str] = {}
            if not worker.facts.shared:
                assert self.depot is not None
                others = [path for path in files.inputs if not path.startswith(tuple(f"{each}/" for each in work.CODE))]
                # Outputs that are there are those of a stage's commands before this one
                inputs = dict.fromkeys([*work.CODE, *others, *files.outputs, *work.kept(self.root, files.state)])
                objects = self.depot.put(self.root, [path for path in inputs if (self.root / path).exists()])
            key = f"{command.text}-{uuid.uuid4().hex}"
            options: dict[str, Any] = {"workers": [worker.address], "pure": False, "key": key, "retries": 0}
            with self.lock:
                if job not in self.futures:  # its worker was lost meanwhile
                    return
                future = self.client.submit(work.execute, self.token.name, job, command, files, objects, **options)
                self.futures[job] = future
            outcome = future.result()
            if isinstance(outcome, str):
                raise InputError(outcome)
            if self.depot and outcome.objects:
                self.depot.get(self.root, outcome.objects)
            for line in outcome.lines:
                self.events.put(Line(job, line))
            self._end(job, worker, Ended(job, outcome.status, outcome.cpu_seconds))
        except InputError as error:
            self.events.put(Line(job, f"error: {error}"))
            self._end(job, worker, Ended(job, 1, None))
        except (CancelledError, KilledWorker, OSError):  # of Dask: the worker is gone, or the scheduler
            self._end(job, worker, Lost(job, worker.place.name))
        except Exception as error:  # of a worker where something else is installed
            self.events.put(Line(job, f"worker {worker.place.name}: {type(error).__name__}: {error}"))
            self._end(job, worker, Ended(job, 1, None))

    def _end(self, job: int, worker: Worker, event: Ended | Lost) -> None:
        """Tells how a command ended, once."""
        with self.lock:
            if self.futures.pop(job, self) is self:
                return
            worker.job = None
            if isinstance(event, Lost):
                self.workers.pop(worker.address, None)
        self.events.put(event)

    def _heard(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """What commands print; in Dask's own thread."""
        _, message = event
        if message.get("began"):
            self.events.put(Started(message["job"]))
        for line in message.get("lines", ()):
            self.events.put(Line(message["job"], line))

    def _watch(self) -> None:
        while not self.closing.wait(LOOK_EVERY):
            with suppress(Exception):  # for a while the scheduler may have no time, or be gone: see `room`
                self._look()

    def _look(self) -> None:
        """Takes in workers that are new, and gives up those that are gone."""
        from pipeline.cluster import work

        there = self.client.scheduler_info()["workers"]
        self.seen = time.monotonic()
        with self.lock:
            gone = [worker for address, worker in self.workers.items() if address not in there]
            new = [address for address in there if address not in self.workers and address not in self.faults]
        for worker in gone:
            with self.lock:
                self.workers.pop(worker.address, None)
                future = self.futures.get(worker.job) if worker.job is not None else None
            if worker.job is not None:
                self._end(worker.job, worker, Lost(worker.job, worker.place.name))
            if future is not None:
                self.client.cancel([future])
        found = self.client.run(work.facts, self.token.name, workers=new, on_error="return") if new else {}
        for address, facts in found.items():
            if isinstance(facts, work.Facts):  # else it is not ready, or gone already
                self._arrived(address, str(there[address]["name"]), facts)

    def _arrived(self, address: str, name: str, facts: "Facts") -> None:
        if not facts.shared and self.depot is None:
            self.faults[address] = (
                f"worker {name}: does not see {self.root}, and the project has no DVC remote to send files through; "
                "`dvc remote add -d NAME URL` adds one"
            )
            return
        machine = f"{facts.machine}, {facts.threads} thread{'s' if facts.threads > 1 else ''}"
        with self.lock:
            self.gpus = self.gpus or facts.gpus > 0
            self.workers[address] = Worker(address, Place(name, machine, facts.threads), facts)
