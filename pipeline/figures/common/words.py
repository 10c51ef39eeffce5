"""Times in words, and what others call things as it can be shown."""

from functools import cache
from typing import Final

# Embeddings, overrides and isolates, which reverse what follows them: a name would say of its neighbours what it likes.
_TURNS: Final = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def duration(seconds: float) -> str:
    """`95`: `1 min 35 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def first_of(count: int, total: int, noun: str) -> str:
    """`the first 10 of 26 classes`; nothing where there are no others."""
    return f"the first {count} of {total} {noun}" if count < total else ""


def legible(text: str) -> str:
    """Text with codes, such as `\\u202e`, for what controls how text is set, but for line breaks."""
    if text.isprintable():
        return text
    return "".join(code(each) if each in _TURNS or _controls(each) else each for each in text)


def _controls(character: str) -> bool:
    code = ord(character)
    return (code < 0x20 and character != "\n") or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000


@cache
def code(character: str) -> str:
    """`\\u202e`, as Python and JSON write it."""
    return (
        character.encode("ascii", "backslashreplace").decode() if ord(character) > 0x7F else f"\\x{ord(character):02x}"
    )
