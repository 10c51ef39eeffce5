"""The house: rooms that say what belongs in them, and imports that run one way."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from pipeline.ground.plugins import ROOT as PIPELINE

ROOT = PIPELINE.parent
# The one place that orders the rooms.
ROOMS: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["latentlab"]["rooms"]
CODE = ("pipeline", "stages", "tools", "benchmarks")


def imported(file: Path) -> set[str]:
    """All modules that a file imports, anywhere in it, also those that are only for its types."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_of(modules: set[str]) -> set[str]:
    return {module.split(".")[1] for module in modules if module.startswith("pipeline.")}


def docstring(package: Path) -> str:
    return ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""


def test_every_room_is_ordered() -> None:
    folders = {path.name for path in PIPELINE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert sorted(ROOMS) == sorted(folders)
    assert not [path for path in PIPELINE.glob("*.py") if path.name != "__init__.py"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_it_says_and_nothing_above_it(room: str) -> None:
    found = {each for file in (PIPELINE / room).rglob("*.py") for each in rooms_of(imported(file))} - {room}
    assert found <= set(ROOMS[: ROOMS.index(room)])
    said = re.fullmatch(r"[^\n]+\. May import ((?:\w+, )*\w+)\.", docstring(PIPELINE / room))
    assert said, f"{room}: expected what belongs in it, and `May import ...` (or none) at the end of one line"
    assert [*said[1].split(", ")] == [each for each in ROOMS if each in found] or (said[1], found) == ("none", set())


def test_packages_hold_a_docstring_and_nothing_else() -> None:
    """A hub would make every stage depend on everything, and DVC does not look at these files."""
    packages = [path for folder in CODE for path in (ROOT / folder).rglob("__init__.py")]
    assert len(packages) > len(ROOMS)
    for path in packages:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        assert [type(node) for node in body] in ([], [ast.Expr]), path
        assert path.parent.parent == ROOT or docstring(path.parent), path


def test_the_library_knows_neither_stages_nor_tools() -> None:
    for folder in ("pipeline", "stages"):
        for file in (ROOT / folder).rglob("*.py"):
            assert not {each for each in imported(file) if each.split(".")[0] in {"stages", "tools", "tests"}}, file


def test_no_file_holds_more_than_one_reads_at_a_time() -> None:
    """A bound on length does not make a file hold one idea, but none that does needs more."""
    long = {path: len(path.read_text(encoding="utf-8").splitlines()) for f in CODE for path in (ROOT / f).rglob("*.py")}
    assert not {str(path): lines for path, lines in long.items() if lines > 350}
