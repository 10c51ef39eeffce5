"""Where Dask's scheduler and workers come from: this machine, a batch system, or a scheduler that is already there."""

import logging
import os
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipeline.cluster import addresses, jobs
from pipeline.cluster.agreement import agree
from pipeline.cluster.settings import Batch, Local, Offer, load
from pipeline.ground.errors import InputError
from pipeline.running.record import cores

if TYPE_CHECKING:
    from distributed import Client, Security, SpecCluster

REACH = 15.0  # seconds to reach a scheduler
WAIT = 60.0  # seconds for the first worker of a scheduler that was given
LOGGERS = ("distributed", "distributed.client", "bokeh", "tornado", "tornado.application", "asyncio")
# What Dask would do unasked. Stages are child processes of workers, whose memory is theirs; without its setting for
# malloc, which Dask has for data frames, training on a CPU is twice as fast.
WORKER: Final[Mapping[str, Any]] = {
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False,
    "distributed.diagnostics.nvml": False,
    "distributed.nanny.pre-spawn-environ": {
        "MALLOC_TRIM_THRESHOLD_": None,
        "OMP_NUM_THREADS": None,
        "MKL_NUM_THREADS": None,
        "OPENBLAS_NUM_THREADS": None,
    },
}
SCHEDULER: Final[Mapping[str, Any]] = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    # A worker is away while its nanny starts it again; only then is its job given up.
    "distributed.deploy.lost-worker-timeout": "60s",
}


@dataclass(frozen=True)
class Choice:
    """From the command line: exactly one of workers, scheduler (an address) and file (of a cluster).

    threads: of each of the workers, default an even share of the cores; tls: whether connections are encrypted.
    """

    workers: int | None = None
    threads: int | None = None
    scheduler: str | None = None
    file: Path | None = None
    tls: bool = True


def environment() -> dict[str, str]:
    """`WORKER` as variables, for workers that others start: see docs/cluster.md."""
    return {"DASK_" + key.upper().replace(".", "__").replace("-", "_"): repr(value) for key, value in WORKER.items()}


def expected(choice: Choice) -> tuple[Offer, ...]:
    """The workers that will come, sooner or later; none are known of a scheduler that was given.

    Raises InputError when the choice is unsound, or its file.
    """
    settings = _settings(choice)
    if settings is None:
        return ()
    return settings.offers(cores()) if isinstance(settings, Local) else settings.offers()


@contextmanager
def connected(choice: Choice, say: Callable[[str], None] = lambda line: None) -> Iterator["Client"]:
    """A client whose scheduler has at least one worker. Whatever was started for it ends with the block.

    say: told in words what becomes of jobs, also from another thread. Raises InputError when the choice is unsound, or
    when nothing comes of it.
    """
    settings = _settings(choice)
    try:
        import dask
        import distributed  # noqa: F401
    except ImportError:
        raise InputError("`latentlab run` needs Dask: pip install 'latentlab[cluster]'") from None
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        stack.enter_context(_environment_kept())
        stack.enter_context(dask.config.set({**WORKER, **SCHEDULER}))
        if choice.scheduler is not None:
            client = _given(stack, choice.scheduler, choice.tls)
        elif isinstance(settings, Batch):
            client = _batch(stack, settings, choice, say)
        else:
            assert settings is not None
            client = _local(stack, settings, choice.tls)
        agree(client)
        yield client


def dashboard(client: "Client") -> str | None:
    """The link to Dask's dashboard, on the machine where the scheduler is: it listens on the loopback address."""
    port = client.scheduler_info()["services"].get("dashboard")
    return f"http://127.0.0.1:{port}/status" if port else None


def _settings(choice: Choice) -> Local | Batch | None:
    """What was chosen, None if it is a scheduler."""
    ways = {"--workers": choice.workers, "--scheduler": choice.scheduler, "--cluster": choice.file}
    given = [option for option, value in ways.items() if value is not None]
    if len(given) != 1:
        raise InputError(f"expected one of {', '.join(ways)}, found {' and '.join(given) or 'none'}")
    if choice.threads is not None and choice.workers is None:
        raise InputError(f"--threads: expected only beside --workers, found it beside {given[0]}")
    for option, value in (("--workers", choice.workers), ("--threads", choice.threads)):
        if value is not None and not 1 <= value <= 4096:
            raise InputError(f"{option} {value}: expected 1 or more, at most 4096")
    if choice.file is not None:
        return load(choice.file)
    if choice.scheduler is not None:
        addresses.check(choice.scheduler, choice.tls)
        return None
    return Local(kind="local", workers=choice.workers or 1, threads=choice.threads)


