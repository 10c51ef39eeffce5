"""How conclusions came out: what stage `conclude` writes, and the page reads again."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError

from pipeline.ground.errors import InputError

Verdict = Literal["supported", "contradicted", "undecided"]
VERDICTS: Final[tuple[Verdict, ...]] = ("supported", "contradicted", "undecided")


@dataclass(frozen=True)
class ClaimResult:
    """How a claim came out. effect: a difference, or a mean, with its interval; None where it is not measured.

    bound_low, bound_high: between which the effect must lie; None: unbounded on that side, or not known.
    seeds: the fewest behind it, 0 where it is not measured. needs: what would decide it, empty where it is. alone:
    whether the interval is told by these experiments' own seeds, without a pool.
    """

    text: str
    metric: str
    experiments: tuple[str, ...]
    verdict: Verdict
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    bound_low: float | None = None
    bound_high: float | None = None
    unit: str = ""
    seeds: int = 0
    needs: str = ""
    alone: bool = False


@dataclass(frozen=True)
class Result:
    """How a conclusion came out. report: the letter of the report. why: the reason for the verdict. level: of its
    claims' intervals. seeds: with how many of each experiment it would be decided, if more seeds would.
    """

    id: str
    report: str
    sentence: str
    measured: str
    verdict: Verdict
    why: str
    needs: str
    claims: tuple[ClaimResult, ...]
    level: float = 0.95
    seeds: Mapping[str, int] = field(default_factory=dict)


def load(path: Path) -> list[Result]:
    """Raises InputError when the file is missing or is something else."""
    try:
        return TypeAdapter(list[Result]).validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `dvc repro conclude` makes it") from None
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise InputError(
            f"{path}: {where}: {fault['msg']}, found {json.dumps(fault['input'], default=str)[:80]}"
        ) from None


def counts(results: Sequence[Result]) -> dict[Verdict, int]:
    """How many there are of each verdict."""
    found = Counter(each.verdict for each in results)
    return {verdict: found[verdict] for verdict in VERDICTS}


def summary(results: Sequence[Result]) -> str:
    """How many came out how."""
    told = (f"{count} {verdict}" for verdict, count in counts(results).items())
    return f"{len(results)} conclusions: {', '.join(told)}"
