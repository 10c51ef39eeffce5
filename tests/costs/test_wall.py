"""How long a run takes by its number of workers: bounds that hold of any schedule, and cases known by heart."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.costs.wall import NO_FASTER, Units, enough, split, walls

COUNTS = (1, 2, 3, 5, 100)


@st.composite
def units(draw: st.DrawFn) -> Units:
    count = draw(st.integers(1, 12))
    seconds = {f"u{n}": draw(st.floats(0.1, 100)) for n in range(count)}
    needs = {f"u{n}": frozenset(f"u{m}" for m in range(n) if draw(st.integers(0, 3)) == 0) for n in range(count)}
    return Units(seconds, needs)


@given(units())
def test_no_wall_is_below_its_bounds(some: Units) -> None:
    """Graham's, of any list schedule: at most work / workers and the critical path together."""
    longest, path = some.critical()
    assert longest == pytest.approx(sum(some.seconds[unit] for unit in path))
    assert all(one in some.needs[other] for one, other in itertools.pairwise(path))
    found = {wall.workers: wall.seconds for wall in walls(some, COUNTS)}
    for workers, seconds in found.items():
        assert seconds >= max(longest, some.total / workers) - 1e-6
        assert seconds <= some.total / workers + longest + 1e-6
    assert found[1] == pytest.approx(some.total)
    assert found[100] == pytest.approx(longest)
    fewest = enough(some)
    assert fewest.seconds <= NO_FASTER * longest + 1e-6
    assert fewest.workers <= len(some.seconds)


def test_seeds_train_side_by_side_and_who_needs_them_waits_for_all() -> None:
    needs = {"prepare": frozenset[str](), "train@a": frozenset({"prepare"}), "evaluate@a": frozenset({"train@a"})}
    some = split(needs, {"prepare": 1.0, "evaluate@a": 2.0}, {"train@a": {7: 10.0, 8: 10.0}})
    assert some.needs["evaluate@a"] == {"train@a#7", "train@a#8"}
    assert some.needs["train@a#8"] == {"prepare"}
    assert [wall.seconds for wall in walls(some, [1, 2, 3])] == [23.0, 13.0, 13.0]
    assert enough(some).workers == 2
    assert some.critical()[0] == 13.0


def test_of_nothing_there_is_no_path() -> None:
    assert Units({}, {}).critical() == (0.0, [])
