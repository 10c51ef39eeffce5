"""Jobs of batch systems: what their scripts say, and a stand-in for SLURM that runs them on this machine."""

import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from batch_system import STATE, installed, running
from distributed.utils import get_ip
from listening import family, listening

from pipeline.cluster import jobs
from pipeline.cluster.addresses import Keys
from pipeline.cluster.connect import Choice, connected, environment
from pipeline.cluster.settings import Group, load
from pipeline.ground.errors import InputError

KEYS = Keys(Path("/shared/tls/ca.pem"), Path("/shared/tls/certificate.pem"), Path("/shared/tls/key.pem"))
GROUP = {"count": 2, "threads": 4, "memory": "16GB", "walltime": "08:00:00"}
LIMIT = 30.0  # seconds, for a machine that does other things too


def written(folder: Path, **content: Any) -> Path:
    file = folder / "cluster.yaml"
    place = {} if "interface" in content else {"host": "127.0.0.1"}
    file.write_text(yaml.safe_dump({"kind": "slurm", **place, **content}))
    return file


def scripts(folder: Path, keys: Keys | None = KEYS, **content: Any) -> dict[str, str]:
    """Scripts by the names of workers."""
    settings = load(written(folder, logs=str(folder / "logs"), **content))
    assert settings.kind != "local"
    made = jobs.specs(settings, "10.0.0.5", keys, environment(), Path("/home/me/my project"))
    return {
        name: spec["cls"]("tls://10.0.0.5:8786", name=name, **spec["options"]).job_script()
        for name, spec in made.items()
    }


def worker(script: str) -> list[str]:
    """The words of the command that starts a worker."""
    return shlex.split(script.strip().splitlines()[-1])


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def test_a_script_asks_for_what_the_file_says(tmp_path: Path) -> None:
    group = {**GROUP, "queue": "long", "account": "physics", "directives": ["--constraint=amd"]}
    found = scripts(tmp_path, jobs={"cpu": group})
    assert set(found) == {"cpu-0", "cpu-1"}
    said = {line.removeprefix("#SBATCH ") for line in found["cpu-1"].splitlines() if line.startswith("#SBATCH ")}
    assert {"-p long", "-A physics", "--cpus-per-task=4", "--mem=15G", "-t 08:00:00", "--constraint=amd"} <= said
    assert not any("gres" in line for line in said)
    words = worker(found["cpu-1"])
    assert words[:4] == [sys.executable, "-m", "distributed.cli.dask_worker", "tls://10.0.0.5:8786"]
    assert (option(words, "--nthreads"), option(words, "--name")) == ("4", "cpu-1")
    assert option(words, "--memory-limit") == "14.90GiB"
    assert "--nanny" in words


def test_a_worker_leaves_before_its_time_is_up(tmp_path: Path) -> None:
    for walltime, lifetime in (("08:00:00", 8 * 3600 - 300), ("00:10:00", 540), ("2-00:00:00", 48 * 3600 - 300)):
        found = scripts(tmp_path, jobs={"cpu": {**GROUP, "walltime": walltime}})
        assert option(worker(found["cpu-0"]), "--lifetime") == f"{lifetime}s"
    assert "-t 48:00:00" in found["cpu-0"]


def test_keys_are_told_by_file_and_never_in_words(tmp_path: Path) -> None:
    words = worker(scripts(tmp_path, jobs={"cpu": GROUP})["cpu-0"])
    assert option(words, "--tls-ca-file") == "/shared/tls/ca.pem"
    assert option(words, "--tls-cert") == "/shared/tls/certificate.pem"
    assert option(words, "--tls-key") == "/shared/tls/key.pem"
    assert "--tls-key" not in worker(scripts(tmp_path, keys=None, jobs={"cpu": GROUP})["cpu-0"])


def test_groups_differ_and_only_one_has_gpus(tmp_path: Path) -> None:
    found = scripts(tmp_path, jobs={"cpu": GROUP, "gpu": {**GROUP, "count": 1, "gpu": True, "threads": 8}})
    assert set(found) == {"cpu-0", "cpu-1", "gpu-0"}
    assert "#SBATCH --gres=gpu:1" in found["gpu-0"]
    assert option(worker(found["gpu-0"]), "--resources") == "GPU=1"
    assert "export OMP_NUM_THREADS=8" in found["gpu-0"]
    assert "CUDA_VISIBLE_DEVICES" not in found["gpu-0"]  # SLURM sets it
    assert "export CUDA_VISIBLE_DEVICES=''" in found["cpu-0"]
    assert "--resources" not in found["cpu-0"]


def test_a_gpu_that_the_file_asks_for_itself_is_asked_for_once(tmp_path: Path) -> None:
    group = {**GROUP, "gpu": True, "directives": ["--gres=gpu:a100:1"]}
    assert scripts(tmp_path, jobs={"gpu": group})["gpu-0"].count("gres") == 1


def test_a_script_goes_where_the_project_is_and_then_does_what_the_file_says(tmp_path: Path) -> None:
    script = scripts(tmp_path, prologue=["module load cuda", "source .venv/bin/activate"], jobs={"cpu": GROUP})["cpu-0"]
    lines = script.splitlines()
    place = lines.index("cd '/home/me/my project' || exit 1")
    assert lines[place + 1 : place + 3] == ["module load cuda", "source .venv/bin/activate"]


