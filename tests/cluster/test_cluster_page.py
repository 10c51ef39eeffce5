"""What docs/cluster.md tells users to type works as it stands there."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import pytest
import yaml

from pipeline.cluster.connect import Choice, connected, environment
from pipeline.cluster.settings import load


def blocks(root: Path, language: str) -> list[str]:
    page = (root / "docs/cluster.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)


@pytest.fixture
def variables(root: Path, tmp_path: Path) -> dict[str, str]:
    """What a shell has once it has run the page's lines about keys and settings, in a folder of its own."""
    keys, settings, _ = blocks(root, "sh")
    script = f"set -eu\n{keys}\n{settings}\nenv -0"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if "=" in line)


@pytest.fixture
def started(root: Path, tmp_path: Path, variables: dict[str, str]) -> Iterator[str]:
    """The scheduler and workers of the page, on this machine: its address."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    lines = (
        re.sub(r"10\.0\.0\.\d", "127.0.0.1", blocks(root, "sh")[2]).replace("8786", str(port)).replace(":8787", ":0")
    )
    processes = [
        subprocess.Popen(
            [
                "bash",
                "-c",
                line.replace(" dask ", " exec dask ").replace("CUDA", "export CUDA").replace(" exec", "; exec"),
            ]
            if line.startswith("CUDA")
            else ["bash", "-c", f"exec {line}"],
            cwd=tmp_path,
            env=variables,
            stderr=subprocess.DEVNULL,
        )
        for line in lines.splitlines()
    ]
    yield f"tls://127.0.0.1:{port}"
    for process in reversed(processes):
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_keys_are_for_their_owner_only(variables: dict[str, str], tmp_path: Path) -> None:
    files = list((tmp_path / "keys").iterdir())
    assert {file.name for file in files} == {"key.pem", "certificate.pem"}
    assert {file.stat().st_mode & 0o077 for file in [*files, tmp_path / "keys"]} == {0}


def test_settings_are_those_of_workers_that_are_started_here(variables: dict[str, str]) -> None:
    assert environment().items() <= variables.items()


def test_scheduler_and_workers_by_hand(
    started: str, variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found: Any = dask.config.collect_env({key: value for key, value in variables.items() if key.startswith("DASK_")})
    with dask.config.set(dask.config.merge(dask.config.config, found)), connected(Choice(scheduler=started)) as client:
        until = time.monotonic() + 30
        while len(workers := client.scheduler_info()["workers"]) < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert sorted(worker["resources"].get("GPU", 0) for worker in workers.values()) == [0, 1]
        assert {worker["nthreads"] for worker in workers.values()} == {4}
        devices = client.run(lambda: (os.environ["CUDA_VISIBLE_DEVICES"], "MALLOC_TRIM_THRESHOLD_" in os.environ))
        assert set(devices.values()) == {("0", False), ("", False)}


def test_files_on_the_page_are_sound_and_the_examples(root: Path, tmp_path: Path) -> None:
    two, slurm, kubernetes = blocks(root, "yaml")
    for name, text in (("two_gpus", two), ("slurm", slurm)):
        file = tmp_path / "cluster.yaml"
        file.write_text(text)
        assert load(file) == load(root / f"clusters/{name}.yaml")
    assert yaml.safe_load(kubernetes)["kind"] == "DaskCluster"


def test_every_key_is_explained(root: Path) -> None:
    from pipeline.cluster.settings import Batch, Group, Local

    page = (root / "docs/cluster.md").read_text(encoding="utf-8")
    keys = {*Batch.model_fields, *Group.model_fields, *Local.model_fields}
    assert {key for key in keys if f"`{key}`" not in page and f"\n{key}:" not in page} == set()
