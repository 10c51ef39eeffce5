"""Strict, typed reading of `params.yaml`, the only place where an experiment is described."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.ground.errors import InputError

PARAMS = Path("params.yaml")


class Strict(BaseModel):
    """Settings that refuse what they do not know.

    Numbers written as strings are read as numbers: YAML 1.1 takes `1e-3` for a string.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


S = TypeVar("S", bound=Strict)


def load(path: Path = PARAMS) -> dict[str, Any]:
    """All of a parameter file. Raises InputError when it is missing or is not a YAML mapping."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); run from the project's root") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a mapping of parameters, found {type(content).__name__}")
    return content


def read(key: str) -> Any:
    """The value under a dotted key, `read("experiments.fc_vae")`. Raises InputError naming the known keys."""
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
        return schema.model_validate(value)
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            key = ".".join([where, *map(str, fault["loc"])])
            if fault["type"] == "extra_forbidden":
                faults.append(f"{key}: unknown key, expected one of {', '.join(schema.model_fields)}")
            elif fault["type"] == "missing":
                faults.append(f"{key}: missing")
            else:
                faults.append(f"{key}: {fault['msg']}, found {fault['input']!r}")
        raise InputError(f"{PARAMS}: " + "; ".join(faults)) from None
