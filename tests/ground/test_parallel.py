"""Seeds side by side: results in order, errors told, nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from pipeline.ground.errors import InputError
from pipeline.ground.parallel import Report, over_seeds

CPU = torch.device("cpu")


def _unseen(task: str, done: int, total: int, values: Mapping[str, float]) -> None:
    """Shows nothing."""


def _square(seed: int, report: Report) -> tuple[int, int, int]:
    report(1, 1, {"seed": seed})
    return seed**2, torch.get_num_threads(), os.getpid()


def _fail(seed: int, report: Report) -> int:
    if seed == 2:
        raise InputError("seed 2 is wrong")
    while seed == 3:
        time.sleep(1)
    return seed


def _crash(seed: int, report: Report) -> int:
    return 1 // seed


def _die(seed: int, report: Report) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return seed


def test_results_come_by_seed_from_processes_of_their_own() -> None:
    results = over_seeds(_square, [5, 3, 4], _unseen, CPU, 3)
    assert [(seed, value[0]) for seed, value in results.items()] == [(5, 25), (3, 9), (4, 16)]
    assert len({value[2] for value in results.values()} | {os.getpid()}) == 4
    cores = torch.get_num_threads()
    assert {value[1] for value in results.values()} == {max(1, cores // min(3, 4 * cores))}


def test_a_gpus_seeds_have_processes_too_which_share_nothing_of_this_ones() -> None:
    """CUDA does not survive a fork."""
    results = over_seeds(_square, [5, 3], _unseen, torch.device("cuda"), 2)
    assert [(seed, value[0]) for seed, value in results.items()] == [(5, 25), (3, 9)]
    assert len({value[2] for value in results.values()} | {os.getpid()}) == 3


def test_one_seed_of_a_longer_list_gets_the_threads_it_would_have_had() -> None:
    cores = torch.get_num_threads()
    assert over_seeds(_square, [5], _unseen, CPU, 4)[5][1] == max(1, cores // min(4, 4 * cores))
    value = over_seeds(_square, [5], _unseen, CPU, 1)[5]
    assert value[1:] == (cores, os.getpid())


def test_bad_input_is_told_at_once_and_stops_the_others() -> None:
    """Seed 3 would take for ever."""
    with pytest.raises(InputError, match="seed 2 is wrong"):
        over_seeds(_fail, [1, 2, 3], _unseen, CPU, 3)


def test_a_crash_is_told_with_its_traceback() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)seed 0: .*ZeroDivisionError"):
        over_seeds(_crash, [0, 1], _unseen, CPU, 2)


def test_a_killed_process_is_told() -> None:
    with pytest.raises(RuntimeError, match=r"seed \d: its process was killed"):
        over_seeds(_die, [0, 1], _unseen, CPU, 2)


def test_processes_end_with_their_parent_even_when_it_is_killed(tmp_path: Path) -> None:
    code = f"""if True:
        import os, pathlib, time, torch
        from pipeline.ground.parallel import over_seeds
        def work(seed, report):
            pathlib.Path({str(tmp_path)!r}, str(os.getpid())).touch()
            time.sleep(60)
        over_seeds(work, [0, 1], lambda *told: None, torch.device("cpu"), 2)
    """
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    children = [int(path.name) for path in tmp_path.iterdir()]
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)
