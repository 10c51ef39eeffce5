"""Workers of this machine, and schedulers that are already there: who can reach them, what they have, how they end."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import Security
from listening import family, listening

from pipeline.cluster import agreement, connect
from pipeline.cluster.connect import Choice, connected, expected
from pipeline.cluster.settings import load
from pipeline.ground.errors import InputError
from pipeline.running.record import cores

LIMIT = 30.0  # seconds, for a machine that does other things too


def until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not found():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_nothing_listens_beyond_this_machine() -> None:
    """Neither scheduler, nannies, workers, their web servers nor the dashboard."""
    before = listening(family(os.getpid()))
    with connected(Choice(workers=2, threads=1)) as client:
        found = listening(family(os.getpid())) - before
        assert len(found) == 2 + 2 * 3  # the scheduler and its dashboard; nannies, workers and their web servers
        assert {host for host, _ in found} == {"127.0.0.1"}
        link = connect.dashboard(client)
        assert link
        assert ("127.0.0.1", int(link.removeprefix("http://127.0.0.1:").removesuffix("/status"))) in found
    assert listening(family(os.getpid())) == before


def test_other_users_of_this_machine_cannot_talk_to_it() -> None:
    """Without its certificates a process that reaches the address gets no answer."""
    with connected(Choice(workers=1)) as client:
        address = str(client.scheduler_info()["address"])
        assert address.startswith("tls://127.0.0.1:")
        with pytest.raises(InputError, match="the certificates do not fit"), connected(certified(address)):
            pass
        with pytest.raises(InputError, match="cannot be reached"), connected(plain(address)):
            pass
        assert client.submit(sum, [2, 3]).result(timeout=LIMIT) == 5


def plain(address: str) -> Choice:
    return Choice(scheduler=address.replace("tls://", "tcp://"), tls=False)


def certified(address: str) -> Choice:
    return Choice(scheduler=address)


@pytest.fixture(autouse=True)
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Security]:
    """Certificates in Dask's own configuration, of no cluster that is there; and little patience."""
    security = Security.temporary()
    monkeypatch.setattr(connect, "REACH", 2.0)
    with configured(security, tmp_path):
        yield security


@contextmanager
def configured(security: Any, folder: Path) -> Iterator[None]:
    (folder / "certificate.pem").write_text(security.tls_client_cert)
    (folder / "key.pem").write_text(security.tls_client_key)
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    roles = {f"distributed.comm.tls.{role}.cert": certificate for role in ("client", "worker", "scheduler")}
    roles |= {f"distributed.comm.tls.{role}.key": key for role in ("client", "worker", "scheduler")}
    with dask.config.set({"distributed.comm.tls.ca-file": certificate, **roles}):
        yield


def test_workers_have_what_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with a GPU sees that one; the others see none. Threads are what stages compute with."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    file = tmp_path / "cluster.yaml"
    file.write_text("kind: local\ngpus: [1, 0]\nworkers: 1\nthreads: 3\nmemory: 2GB\n")
    with connected(Choice(file=file)) as client:
        workers = {worker["name"]: worker for worker in client.scheduler_info()["workers"].values()}
        variables = {workers_name(client, a): told for a, told in client.run(lambda: dict(os.environ)).items()}
        memory = client.run(lambda: dask.config.get("distributed.worker.memory"))
        failures = client.run_on_scheduler(lambda: dask.config.get("distributed.scheduler.allowed-failures"))
    assert set(workers) == {"gpu-0", "gpu-1", "cpu-0"}
    assert {name: told["CUDA_VISIBLE_DEVICES"] for name, told in variables.items()} == {
        "gpu-0": "1",
        "gpu-1": "0",
        "cpu-0": "",
    }
    assert {name: worker["resources"] for name, worker in workers.items()} == {
        "gpu-0": {"GPU": 1},
        "gpu-1": {"GPU": 1},
        "cpu-0": {},
    }
    assert {worker["nthreads"] for worker in workers.values()} == {3}
    assert {told["OMP_NUM_THREADS"] for told in variables.values()} == {"3"}
    assert not any("MALLOC_TRIM_THRESHOLD_" in told for told in variables.values())
    assert {worker["memory_limit"] for worker in workers.values()} == {2 * 10**9}
    assert all(each[key] is False for each in memory.values() for key in ("target", "spill", "pause", "terminate"))
    assert failures == 0


