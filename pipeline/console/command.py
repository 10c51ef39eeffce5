"""What every command line of the project shares: how it starts and how it fails."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from pipeline.ground.errors import InputError

Device = Annotated[
    str,
    typer.Option(
        envvar="LATENTLAB_DEVICE", help="auto (CUDA, else MPS, else CPU), cpu, cuda, cuda:1 or mps. Changes speed only."
    ),
]

STOPPED = 130  # the status of a command that Ctrl-C ends


def run(app: Callable[[], Any]) -> None:
    """Runs a Typer app; bad input becomes one line on stderr and exit status 1, Ctrl-C status 130."""
    try:
        app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(_stopped())
    except SystemExit as end:  # Typer makes this of Ctrl-C, and says nothing
        if end.code == STOPPED:
            _stopped()
        raise


def _stopped() -> int:
    print("stopped; the same command continues where it can", file=sys.stderr)
    return STOPPED


def single(command: Callable[..., None]) -> None:
    """Runs a module that is one command: a stage."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(command)
    run(lambda: app(standalone_mode=True))
