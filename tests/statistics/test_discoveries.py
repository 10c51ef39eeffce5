"""Of many verdicts those stand that Benjamini and Hochberg's rule lets stand, so that checks fail for a reason."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.random import Generator, default_rng

from pipeline.comparison.gate import gate
from pipeline.comparison.pairs import compare
from pipeline.comparison.revisions import Revision, pooled
from pipeline.statistics.discoveries import RATE, standing
from pipeline.statistics.measurements import Measured, Measurements

COMPARISONS = 400


def _stepped_up(chances: Sequence[float], rate: float) -> list[bool]:
    """By the rule as it was published: all up to the largest rank k whose chance is at most k / m of the rate."""
    ranked = sorted(chances)
    passing = [chance for rank, chance in enumerate(ranked, 1) if chance <= rank / len(ranked) * rate]
    return [bool(passing) and chance <= passing[-1] for chance in chances]


@pytest.mark.parametrize("count", [1, 2, 7, 60])
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_what_stands_is_benjamini_and_hochbergs(count: int, rate: float) -> None:
    random = default_rng(count)
    counted = set()
    for power in np.repeat((1.0, 2.0, 5.0), 100):
        chances = (random.random(count) ** power).tolist()
        assert standing(chances, rate) == _stepped_up(chances, rate)
        counted.add(sum(standing(chances, rate)))
    assert {0, count} & counted
    assert len(counted) > 1


def test_what_is_not_known_never_stands_and_is_not_counted() -> None:
    assert standing([]) == []
    assert standing([None, None]) == [False, False]
    assert standing([None, 0.04, None]) == [False, True, False]
    assert standing([0.04, 0.9, None]) == [False, False, False]
    assert standing([0.02, None, 0.9, 0.0]) == [True, False, False, True]
    assert standing([RATE]) == [True]


def _revision(random: Generator, name: str, worse: float = 0.0) -> Revision:
    """Five experiments of three seeds, measured by twelve metrics, of which one of one is `worse` by so much."""
    experiments = [f"vae{number}" for number in range(5)]
    found = {}
    for each in experiments:
        values = random.normal(size=(12, 3))
        values[7] -= worse * (each == "vae2")
        metrics = {f"metric{number}": Measured("higher", tuple(row)) for number, row in enumerate(values.tolist())}
        found[each] = Measurements("squares", "", "squares", (0, 1, 2), metrics, {})
    return Revision(name, name, {"experiments": {each: {"data": "digits"} for each in experiments}}, found)


def test_what_really_got_worse_fails() -> None:
    random = default_rng(1)
    for _ in range(10):
        comparison = compare(*pooled([_revision(random, "base"), _revision(random, "head", worse=12.0)]))
        (line,) = gate([comparison], ["*"], []).worse
        assert line.startswith("vae2:metric7 got worse")


def test_where_nothing_changed_hardly_any_check_fails() -> None:
    """Though in most comparisons one of the sixty metrics has got worse, looked at by itself."""
    random, failed, tempted = default_rng(0), 0, 0
    for _ in range(COMPARISONS):
        comparison = compare(*pooled([_revision(random, "base"), _revision(random, "head")]))
        rows = [row for pair in comparison.pairs for row in pair.rows]
        assert len(rows) == 60
        tempted += any(row.verdict == "worse" for row in rows)
        failed += bool(gate([comparison], ["*"], []).worse)
    assert failed <= RATE * COMPARISONS
    assert tempted > COMPARISONS / 3
