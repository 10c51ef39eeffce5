"""dvc.lock as text in parts, a part a stage, so that what has not changed need not be read as YAML and written again.

DVC reads and writes the whole file, in Python, for each stage that it keeps: half a second for 100 KB.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipeline.ground.files import replacing
from pipeline.running.spared import Stamp, stamp

HEAD: Final = "schema: '2.0'\nstages:\n"
WIDTH: Final = 80  # columns, after which ruamel.yaml, DVC's writer, breaks a line at a space
LONGEST: Final = 120  # columns, after which it puts a value below its key
OWN: Final = r"(?!(?i:true|false|null|yes|no|on|off|y|n)\b)"  # a word with a meaning of its own is none of ours
KEY: Final = OWN + r"[A-Za-z_][\w./@-]{0,99}"
VALUE: Final = (
    rf"{OWN}[A-Za-z_/](?:[\w ./@='\"+,;()\[\]{{}}$*&|<>-]*[\w./@='\"+,;()\[\]{{}}$*&|<>-])?"
    r"|-?(?:0|[1-9]\d*)(?:\.\d{1,9})?|[1-9](?:\.\d{1,5})?e-\d\d|true|false|\[\]|\{\}|(?![0-9]+e[0-9]+$)[0-9a-f]{32}(?:\.dir)?"
)
LINE: Final = re.compile(rf"( *)((?:- )*)(?:({KEY}):(?: ({VALUE}))?|({VALUE}))", re.ASCII)
START: Final = re.compile(r"^  (?=[^\s#-])", re.MULTILINE)  # of a part
OUTSIDE: Final = re.compile(r"\n(?! {2}|\Z)")  # a line that is no stage's
NONE: Final = -9  # no column
STRANGE: Final = re.compile(r"\s#|[:-] [&*!|>]|^ *\?|\n\s*\n", re.MULTILINE)  # comments, aliases, tags, empty lines


@dataclass(frozen=True)
class Parts:
    """parts: each stage's lines, by its name as it stands there, which is in quotes where YAML wants them."""

    parts: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        return "".join((HEAD, *self.parts.values()))

    def names(self) -> list[str]:
        return [_unquoted(name) for name in self.parts]

    def put(self, parts: "Parts") -> None:
        """Puts in parts: instead of those of the same name, or at the end."""
        self.parts.update(parts.parts)

    def sort(self, before: Sequence[str], order: Sequence[str]) -> None:
        """Stages that were there before stay where they are, the others follow in this order."""
        earlier = set(before)
        there = {_unquoted(name): name for name in self.parts}
        for name in order:
            if name in there and name not in earlier:
                self.parts[there[name]] = self.parts.pop(there[name])


class Files:
    """Lock files, read again only where something else has written them."""

    def __init__(self) -> None:
        self.known: dict[Path, tuple[Stamp, Parts | None]] = {}

    def read(self, path: Path) -> Parts | None:
        """A file's parts, none where there is no file; None for a file that only DVC is to write. Raises OSError."""
        if not path.exists():
            return Parts()
        now = stamp(path)
        if path not in self.known or self.known[path][0] != now:
            self.known[path] = now, read(path.read_text(encoding="utf-8"))
        return self.known[path][1]

    def names(self, path: Path) -> list[str]:
        """The stages of a file, in its order."""
        from dvc.utils.serialize import load_yaml

        parts = self.read(path)
        return parts.names() if parts else list(load_yaml(path).get("stages") or ())

    def write(self, path: Path, parts: Parts) -> None:
        """At once or not at all. Raises InputError where the disk takes no more."""
        with replacing(path.resolve()) as beside:
            beside.write_text(parts.text(), encoding="utf-8")
        self.known[path] = stamp(path), parts


def read(text: str) -> Parts | None:
    """The parts of a dvc.lock; None unless DVC, if it wrote that file anew, wrote it letter by letter alike."""
    if not text.startswith(HEAD) or not text.endswith("\n") or OUTSIDE.search(text, len(HEAD)):
        return None
    starts = [found.start() for found in START.finditer(text, len(HEAD))]
    if not starts or starts[0] != len(HEAD):
        return None
    pieces = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    parts = {_first(piece): piece for piece in pieces}
    return Parts(parts) if len(parts) == len(pieces) and all(map(_as_written, pieces)) else None


def written(entries: Iterable[Mapping[str, Any]]) -> Parts | None:
    """What DVC writes of stages; None for what cannot be written one by one.

    entries: what `dvc.stage.serialize.to_lockfile` makes of each, its name and what is kept of it.
    """
    from dvc.utils.serialize import dumps_yaml

    parts = {}
    for entry in entries:
        # as deep as in the file, as lines are broken by their length
        piece = dumps_yaml({"stages": entry}).removeprefix("stages:\n")
        if STRANGE.search(piece):
            return None
        parts[_first(piece)] = piece
    return Parts(parts)


def _first(piece: str) -> str:
    return piece.partition("\n")[0].removeprefix("  ").removesuffix(":")


def _unquoted(name: str) -> str:
    """A stage's name from how it stands in dvc.lock."""
    from dvc.utils.serialize import loads_yaml

    return name if re.fullmatch(KEY, name, re.ASCII) else str(loads_yaml(name))


def _as_written(piece: str) -> bool:
    """Whether DVC would write a part as it is."""
    if not piece.partition("\n")[0].endswith(":"):
        return False
    return _plain(piece) or (not STRANGE.search(piece) and _again(piece) == piece)


def _again(piece: str) -> str:
    """A part, read and written by DVC."""
    from dvc.utils.serialize import YAMLFileCorruptedError, dumps_yaml, parse_yaml_for_update

    try:
        return dumps_yaml(parse_yaml_for_update(f"stages:\n{piece}", "")).removeprefix("stages:\n")
    except YAMLFileCorruptedError:
        return ""


def _plain(piece: str) -> bool:
    """Whether a part is all of keys and values that stand in YAML as they are, and of lists and mappings that stand
    where DVC puts them: a mapping two columns to the right of its key, a list below its key.
    """
    levels: list[tuple[int, bool]] = []  # columns of what is open, and whether it is a list
    keys: list[set[str]] = []  # of each level
    opened = 0  # column of the key before, if its value is still to come
    for line in piece.splitlines():
        found = LINE.fullmatch(line)
        if not found:
            return False
        indent, dashes, key, value, item = found.groups("")
        column, listed = len(indent), bool(dashes)
        if len(line) > (WIDTH if " " in value + item else LONGEST) or not (key or listed):
            return False
        if column == (opened if listed else opened + 2):
            levels.append((column, listed))
            keys.append(set())
        while levels and levels[-1] != (column, listed):
            if levels[-1][0] < column:
                return False
            levels.pop()
            keys.pop()
        if not levels or len(dashes) > 2:
            return False
        column += len(dashes)
        if listed and key:
            levels.append((column, False))
            keys.append(set())
        if key in keys[-1]:
            return False
        if key:
            keys[-1].add(key)
        opened = column if key and not value else NONE
    return True
