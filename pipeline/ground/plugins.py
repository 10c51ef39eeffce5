"""Plug-ins are files: an objective, network, data role, metric or figure is the module of that name in its folder."""

import importlib
from pathlib import Path
from types import ModuleType

from pipeline.ground.errors import InputError

ROOT = Path(__file__).parents[1]


def names(folder: str) -> list[str]:
    """The plug-ins there are in `pipeline/<folder>`: nothing but plug-ins lies there."""
    return sorted(path.stem for path in (ROOT / folder).glob("*.py") if path.stem != "__init__")


def load(folder: str, name: str) -> ModuleType:
    """The module `pipeline/<folder>/<name>.py`. Raises InputError naming the files there are."""
    if name not in (known := names(folder)):
        raise InputError(f"pipeline/{folder}/{name}.py: no such file; found {', '.join(known)}")
    return importlib.import_module(f"pipeline.{folder.replace('/', '.')}.{name}")