def test_workers_listen_on_the_way_to_the_scheduler_only(tmp_path: Path) -> None:
    """By the interface that the file names, or the address that leads there; what has no TLS, on the node itself."""
    by_host = scripts(tmp_path, jobs={"cpu": GROUP})["cpu-0"]
    words = worker(by_host)
    assert option(words, "--host") == "$address"
    assert re.search(r"^address=\$\(.*10\.0\.0\.5\) \|\| exit 1$", by_host, re.M)
    assert option(words, "--dashboard-address") == "127.0.0.1:0"
    by_interface = worker(scripts(tmp_path, interface="ib0", jobs={"cpu": GROUP})["cpu-0"])
    assert option(by_interface, "--interface") == "ib0"
    assert "--host" not in by_interface


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        (
            "pbs",
            [
                "#PBS -q long",
                "#PBS -A physics",
                "#PBS -l walltime=08:00:00",
                "#PBS -l select=1:ncpus=4:mem=15259MB:ngpus=1",
            ],
        ),
        ("lsf", ["#BSUB -q long", '#BSUB -P "physics"', "#BSUB -W 08:00", "#BSUB -n 4", '#BSUB -gpu "num=1"']),
        ("sge", ["#$ -q long", "#$ -P physics", "#$ -l h_rt=08:00:00", "#$ -l gpu=1"]),
    ],
)
def test_other_batch_systems(tmp_path: Path, kind: str, lines: list[str]) -> None:
    group = {**GROUP, "gpu": True, "queue": "long", "account": "physics"}
    script = scripts(tmp_path, kind=kind, jobs={"gpu": group})["gpu-0"]
    assert set(lines) <= set(script.splitlines())
    assert option(worker(script), "--nthreads") == "4"


