"""Conclusions about made-up measurements of one metric, `score`, and how they come out."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.conclusions.claims import parse
from pipeline.conclusions.results import Result
from pipeline.conclusions.verdicts import judge
from pipeline.statistics.measurements import Measured, Measurements


def measurements(
    values: Sequence[float], errors: Sequence[float] = (), trials: int | None = None, test_set: str = "test"
) -> Measurements:
    """An experiment of which only `score` is measured."""
    score = Measured("higher", tuple(values), tuple(errors), trials)
    return Measurements("source", "machine", test_set, tuple(range(len(values))), {"score": score}, {})


def around(mean: float, spread: float = 0.01, seeds: int = 3) -> list[float]:
    """Values with this mean and this standard deviation."""
    steps = np.arange(seeds) - (seeds - 1) / 2
    return list(mean + spread * steps / steps.std(ddof=1))


def claim(**keys: Any) -> dict[str, Any]:
    return {"metric": "score", "of": "a", **keys}


def judged(
    claims: Sequence[dict[str, Any]],
    found: dict[str, Measurements],
    requires: Sequence[dict[str, Any]] = (),
    looks: int = 1,
    **more: Any,
) -> Result:
    """The result of one conclusion; more: keys of the experiments in params.yaml."""
    entry = {**GOOD, "claims": claims, "requires": requires, "looks": looks}
    experiments = {name: more.get(name, {}) for name in found} | more
    return judge({"A1": parse("A1", entry)}, experiments, found)[0]


CHANGE = {"of": ["a", "b"], "changes_less_than": ["c", "d"]}
GOOD = {"sentence": "It is so.", "measured": "By its score.", "claims": [claim(above=1)]}


def seeds_needed(needs: str) -> int:
    """How many seeds a conclusion says it needs."""
    found = re.fullmatch(r"about (\d+) seeds( a side)? instead of \d+, if the effect stays as large as measured", needs)
    assert found, needs
    return int(found[1])
