"""The same work for several seeds, side by side: small models keep one core busy but not two, and a GPU even less."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Literal, Protocol, TypeVar

import torch

from pipeline.ground.errors import InputError

T = TypeVar("T")
Report = Callable[[int, int, Mapping[str, float]], None]  # done, total, values
Start = Literal["fork", "spawn"]


class Progress(Protocol):
    """Called with a task's name, how much of it is done, of how much (0: not known yet), and values to show."""

    def __call__(self, task: str, done: int, total: int, values: Mapping[str, float]) -> None: ...


def over_seeds(
    work: Callable[[int, Report], T], seeds: Sequence[int], show: Progress, device: torch.device, share: int
) -> dict[int, T]:
    """`work(seed, report)` for each seed, with `show` told how far each is; results by seed.

    On a CPU or an NVIDIA GPU each seed has a process of its own, which ends with this one, however this one ends: on a
    GPU, small models wait for their kernels' launches, and side by side they wait at the same time. share: among how
    many seeds the cores are shared out, these or more; the number of threads may change a result's last bits, so that
    it must not depend on how many seeds are left to do. Raises the first error and stops the other seeds.
    """
    if device.type not in ("cpu", "cuda") or share == 1:
        return {seed: work(seed, _reporter(show, seed)) for seed in seeds}
    # A fork shares what is imported, which takes seconds; it is safe as long as this process has used one thread only,
    # and no CUDA.
    start: Start = "fork" if sys.platform == "linux" and device.type == "cpu" else "spawn"
    return _processes(work, seeds, show, share, start)


def _reporter(show: Progress, seed: int) -> Report:
    return lambda done, total, values: show(f"seed {seed}", done, total, values)


def _processes(
    work: Callable[[int, Report], T], seeds: Sequence[int], show: Progress, share: int, start: Start
) -> dict[int, T]:
    context = multiprocessing.get_context(start)
    cores = torch.get_num_threads()
    at_once = min(share, 4 * cores)
    waiting = list(seeds)
    running: dict[Connection, tuple[int, Any]] = {}
    for seed in seeds:
        show(f"seed {seed}", 0, 0, {})  # bars in the order of the list, whichever starts first
    results: dict[int, T] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                seed = waiting.pop(0)
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(work, seed, max(1, cores // at_once), theirs))  # type: ignore[attr-defined]
                process.start()
                theirs.close()
                running[ours] = seed, process
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                seed, process = running[connection]
                kind, content = _receive(connection)
                if kind == "progress":
                    show(f"seed {seed}", *content)
                    continue
                del running[connection]
                process.join()
                if kind == "input error":
                    raise InputError(content)
                if kind == "error":
                    raise RuntimeError(f"seed {seed}: {content}")
                results[seed] = content
    finally:
        for _, process in running.values():
            process.terminate()
    return {seed: results[seed] for seed in seeds}


def _receive(connection: Connection) -> tuple[str, Any]:
    try:
        message: tuple[str, Any] = connection.recv()
    except EOFError:
        return "error", "its process was killed; is there enough memory?"
    return message


def _child(work: Callable[[int, Report], Any], seed: int, threads: int, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C reaches all processes; the parent tells of it
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    try:
        message = "result", work(seed, lambda *content: connection.send(("progress", content)))
    except InputError as error:
        message = "input error", str(error)
    except Exception:
        message = "error", traceback.format_exc()
    connection.send(message)


def _end_with_parent() -> None:
    """An orphan would go on writing the state that the next run goes on from."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
    os._exit(1)
