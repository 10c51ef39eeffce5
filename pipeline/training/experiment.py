"""What an entry of `experiments` may say: keys that all have, its family's, its network's and its training's."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import Field, field_validator

from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.ground.params import Seed, Strict


class Experiment(Strict):
    """The keys that every experiment has. data: a role; family, network: plug-ins; seeds: one trained model each."""

    data: str
    family: str
    network: str
    seeds: tuple[Seed, ...] = Field(min_length=1)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("expected distinct integers")
        return seeds


M = TypeVar("M", bound=Strict)
N = TypeVar("N", bound=Strict)
T = TypeVar("T", bound=Strict)


@dataclass(frozen=True)
class Plan(Generic[M, N, T]):
    """One entry, each part checked by the schema it belongs to."""

    experiment: Experiment
    model: M
    network: N
    training: T


def head(block: Any, where: str) -> Experiment:
    """The common keys of an entry, enough to know which plug-ins tell what else it may say."""
    if not isinstance(block, Mapping):
        raise InputError(f"{params.PARAMS}: {where}: expected a mapping, found {block!r}")
    return params.parse(Experiment, {key: block[key] for key in Experiment.model_fields if key in block}, where)


def plan(block: Any, where: str, model: type[M], network: type[N], training: type[T]) -> Plan[M, N, T]:
    """Splits an entry's keys among the schemas that know them. Raises InputError for a wrong or unknown key."""
    experiment = head(block, where)
    schemas: tuple[type[Strict], ...] = (Experiment, model, network, training)
    known = [key for schema in schemas for key in schema.model_fields]
    for key in block:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"
            raise InputError(f"{params.PARAMS}: {where}.{key}: unknown key; {hint}")
    return Plan(experiment, *(_part(block, where, schema) for schema in (model, network, training)))  # type: ignore[arg-type]


def _part(block: Mapping[str, Any], where: str, schema: type[Strict]) -> Strict:
    return params.parse(schema, {key: block[key] for key in schema.model_fields if key in block}, where)
