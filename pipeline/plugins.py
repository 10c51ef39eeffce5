"""Plug-ins are files: a family, network, data role, metric or figure is the module of that name in its folder."""

import importlib
from pathlib import Path
from types import ModuleType

from pipeline.errors import InputError


def plugin(folder: str, name: str) -> ModuleType:
    """The module `pipeline.<folder>.<name>`. Raises InputError naming the files there are."""
    here = Path(__file__).parent / folder
    known = sorted(path.stem for path in here.glob("*.py") if path.stem not in ("__init__", "base", "style"))
    if name not in known:
        raise InputError(f"pipeline/{folder}/{name}.py: no such file; found {', '.join(known)}")
    return importlib.import_module(f"pipeline.{folder}.{name}")
