"""Strict, typed reading of `params.yaml`, the only place where an experiment is described."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.ground.errors import InputError

PARAMS = Path("params.yaml")
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")  # of experiments and roles: they stand in paths and commands
NAMES: Final = "expected names of letters, digits and underscores that begin with a letter, at most 64 of them"

LARGEST: Final = 65_536  # units, channels or dimensions that anything may have
MOST: Final = 100_000_000  # images, updates or passes
Size = Annotated[int, Field(ge=1, le=LARGEST)]
Count = Annotated[int, Field(ge=1, le=MOST)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Strict(BaseModel):
    """Settings that refuse what they do not know.

    Numbers written as strings are read as numbers: YAML 1.1 takes `1e-3` for a string. `parse` refuses switches where
    numbers are expected, which pydantic would read as 1 and 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


S = TypeVar("S", bound=Strict)


class _Once(yaml.SafeLoader):
    """Refuses a key that is there twice, the second of which would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        seen: dict[Any, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            name, line = key.value, key.start_mark.line + 1
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"expected each key once, found {name!r} in lines {seen[name]} and {line}"
                )
            seen[name] = line
        return super().construct_mapping(node, deep)


class _WrittenOut(_Once):
    """Refuses anchors, too."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if anchor := getattr(event, "anchor", None):
            raise yaml.composer.ComposerError(
                None,
                None,
                f"expected no anchors, as a change of one value would change others; found {anchor!r} in line"
                f" {event.start_mark.line + 1}",
            )
        return super().compose_node(parent, index)


def load(path: Path = PARAMS, anchors: bool = False) -> dict[str, Any]:
    """All of a parameter file. Raises InputError when it is missing, is not a YAML mapping, has a key twice, or anchors
    where they are not allowed.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Once if anchors else _WrittenOut)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); run from the project's root") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected UTF-8, found otherwise at byte {error.start}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date like 2026-99-99
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a mapping of parameters, found {type(content).__name__}")
    return content


def read(key: str) -> Any:
    """The value under a dotted key, `read("experiments.fc_vae")`. Raises InputError naming the known keys, and for a
    name that none may have: `dvc repro` asks for whatever params.yaml holds.
    """
    block, _, name = key.partition(".")
    if name and not all(map(NAME.fullmatch, name.split("."))):
        raise InputError(f"{PARAMS}: {block}: {NAMES}, found {name!r}")
    value: Any = load()
    for depth, part in enumerate(parts := key.split(".")):
        if not isinstance(value, Mapping) or part not in value:
            known = ", ".join(map(str, value)) if isinstance(value, Mapping) else repr(value)
            where = ".".join(parts[:depth]) or str(PARAMS)
            raise InputError(f"{PARAMS}: {key}: no key {part!r} in {where}; found {known}")
        value = value[part]
    return value


def parse(schema: type[S], value: Any, where: str) -> S:
    """`value` as a `schema`. Raises InputError: a line that names each wrong key, what it wants and what it found."""
    try:
        found = schema.model_validate(value)
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            key = ".".join([where, *map(str, fault["loc"])])
            if fault["type"] == "extra_forbidden":
                faults.append(f"{key}: unknown key, expected one of {', '.join(schema.model_fields)}")
            elif fault["type"] == "missing":
                faults.append(f"{key}: missing")
            else:
                faults.append(f"{key}: {fault['msg']}, found {_shown(fault['input'])}")
        raise InputError(f"{PARAMS}: " + "; ".join(faults)) from None
    if faults := [f"{key}: expected a number, found {value}" for key, value in _switches(where, value, found)]:
        raise InputError(f"{PARAMS}: " + "; ".join(faults))
    return found


def _switches(where: str, value: Any, found: Any) -> Iterator[tuple[str, bool]]:
    """Keys of `value` whose true or false was read as a number."""
    if isinstance(value, bool):
        if not isinstance(found, bool):
            yield where, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            read = found.get(key) if isinstance(found, Mapping) else getattr(found, str(key), None)
            yield from _switches(f"{where}.{key}", each, read)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for place, (each, read) in enumerate(zip(value, found, strict=False)):
            yield from _switches(f"{where}.{place}", each, read)


def _shown(value: Any) -> str:
    """A value in a line: short."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
