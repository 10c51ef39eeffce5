"""What every command line of the project shares: how it starts and how it fails."""

import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from pipeline.console.printable import printable
from pipeline.ground.errors import InputError
from pipeline.ground.files import REFUSED

Device = Annotated[
    str,
    typer.Option(
        envvar="LATENTLAB_DEVICE", help="auto (CUDA, else MPS, else CPU), cpu, cuda, cuda:1 or mps. Changes speed only."
    ),
]

STOPPED = 130  # the status of a command that Ctrl-C ends


def run(app: Callable[[], Any]) -> None:
    """Runs a Typer app; bad input and a full disk become one line on stderr and exit status 1, Ctrl-C and SIGTERM 130.

    So it does in the background of a script, too, where shells start commands that ignore SIGINT.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except InputError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        place = printable(str(error.filename or "output"))
        print(f"error: {place}: cannot be written ({error.strerror})", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(_stopped())
    except SystemExit as end:  # Typer makes this of Ctrl-C, and says nothing
        if end.code == STOPPED:
            _stopped()
        raise


def _stop(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _stopped() -> int:
    print("stopped; the same command continues where it can", file=sys.stderr)
    return STOPPED


def single(command: Callable[..., None]) -> None:
    """Runs a module that is one command: a stage."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(command)
    run(lambda: app(standalone_mode=True))
