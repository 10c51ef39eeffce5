"""Text with tables, written once and shown in a terminal or as GitHub's Markdown."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pipeline.console.printable import printable

Look = Literal["", "code", "good", "bad", "soft", "strong"]
GITHUB_LIMIT: Final = 64_000  # characters: GitHub takes 65,536 in a comment, of which CI needs some for its own words
WIDTH: Final = 200  # columns where there is no terminal: a table cut to 80 would lose what a log is read for
RICH: Final[dict[Look, str]] = {"good": "green", "bad": "bold red", "soft": "dim", "strong": "bold"}


@dataclass(frozen=True)
class Cell:
    """A table's text; `\\n` breaks its line. look: what it is, which each output shows in its own way."""

    text: str
    look: Look = ""


@dataclass(frozen=True)
class Table:
    """left: how many columns from the left hold words; the others hold numbers and stand to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    left: int = 1
    title: str = ""


@dataclass(frozen=True)
class Section:
    """summary: a line that says it all, for where the rest is folded away."""

    title: str
    summary: str
    lines: Sequence[str]
    tables: Sequence[Table]


@dataclass(frozen=True)
class Document:
    """lines: the upshot. warnings: what to know before reading a number. sections: may be left out from the end, where
    there is a limit. notes: small print."""

    title: str
    lines: Sequence[str]
    warnings: Sequence[str]
    head: Sequence[Table]
    sections: Sequence[Section]
    notes: Sequence[str]


def terminal(document: Document, colour: bool) -> str:
    """For a terminal as wide as it is; without one, plain text."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    output = StringIO()
    screen = Console()
    width = screen.width if colour and screen.is_terminal else WIDTH
    console = Console(file=output, width=width, force_terminal=colour, highlight=False, markup=False, emoji=False)

    def show(table: Table) -> None:
        grid = Grid(title=printable(table.title) or None, title_justify="left", title_style="bold")
        for number, name in enumerate(table.columns):
            grid.add_column(Text(printable(name)), justify="left" if number < table.left else "right", overflow="fold")
        for row in table.rows:
            grid.add_row(*(Text(printable(cell.text), RICH.get(cell.look, "")) for cell in row))
        console.print(grid)

    console.print(printable(document.title), style="bold")
    for line in document.lines:
        console.print(printable(line))
    for line in document.warnings:
        console.print(printable(f"! {line}"), style="yellow")
    for table in document.head:
        show(table)
    for section in document.sections:
        console.print(printable(f"\n{section.title}: {section.summary}"), style="bold")
        for line in section.lines:
            console.print(printable(f"! {line}"), style="yellow")
        for table in section.tables:
            show(table)
    for line in document.notes:
        console.print(printable(line), style="dim")
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


def markdown(document: Document, limit: int = GITHUB_LIMIT, folded: int = 3) -> str:
    """For a comment on GitHub: sections fold where there are more than `folded`, and what is over `limit` is left out.

    Left out are whole sections, from the end, and a line says which.
    """
    start = [f"## latentlab: {_escaped(document.title)}", "\n".join(f"- {_escaped(line)}" for line in document.lines)]
    start += ["<br>\n".join(f"> {_escaped(line)}" for line in document.warnings)] if document.warnings else []
    start += [_table(table) for table in document.head]
    end = "".join(f"\n\n<sub>{_escaped(line)}</sub>" for line in document.notes)
    text = "\n\n".join(start)
    for number, section in enumerate(document.sections):
        part = _section(section, fold=len(document.sections) > folded)
        rest = [_code(each.title) for each in document.sections[number:]]
        left_out = f"\n\nToo long for one comment, left out: {', '.join(rest)}. `--out FILE` has all in other formats."
        later = left_out if number + 1 < len(document.sections) else ""
        if len(text) + len(part) + len(later) + len(end) + 3 > limit:
            text += left_out
            break
        text += f"\n\n{part}"
    return f"{text}{end}\n"


def _section(section: Section, fold: bool) -> str:
    body = [f"> {_escaped(line)}" for line in section.lines] + [_table(table) for table in section.tables]
    if not fold:
        return "\n\n".join([f"### {_code(section.title)}: {_escaped(section.summary)}", *body])
    # Within an element GitHub reads HTML, not Markdown.
    summary = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(_line(section.summary), quote=False))
    title = html.escape(_line(section.title), quote=False)
    head = f"<details><summary><code>{title}</code>: {summary}</summary>"
    return "\n\n".join([head, *body, "</details>"])


def _table(table: Table) -> str:
    lines = [f"**{_escaped(table.title)}**", ""] if table.title else []
    lines.append(f"| {' | '.join(map(_escaped, table.columns))} |")
    lines.append("|" + "".join("---|" if number < table.left else "--:|" for number in range(len(table.columns))))
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in table.rows]
    return "\n".join(lines)


def _cell(cell: Cell) -> str:
    if cell.look == "code":
        return _code(cell.text).replace("|", "\\|")
    text = "<br>".join(map(_escaped, cell.text.split("\n")))
    return f"**{text}**" if cell.look in ("good", "bad", "strong") and text else text


def _line(text: str) -> str:
    return " ".join(printable(text).splitlines())


def _code(text: str) -> str:
    return "`{}`".format(_line(text).replace("`", "'"))


def _escaped(text: str) -> str:
    """Text in a line that Markdown shows as it is, but for `code`, which it may hold."""
    pieces = re.split(r"(`[^`]*`)", _line(text))
    # Emphasis, elements, entities, and links of every kind
    special = r"([*<>\\~&`]|\](?=[(\[:])|(?<![a-zA-Z0-9])_|_(?![a-zA-Z0-9])|:(?=//)|(?<=www)\.)"
    safe = (piece if piece.startswith("`") else re.sub(special, r"\\\1", piece) for piece in pieces)
    return "".join(safe).replace("|", "\\|")
