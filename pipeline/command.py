"""What every command line of the project shares: how it starts, how it fails, and how it shows long work."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from pipeline.errors import InputError

Device = Annotated[
    str,
    typer.Option(
        envvar="LATENTLAB_DEVICE", help="auto (CUDA, else MPS, else CPU), cpu, cuda, cuda:1 or mps. Changes speed only."
    ),
]
Update = Callable[[int, Mapping[str, float]], None]


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


@contextmanager
def progress(title: str, total: int) -> Iterator[Update]:
    """Shows long work: a bar with values and time left on a terminal, a plain line every few seconds elsewhere.

    Yields `update(done, values)`, which is cheap enough to call a hundred times a run.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console()
    if console.is_terminal:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True)
        with Progress(*columns, TextColumn("{task.fields[values]}"), console=console) as bar:
            task = bar.add_task(title, total=total, values="")
            yield lambda done, values: bar.update(task, completed=done, values=_words(values))
        return
    start = spoken = time.monotonic()
    first: int | None = None

    def speak(done: int, values: Mapping[str, float]) -> None:
        nonlocal spoken, first
        now = time.monotonic()
        first = done if first is None else first
        if now - spoken < 5 and done < total:
            return
        spoken = now
        left = (now - start) / (done - first) * (total - done) if done > first else 0.0
        print(f"{title}: {done}/{total} {_words(values)} {f'{left:.0f} s left' if left else ''}".rstrip(), flush=True)

    yield speak


def _words(values: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in values.items())