def workers_name(client: Any, address: str) -> str:
    return str(client.scheduler_info()["workers"][address]["name"])


def test_threads_are_an_even_share_of_the_cores() -> None:
    assert [offer.threads for offer in expected(Choice(workers=1))] == [cores()]
    assert [offer.threads for offer in expected(Choice(workers=cores() + 1))] == [1]
    assert [offer.threads for offer in expected(Choice(workers=2, threads=5))] == [5]


@contextmanager
def taken(port: int) -> Iterator[None]:
    """The port is, if it was not already."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            server.bind(("127.0.0.1", port))
            server.listen()
        yield


def test_it_is_quiet_and_leaves_this_process_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    """Even when a worker dies: that is told by the run."""
    before, settings = dict(os.environ), dask.config.get("distributed.scheduler.allowed-failures")
    with taken(8787), connected(Choice(workers=2, threads=1)) as client:
        assert connect.dashboard(client) not in (None, "http://127.0.0.1:8787/status")
        address, pid = next(iter(client.run(os.getpid).items()))
        os.kill(pid, signal.SIGKILL)
        until(lambda: len(set(client.scheduler_info()["workers"]) - {address}) == 2)
    assert dict(os.environ) == before
    assert dask.config.get("distributed.scheduler.allowed-failures") == settings
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_run_and_nothing_is_said(end: signal.Signals, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import sys
        import time
        from pipeline.cluster.connect import Choice, connected

        if __name__ == "__main__":
            try:
                with connected(Choice(workers=2, threads=1)) as client:
                    print("ready", flush=True)
                    time.sleep(60)
            except KeyboardInterrupt:
                sys.exit(130)
        """)
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(connect.__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        start_new_session=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b"ready\n"
        members = family(process.pid)
        assert len(members) >= 3
        if end == signal.SIGINT:
            os.killpg(process.pid, end)  # as a terminal does: all at once
        else:
            process.send_signal(end)
        assert process.stderr.read() == b"" or end == signal.SIGKILL  # of which Python's multiprocessing says something
    until(lambda: not any(Path(f"/proc/{member}").exists() for member in members))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(), "expected one of --workers, --scheduler, --cluster, found none"),
        (Choice(workers=1, scheduler="tcp://127.0.0.1:1"), "found --workers and --scheduler"),
        (Choice(workers=0), "--workers 0: expected 1 or more"),
        (Choice(workers=1, threads=0), "--threads 0: expected 1 or more"),
        (Choice(scheduler="tcp://127.0.0.1:1", threads=2), "--threads: expected only beside --workers"),
        (Choice(scheduler="10.0.0.5:8786"), "expected an address like tls://HOST:8786"),
        (Choice(scheduler="tls://10.0.0.5"), "expected an address like tls://HOST:8786"),
        (Choice(scheduler="tcp://10.0.0.5:8786"), "expected tls://, as anybody on the way"),
        (Choice(scheduler="tcp://headnode:8786"), "expected tls://, as anybody on the way"),
        (Choice(file=Path("nowhere.yaml")), "nowhere.yaml: cannot be read"),
    ],
)
def test_an_unsound_choice_is_refused_in_a_line(choice: Choice, message: str) -> None:
    for refuse in (expected, lambda choice: connected(choice).__enter__()):
        with pytest.raises(InputError) as error:
            refuse(choice)
        assert message in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("kind: cloud", "kind: expected one of local, slurm, pbs, lsf, sge, found 'cloud'"),
        ("workers: 2", "kind: expected one of local, slurm, pbs, lsf, sge, found None"),
        ("kind: local\nworkrs: 2", "local.workrs: unknown key, expected one of kind, workers, gpus, threads, memory"),
        ("kind: local", "expected workers of 1 or more, or gpus"),
        ("kind: local\ngpus: [0, 0]", "expected each GPU once"),
        ("kind: local\nworkers: yes", "local.workers: expected a number, found True"),
        ("kind: local\nworkers: 1\nmemory: 16", "expected a size like 16GB or 500MiB"),
        ("kind: slurm", "slurm.jobs: missing"),
        ("kind: slurm\njobs: {}", "expected at least one group of jobs"),
        (
            "kind: slurm\njobs: {a: {count: 1, treads: 2}}",
            "slurm.jobs.a.treads: unknown key, expected one of count, thr",
        ),
        ("kind: slurm\njobs: {a: {count: 1, threads: 2, memory: 1GB, walltime: soon}}", "expected a time like"),
        (
            "kind: slurm\nhost: a\ninterface: b\njobs: {a: {count: 1, threads: 2, memory: 1GB, walltime: 12:00:00}}",
            "both",
        ),
    ],
)
def test_an_unsound_file_is_refused_in_a_line(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(content)
    with pytest.raises(InputError) as error:
        load(file)
    assert str(error.value).startswith(f"{file}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_time_without_quotes_is_the_same_time(tmp_path: Path) -> None:
    """YAML 1.1 makes a number of it."""
    for text in ("12:00:00", '"12:00:00"', "0-12:00:00", "43200"):
        file = tmp_path / "cluster.yaml"
        file.write_text(f"kind: slurm\njobs: {{a: {{count: 1, threads: 2, memory: 1GB, walltime: {text}}}}}")
        settings = load(file)
        assert settings.kind == "slurm"
        assert settings.jobs["a"].walltime == 12 * 3600


def test_examples_are_sound(root: Path) -> None:
    offers = {path.stem: load(path) for path in (root / "clusters").glob("*.yaml")}
    two, slurm = offers["two_gpus"], offers["slurm"]
    assert two.kind == "local"
    assert [(offer.count, offer.gpu) for offer in two.offers(16)] == [(2, True), (2, False)]
    assert {offer.threads for offer in two.offers(16)} == {4}
    assert slurm.kind == "slurm"
    assert {offer.name: offer.gpu for offer in slurm.offers()} == {"gpu": True, "cpu": False}


def test_help_and_refusals_come_without_dask(root: Path) -> None:
    """They import neither it nor torch, so that they come at once."""
    heavy = {"dask", "distributed", "dvc", "numpy", "torch"}
    program = f"import sys, pipeline.cluster.connect; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(InputError, match=r"needs Dask: pip install 'latentlab\[cluster\]'"),
        connected(Choice(workers=1)),
    ):
        pass


def test_a_scheduler_that_is_not_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"tls://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(InputError, match=f"{address}: cannot be reached within 2 s"), connected(certified(address)):
            pass


def test_a_scheduler_with_tls_wants_certificates() -> None:
    nothing = {"distributed.comm.tls.ca-file": None, "distributed.comm.tls.client.cert": None}
    with dask.config.set(nothing), pytest.raises(InputError) as error, connected(certified("tls://10.0.0.5:8786")):
        pass
    assert "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT" in str(error.value)


def test_workers_with_other_versions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not those whose torch was built for another device."""
    client = Versions(
        {"python": "3.12.1.final.0", "torch": "2.14.1+cpu"}, {"python": "3.12.4.final.0", "torch": "2.14.1"}
    )
    agreement.agree(client)  # type: ignore[arg-type]
    for other in ({"python": "3.11.9.final.0", "torch": "2.14.1"}, {"python": "3.12.1.final.0", "torch": "2.13.0"}):
        client = Versions({"python": "3.12.1.final.0", "torch": "2.14.1"}, other)
        with pytest.raises(InputError, match=r"the worker tls://10\.0\.0\.9:1 has \w+ \S+ where \S+ is here"):
            agreement.agree(client)  # type: ignore[arg-type]


class Versions:
    """A client that tells versions only: of itself and its scheduler, and of one worker."""

    def __init__(self, own: dict[str, str], worker: dict[str, str]) -> None:
        self.own, self.worker = own, worker

    def get_versions(self, packages: list[str]) -> dict[str, Any]:
        own, worker = {"packages": self.own}, {"packages": self.worker}
        return {"client": own, "scheduler": own, "workers": {"tls://10.0.0.9:1": worker}}
