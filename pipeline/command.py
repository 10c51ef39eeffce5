"""What every command line of the project shares: how it starts, how it fails, and how it shows long work."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from pipeline.errors import InputError

if TYPE_CHECKING:
    from rich.progress import TaskID

Device = Annotated[
    str,
    typer.Option(
        envvar="LATENTLAB_DEVICE", help="auto (CUDA, else MPS, else CPU), cpu, cuda, cuda:1 or mps. Changes speed only."
    ),
]


def run(app: Callable[[], Any]) -> None:
    """Runs a Typer app; bad input becomes one line on stderr and exit status 1, Ctrl-C status 130."""
    try:
        app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped; the same command continues where it can", file=sys.stderr)
        sys.exit(130)


def single(command: Callable[..., None]) -> None:
    """Runs a module that is one command: a stage."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(command)
    run(lambda: app(standalone_mode=True))


class Progress(Protocol):
    """Called with a task's name, how much of it is done, of how much (0: not known yet), and values to show."""

    def __call__(self, task: str, done: int, total: int, values: Mapping[str, float]) -> None: ...


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Shows long work: on a terminal a bar a task with values and time left, elsewhere a line every few seconds."""
    from rich.console import Console

    console = Console()
    if console.is_terminal:
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = TaskProgressColumn(), TimeRemainingColumn(compact=True), TextColumn("{task.fields[values]}")
        with Bars(TextColumn("{task.description}"), BarColumn(16), *columns, console=console) as bars:
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
        nonlocal spoken
        if not total:
            return
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
