"""The schemas of plug-ins, without importing the plug-ins: torch alone takes seconds."""

import ast
from functools import cache
from typing import Any

from pipeline.ground.errors import InputError
from pipeline.ground.params import Strict
from pipeline.ground.plugins import ROOT as PIPELINE
from pipeline.ground.plugins import names

LIGHT = ("typing", "collections.abc", "pydantic", "pipeline.ground.params")  # modules that a schema may need


@cache
def settings(plugin: str) -> type[Strict]:
    """The class `Settings` of `pipeline/<plugin>.py`, from the file's own source: its Strict classes and light imports.

    Raises InputError when there is no such file, naming those there are.
    """
    path = PIPELINE / f"{plugin}.py"
    within = all(part.isidentifier() for part in plugin.split("/"))
    if not within or path.stem not in names(str(path.parent.relative_to(PIPELINE))):
        known = ", ".join(names(str(path.parent.relative_to(PIPELINE))))
        raise InputError(f"pipeline/{plugin}.py: no such file; found {known}")
    schemas = {"Strict"}
    body: list[ast.stmt] = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module in LIGHT:
            body.append(node)
        elif isinstance(node, ast.ClassDef) and schemas & {b.id for b in node.bases if isinstance(b, ast.Name)}:
            schemas.add(node.name)
            body.append(node)
    space: dict[str, Any] = {"__name__": f"pipeline.{plugin.replace('/', '.')}"}
    exec(compile(ast.Module(body, []), str(path), "exec"), space)
    found: type[Strict] = space["Settings"]
    return found
