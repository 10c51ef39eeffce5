"""What a run shows: on a terminal what runs now and one bar of all, elsewhere lines."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.running.record import span
from pipeline.running.schedule import item, kind

if TYPE_CHECKING:
    from rich.console import RenderableType

LEFT = 6  # lines of a terminal that what runs leaves to what stays, and to the bar


@dataclass(frozen=True)
class Row:
    """A command that runs. place: where, empty where all run here; line: the last it printed."""

    stage: str
    place: str
    seconds: float
    line: str


@dataclass(frozen=True)
class Now:
    """Where a run is. running: a row of each command that runs; left: seconds, None where not known."""

    running: Sequence[Row]
    done: int
    total: int
    seconds: float
    left: float | None

    def __str__(self) -> str:
        left = f", about {span(self.left)} left" if self.left and self.done < self.total else ""
        return f"{self.done} of {self.total} stages{left}"


class Screen(Protocol):
    """Where a run is shown."""

    def say(self, *lines: str) -> None:
        """Shows lines that stay."""

    def hear(self, stage: str, label: str, line: str) -> None:
        """Shows a line that a stage has printed. label: `[3/97]`."""

    def update(self, now: Now) -> None:
        """Shows where the run is, where that does not stay."""


@contextmanager
def screen() -> Iterator[Screen]:
    """A terminal's screen or plain lines."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        yield Plain()
        return
    from rich.live import Live

    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield Terminal(live.console.print, live.update, lambda: console.height - LEFT)


class Plain:
    """A line at a time, for a file or a pipe."""

    def say(self, *lines: str) -> None:
        for line in lines:
            print(line, flush=True)

    def hear(self, stage: str, label: str, line: str) -> None:
        self.say(f"{label} {stage}: {own(stage, line)}")

    def update(self, now: Now) -> None:
        pass


class Terminal:
    """A line for each command that runs and a bar of the whole run, below what stays. rows: that there is room for."""

    def __init__(self, write: "Writer", draw: "Drawer", rows: Callable[[], int]) -> None:
        self.write, self.draw, self.rows = write, draw, rows

    def say(self, *lines: str) -> None:
        for line in lines:
            self.write(line, markup=False, highlight=False, soft_wrap=True)

    def hear(self, stage: str, label: str, line: str) -> None:
        pass  # the last one stands in the stage's line

    def update(self, now: Now) -> None:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        rows = Table.grid(padding=(0, 2))
        placed = any(row.place for row in now.running)
        for _ in range(3 if placed else 2):
            rows.add_column(no_wrap=True)  # only the last column gives way where there is no room
        rows.add_column()
        shown = sorted(now.running, key=lambda row: -row.seconds)[: self.rows()]
        for row in shown:
            told = Text(own(row.stage, row.line), no_wrap=True, overflow="ellipsis")
            where = [Text(row.place)] if placed else []
            rows.add_row(Text(row.stage, style="bold"), *where, Text(span(row.seconds)), told)
        if len(shown) < len(now.running):
            rows.add_row(Text(f"and {len(now.running) - len(shown)} more"))
        share = now.done / max(1, now.total) if now.left is None else now.seconds / max(1e-9, now.seconds + now.left)
        whole = Table.grid(padding=(0, 2))
        whole.add_row(ProgressBar(total=1.0, completed=share, width=32), Text(str(now)))
        self.draw(Group(rows, whole))


class Writer(Protocol):
    def __call__(self, text: str, /, *, markup: bool, highlight: bool, soft_wrap: bool) -> None: ...


class Drawer(Protocol):
    def __call__(self, renderable: "RenderableType", /) -> None: ...


def own(stage: str, line: str) -> str:
    """A stage's line without the name that stages begin theirs with."""
    for name in (f"{kind(stage)} {item(stage)}", kind(stage)):
        if line.startswith((f"{name} ", f"{name}:")):
            return line[len(name) :].lstrip(": ")
    return line
