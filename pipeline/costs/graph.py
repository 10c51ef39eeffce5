"""The stages of dvc.yaml and what each needs, without DVC, which takes seconds: for any params.yaml, in memory too."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pipeline.ground import params
from pipeline.ground.errors import InputError

FILE: Final = Path("dvc.yaml")
_NAMED: Final = re.compile(r"\$\{([\w.]+)\}")


def needs(content: Mapping[str, Any], path: Path = FILE) -> dict[str, frozenset[str]]:
    """The stages, `train@fc_vae`, in an order in which they can run, with those that each needs.

    content: of params.yaml. One needs another where one's dependency is the other's output, lies in it or holds it, as
    DVC has it. Raises InputError for what dvc.yaml has and this does not know.
    """
    stages = dict(_stages(params.load(path).get("stages") or {}, content, path))
    made: dict[PurePosixPath, set[str]] = defaultdict(set)  # who makes a path
    within: dict[PurePosixPath, set[str]] = defaultdict(set)  # who makes something in a folder
    for name, stage in stages.items():
        for output in _files(stage, "outs", "plots", "metrics"):
            made[output].add(name)
            for folder in output.parents:
                within[folder].add(name)
    found = {
        name: {
            other
            for one in _files(stage, "deps")
            for others in (within.get(one, ()), *(made.get(path, ()) for path in (one, *one.parents)))
            for other in others
        }
        - {name}
        for name, stage in stages.items()
    }
    return {name: frozenset(found[name]) for name in TopologicalSorter(found).static_order()}


def _stages(
    written: Mapping[str, Any], content: Mapping[str, Any], path: Path
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each stage by its name, with ${} filled in."""
    for kind, stage in written.items():
        if "foreach" not in stage:
            yield kind, _filled(stage, content, f"{path}: {kind}")
            continue
        items = _filled(stage["foreach"], content, f"{path}: {kind}")
        if not isinstance(items, Mapping):
            raise InputError(f"{path}: {kind}.foreach: expected a mapping, found {items!r}")
        for key, item in items.items():
            known = {**content, "key": key, "item": item}
            yield f"{kind}@{key}", _filled(stage["do"], known, f"{path}: {kind}@{key}")


def _filled(value: Any, known: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, Mapping):
        return {_filled(key, known, where): _filled(each, known, where) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, known, where) for each in value]
    if not isinstance(value, str):
        return value
    if whole := _NAMED.fullmatch(value):
        return _looked_up(whole[1], known, where)
    return _NAMED.sub(lambda name: str(_looked_up(name[1], known, where)), value)


def _looked_up(name: str, known: Mapping[str, Any], where: str) -> Any:
    value: Any = known
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise InputError(f"{where}: ${{{name}}}: no such key in {params.PARAMS}")
        value = value[part]
    return value


def _files(stage: Mapping[str, Any], *keys: str) -> list[PurePosixPath]:
    """Of lists whose entries are names, or a name with its settings."""
    entries: Iterable[Any] = (each for key in keys for each in stage.get(key) or ())
    return [PurePosixPath(next(iter(each)) if isinstance(each, Mapping) else each) for each in entries]
