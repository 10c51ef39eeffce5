"""Where the time of a run went, by kind of stage: read from the log that `latentlab repro` leaves."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.ground.errors import InputError
from pipeline.running.record import LOG

KINDS = ("prepare", "classify", "referee", "train", "evaluate", "figures", "conclude", "report")
HOW = "remove what was made (`make clean`) and type `latentlab repro`"


@dataclass(frozen=True)
class Kind:
    """Stages of one kind, or what they have in common: how many, and seconds. cpu: None where it is not told apart."""

    name: str
    stages: int
    wall: float
    cpu: float | None


@dataclass(frozen=True)
class ColdRun:
    """A whole run. jobs: stages at a time; total: seconds from beginning to end, of which kinds' walls overlap."""

    machine: str
    jobs: int
    total: float
    kinds: tuple[Kind, ...]

    @property
    def stages(self) -> int:
        return sum(kind.stages for kind in self.kinds)


def read(experiments: Iterable[str], path: Path = LOG) -> ColdRun:
    """The last run's log. Raises InputError when there is none, the run did not come to its end, or was not cold: it
    must have trained all of `experiments`.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file; {HOW}")
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        first, *stages, last = lines
        found = ColdRun(str(first["machine"]), int(first["jobs"]), float(last["total_seconds"]), kinds(stages))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: expected the log of a whole run, found otherwise ({error!r}); {HOW}") from None
    trained = {str(line["stage"]).removeprefix("train@") for line in stages}
    if missing := set(experiments) - trained:
        raise InputError(f"{path}: expected a cold run, found one that did not train {len(missing)} experiments; {HOW}")
    return found


def kinds(stages: Iterable[Mapping[str, Any]]) -> tuple[Kind, ...]:
    """Seconds by kind, in the order of the pipeline, then DVC's own and those of starting commands, of all kinds."""
    rows = list(stages)
    by_name: dict[str, list[Mapping[str, Any]]] = {name: [] for name in KINDS}
    for row in rows:
        by_name.setdefault(str(row["stage"]).split("@")[0], []).append(row)
    found = [Kind(name, len(each), _sum(each, "seconds"), _cpu(each)) for name, each in by_name.items() if each]
    rest = (("DVC", "dvc_seconds"), ("start-up", "startup_seconds"))
    return (*found, *(Kind(name, 0, _sum(rows, key), None) for name, key in rest))


def _sum(rows: Iterable[Mapping[str, Any]], key: str) -> float:
    return sum(float(row[key]) for row in rows)


def _cpu(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """None when it is not known of a stage."""
    return None if any(row["cpu_seconds"] is None for row in rows) else _sum(rows, "cpu_seconds")
