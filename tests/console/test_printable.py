"""A terminal obeys nothing that others' text says."""

import io
import sys

import pytest
import typer

from pipeline.console import command
from pipeline.console.printable import console, printable
from pipeline.ground.errors import InputError


def test_what_a_terminal_would_obey_stands_as_its_code() -> None:
    assert printable("\x1b[31mred\x1b]0;title\x07\x9b2J\r\b\x00\x7f") == (
        "\\x1b[31mred\\x1b]0;title\\x07\\x9b2J\\r\\x08\\x00\\x7f"
    )
    assert printable("a\u202eb\ud800") == "a\\u202eb\\ud800"
    for kept in ("é 文字 🙂", "12 345\u202f678\u00a0%", "two\nlines", ""):
        assert printable(kept) == kept


def test_an_error_is_not_obeyed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise InputError("a\x1b[2Jb: [red]expected[/red] [/]")

    app = typer.Typer()
    app.command()(fail)
    monkeypatch.setattr(sys, "argv", ["fail"])
    with pytest.raises(SystemExit):
        command.run(app)
    assert capsys.readouterr().err == "error: a\\x1b[2Jb: [red]expected[/red] [/]\n"


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", "[link=http://e.org]x[/link]", "[bold", ":smile:"])
def test_markup_of_others_is_text(text: str) -> None:
    from rich.table import Table

    screen = console(80)
    screen.file = io.StringIO()
    table = Table(text, title=text)
    table.add_row(text)
    screen.print(table)
    screen.print(text)
    assert screen.file.getvalue().count(text) == 4
