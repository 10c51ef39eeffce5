"""How long work is shown: bars on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

    from pipeline.ground.parallel import Progress  # which imports torch


@contextmanager
def progress(title: str) -> "Iterator[Progress]":
    """Shows long work: on a terminal a bar a task with values and time left, elsewhere a line every few seconds."""
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = TaskProgressColumn(), TimeRemainingColumn(compact=True), TextColumn("{task.fields[values]}")
        with Bars(TextColumn("{task.description}", markup=False), BarColumn(16), *columns, console=console) as bars:
            tasks: dict[str, TaskID] = {}

            def draw(task: str, done: int, total: int, values: Mapping[str, float]) -> None:
                if task not in tasks:
                    tasks[task] = bars.add_task(f"{title} {task}".rstrip(), total=total or None, values="")
                bars.update(tasks[task], completed=done, total=total or None, values=_words(values))

            yield draw
        return
    start = spoken = time.monotonic()
    first: dict[str, int] = {}
    latest: dict[str, tuple[int, int, str]] = {}

    def speak(task: str, done: int, total: int, values: Mapping[str, float]) -> None:
        nonlocal start, spoken
        if not total:
            return
        if not latest:  # what comes before the first is no measure of speed
            start = time.monotonic()
        first.setdefault(task, done)
        latest[task] = done, total, _words(values)
        now = time.monotonic()
        finished = all(done == total for done, total, _ in latest.values())
        if now - spoken < 5 and not finished:
            return
        spoken = now
        gained = sum(done - first[name] for name, (done, _, _) in latest.items())
        missing = sum(total - done for done, total, _ in latest.values())
        left = f", {(now - start) / gained * missing:.0f} s left" if gained and missing else ""
        parts = (f"{name} {done}/{total} {words}".strip() for name, (done, total, words) in sorted(latest.items()))
        print(f"{title}: {' | '.join(parts)}{left}", flush=True)

    yield speak


def _words(values: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in values.items())