def test_settings_of_dask_reach_the_workers(tmp_path: Path) -> None:
    """As a shell and Dask read them."""
    script = scripts(tmp_path, jobs={"cpu": GROUP})["cpu-0"]
    exports = dict(line.removeprefix("export ").split("=", 1) for line in script.splitlines() if "export DASK" in line)
    from dask.config import collect_env

    found = collect_env({key: shlex.split(value)[0] for key, value in exports.items()})["distributed"]
    assert found["worker"]["memory"] == {"target": False, "spill": False, "pause": False, "terminate": False}
    assert found["nanny"]["pre_spawn_environ"]["MALLOC_TRIM_THRESHOLD_"] is None


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The stand-in's folder of jobs; looks at jobs are frequent."""
    commands = installed(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    monkeypatch.setenv(STATE, str(tmp_path / "slurm/state"))
    monkeypatch.setattr(jobs, "TICK", 0.2)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "slurm/state"
    for group in running(tmp_path / "slurm/state").values():
        os.killpg(group, signal.SIGKILL)


def until(found: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not found():
        assert time.monotonic() < end
        time.sleep(0.1)


def names(client: Any) -> set[str]:
    return {worker["name"] for worker in client.scheduler_info()["workers"].values()}


SMALL = {"count": 1, "threads": 1, "memory": "500MB", "walltime": "01:00:00"}


def test_jobs_bring_workers_and_end_with_the_run(slurm: Path) -> None:
    file = written(Path(), jobs={"cpu": {**SMALL, "threads": 3}, "gpu": {**SMALL, "gpu": True}})
    with connected(Choice(file=file)) as client:
        until(lambda: names(client) == {"cpu-0", "gpu-0"})
        workers = {worker["name"]: worker for worker in client.scheduler_info()["workers"].values()}
        assert (workers["cpu-0"]["nthreads"], workers["gpu-0"]["nthreads"]) == (3, 1)
        assert (workers["cpu-0"]["resources"], workers["gpu-0"]["resources"]) == ({}, {"GPU": 1})
        assert workers["cpu-0"]["memory_limit"] == pytest.approx(500e6, rel=0.01)
        address = next(a for a, worker in client.scheduler_info()["workers"].items() if worker["name"] == "cpu-0")
        assert address.startswith("tls://127.0.0.1:")
        told = client.run(lambda: dict(os.environ), workers=[address])[address]
        assert (told["OMP_NUM_THREADS"], told["CUDA_VISIBLE_DEVICES"]) == ("3", "")
        assert "MALLOC_TRIM_THRESHOLD_" not in told
        files = list(Path(".latentlab").glob("tls-*/*.pem"))
        assert len(files) == 3
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
        assert {file.parent.stat().st_mode & 0o777 for file in files} == {0o700}
        assert client.submit(sum, [2, 3]).result(timeout=LIMIT) == 5
    until(lambda: not running(slurm))
    assert not list(Path(".latentlab").glob("tls-*"))


def test_a_job_that_is_cancelled_is_submitted_again(slurm: Path) -> None:
    said: list[str] = []
    with connected(Choice(file=written(Path(), jobs={"cpu": SMALL})), said.append) as client:
        assert names(client) == {"cpu-0"}
        os.killpg(running(slurm)["1"], signal.SIGKILL)
        until(lambda: names(client) == {"cpu-0+1"})
        assert said == ["the job of cpu-0 has ended; another is submitted"]
        assert client.submit(sum, [2, 3]).result(timeout=LIMIT) == 5
    until(lambda: not running(slurm))


def test_a_worker_that_is_killed_comes_again_in_its_job(slurm: Path) -> None:
    said: list[str] = []
    with connected(Choice(file=written(Path(), jobs={"cpu": SMALL})), said.append) as client:
        ((address, pid),) = client.run(os.getpid).items()
        os.kill(pid, signal.SIGKILL)
        until(lambda: address not in client.scheduler_info()["workers"] and names(client) == {"cpu-0"})
        assert client.submit(sum, [2, 3]).result(timeout=LIMIT) == 5
        assert not said
        assert list(running(slurm)) == ["1"]


def test_jobs_that_end_at_once_are_given_up(slurm: Path) -> None:
    said: list[str] = []
    file = written(Path(), prologue=["exit 1"], jobs={"cpu": SMALL})
    with (
        pytest.raises(InputError, match=r"no worker has come, and all jobs have ended.*jobs"),
        connected(Choice(file=file), said.append),
    ):
        pass
    assert len(list(slurm.glob("*.sh"))) == jobs.STRIKES
    assert "3 in a row; it is given up" in said[-1]


def test_jobs_that_wait_too_long(slurm: Path) -> None:
    (slurm / "pending").touch()
    file = written(Path(), wait=0.02, jobs={"cpu": {**SMALL, "count": 2}})
    with (
        pytest.raises(InputError, match=r"cluster.yaml: no worker has come within 0.02 minutes; jobs: 2 pending"),
        connected(Choice(file=file)),
    ):
        pass
    assert [file.read_text() for file in slurm.glob("*.job")] == ["-1", "-1"]  # cancelled


def test_a_job_that_is_refused_is_told_in_slurms_words(slurm: Path) -> None:
    (slurm / "refuse").touch()
    with (
        pytest.raises(InputError, match=r"no workers could be started: sbatch: error: invalid partition") as error,
        connected(Choice(file=written(Path(), jobs={"cpu": SMALL}))),
    ):
        pass
    assert "\n" not in str(error.value)


def test_a_job_that_is_refused_later_is_submitted_when_it_can_be(slurm: Path) -> None:
    """Batch systems are away for a while now and then; that is said once."""
    said: list[str] = []
    with connected(Choice(file=written(Path(), jobs={"cpu": SMALL})), said.append) as client:
        (slurm / "refuse").touch()
        os.killpg(running(slurm)["1"], signal.SIGKILL)
        until(lambda: len(said) == 2)
        assert said[1].endswith("tried again: sbatch: error: invalid partition specified: nowhere")
        time.sleep(5 * jobs.TICK)
        (slurm / "refuse").unlink()
        until(lambda: names(client) == {"cpu-0+1"})
        assert len(said) == 2


def test_no_batch_system_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(InputError, match=r"cluster.yaml: kind slurm: expected the command `sbatch`, found none on PATH"),
        connected(Choice(file=written(tmp_path, jobs={"cpu": SMALL}))),
    ):
        pass


def test_scheduler_and_workers_listen_where_the_file_says_and_nowhere_else(slurm: Path) -> None:
    """On an address that other machines reach, with TLS; what has none, on the loopback address."""
    beyond = get_ip()  # by which this machine would reach others
    if beyond.startswith("127."):
        pytest.skip("this machine has no address but the loopback")
    before = listening(family(os.getpid()))
    with connected(Choice(file=written(Path(), host=beyond, jobs={"cpu": SMALL}))) as client:
        assert all(address.startswith(f"tls://{beyond}:") for address in client.scheduler_info()["workers"])
        own = listening(family(os.getpid())) - before
        job = listening(family(running(slurm)["1"]))
    assert {host for host, _ in own} == {beyond, "127.0.0.1"}
    assert {host for host, _ in job} == {beyond, "127.0.0.1"}


def test_a_worker_whose_time_is_nearly_up_leaves_and_another_comes(
    slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Group, "lifetime", 2)
    with connected(Choice(file=written(Path(), jobs={"cpu": SMALL}))) as client:
        assert names(client) == {"cpu-0"}
        until(lambda: "1" not in running(slurm))
        until(lambda: names(client) == {"cpu-0+1"})
        client.wait_for_workers(1)


def test_jobs_end_when_the_run_is_killed(slurm: Path, tmp_path: Path) -> None:
    file = written(tmp_path, jobs={"cpu": SMALL})
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(f"""
        import time
        from pathlib import Path
        from pipeline.cluster.connect import Choice, connected

        if __name__ == "__main__":
            with connected(Choice(file=Path({str(file)!r}))) as client:
                print("ready", flush=True)
                time.sleep(60)
        """)
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(jobs.__file__).parents[2])}
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, env=environ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        assert list(running(slurm)) == ["1"]
        process.kill()
    until(lambda: not running(slurm))
