"""Text of others on a terminal: names of files, of experiments elsewhere, of what a file calls its parts."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def printable(text: str) -> str:
    """Text with codes, such as `\\x1b`, for what a terminal would obey, but for line breaks."""
    if text.isprintable():
        return text
    return "".join(each if _harmless(each) else ascii(each)[1:-1] for each in text)


def _harmless(character: str) -> bool:
    wide = character.isspace() and character > "\x9f"  # spaces that numbers are written with
    return character == "\n" or wide or character.isprintable()


def console(width: int) -> "Console":
    """A screen that shows text as it is: `[red]` is no colour, `:smile:` no picture.

    width: columns of a pipe, which has none of its own; a table cut to some would lose what a log is read for.
    """
    from rich.console import Console

    found = Console(markup=False, emoji=False)
    return found if found.is_terminal else Console(width=width, markup=False, emoji=False)