def _local(stack: ExitStack, settings: Local, tls: bool) -> "Client":
    """A scheduler in this process and workers beside it, all on the loopback address: with TLS, since a machine may
    have other users, who reach that address as well.
    """
    from distributed import Nanny, Security
    from distributed.system import MEMORY_LIMIT

    offers = settings.offers(cores())
    count = sum(offer.count for offer in offers)
    security = Security.temporary() if tls else Security()
    workers = {}
    for offer in offers:
        for number in range(offer.count):
            threads = dict.fromkeys(jobs.THREADS, offer.threads)
            device = {"CUDA_VISIBLE_DEVICES": settings.gpus[number] if offer.gpu else ""}
            options = {
                "host": "127.0.0.1",
                "nthreads": offer.threads,
                "memory_limit": offer.memory or MEMORY_LIMIT // count,
                "resources": {"GPU": 1} if offer.gpu else {},
                "env": {**threads, **(device if settings.gpus else {}), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
                "dashboard": False,
                "preload": ["pipeline.cluster.interrupts"],
                "security": security,
                "silence_logs": logging.CRITICAL,
            }
            workers[f"{offer.name}-{number}"] = {"cls": Nanny, "options": options}
    client, _ = _started(stack, workers, "127.0.0.1", 0, security)
    return client


def _batch(stack: ExitStack, settings: Batch, choice: Choice, say: Callable[[str], None]) -> "Client":
    """A scheduler in this process, and jobs that bring workers."""
    from distributed import Security
    from tornado.ioloop import PeriodicCallback

    try:
        jobs.check(settings)
        host = addresses.reachable(settings)
        security, keys = Security(), None
        if choice.tls:
            security = Security.temporary()
            keys = stack.enter_context(addresses.keys(security, Path(settings.keys)))
        workers = jobs.specs(settings, host, keys, environment(), Path.cwd())
        client, cluster = _started(stack, workers, host, settings.port, security)
        keeper = jobs.Keeper(cluster, settings.kind, settings.logs, say)
        callback = PeriodicCallback(keeper.look, jobs.TICK * 1000)
        loop: Any = client.loop
        loop.add_callback(callback.start)
        stack.callback(loop.add_callback, callback.stop)
        _wait(client, keeper, settings, say)
    except InputError as error:
        raise InputError(f"{choice.file}: {error}") from None
    return client


def _started(
    stack: ExitStack, workers: Mapping[str, Mapping[str, Any]], host: str, port: int, security: "Security"
) -> tuple["Client", "SpecCluster"]:
    """A scheduler here and those workers. Its dashboard, which has no TLS, listens on the loopback address only."""
    from distributed import Client, Scheduler, SpecCluster

    protocol = "tls" if security.require_encryption else "tcp"
    options = {
        "host": host,
        "port": port,
        "protocol": protocol,
        "security": security,
        "dashboard_address": f"127.0.0.1:{8787 if _free(8787) else 0}",
    }
    try:
        cluster = SpecCluster(
            scheduler={"cls": Scheduler, "options": options},
            security=security,
            silence_logs=logging.CRITICAL,
            name="latentlab",
        )
    except (RuntimeError, OSError) as error:
        raise InputError(f"no scheduler could be started on {host}: {jobs.reason(error)}") from None
    stack.callback(cluster.close)
    for name, spec in workers.items():
        cluster.worker_spec[name] = {**spec, "options": {**spec["options"], "protocol": protocol}}
    try:
        cluster.sync(jobs.filled, cluster)
    except (RuntimeError, OSError, ValueError) as error:
        raise InputError(f"no workers could be started: {jobs.reason(error)}") from None
    client = stack.enter_context(Client(cluster, set_as_default=False))
    return client, cluster


def _given(stack: ExitStack, address: str, tls: bool) -> "Client":
    """A client of a scheduler that somebody else has started."""
    import dask
    from distributed import Client, Security

    secure = address.startswith("tls://")
    lacking = [key for key in ("ca-file", "client.cert") if not dask.config.get(f"distributed.comm.tls.{key}")]
    if secure and lacking:
        names = ", ".join(f"DASK_DISTRIBUTED__COMM__TLS__{_variable(key)}" for key in lacking)
        raise InputError(f"--scheduler {address}: expected certificates for TLS in {names}; see docs/cluster.md")
    try:
        security = Security(require_encryption=True) if secure else Security(require_encryption=False)
        client = stack.enter_context(Client(address, security=security, timeout=REACH, set_as_default=False))
    except (OSError, ValueError) as error:
        why = "; check that it runs and that no firewall is between"
        for each in _causes(error):
            if isinstance(each, ssl.SSLError) or "SSL" in str(each):
                why = f": the certificates do not fit ({' '.join(str(each).split())[:200]})"
            elif isinstance(each, FileNotFoundError):
                why = f": {each.filename or 'a file of the certificates'} is not there"
        raise InputError(f"--scheduler {address}: cannot be reached within {REACH:.0f} s{why}") from None
    until = time.monotonic() + WAIT
    while not client.scheduler_info()["workers"]:
        if time.monotonic() > until:
            raise InputError(f"--scheduler {address}: no worker has come within {WAIT:.0f} s; start some: dask worker")
        time.sleep(0.5)
    return client


def _variable(key: str) -> str:
    return key.upper().replace(".", "__").replace("-", "_")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _wait(client: "Client", keeper: jobs.Keeper, settings: Batch, say: Callable[[str], None]) -> None:
    """Until a worker has come. Raises InputError when none does, with what is said of the jobs."""
    began, told = time.monotonic(), 0.0
    while not client.scheduler_info()["workers"]:
        waited = time.monotonic() - began
        if not keeper.cluster.worker_spec:
            raise InputError(f"no worker has come, and all jobs have ended: see what they wrote into {settings.logs}")
        late = waited > 60 * settings.wait
        if late or waited - told > 60:
            told = waited
            state = jobs.queued(settings.kind, list(keeper.ids()))
            words = ", ".join(jobs.lines(state)) if state else f"see `{jobs.QUEUE[settings.kind]}`"
            if late:
                raise InputError(f"no worker has come within {settings.wait:g} minutes; jobs: {words}")
            say(f"waiting for the first worker; jobs: {words}")
        time.sleep(0.2)


def _free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask's own logs and warnings say in many lines what the run says in one."""
    import distributed

    before = {name: logging.getLogger(name).level for name in LOGGERS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", distributed.versions.VersionMismatchWarning)
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Dask sets variables of this process that are meant for workers."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)
