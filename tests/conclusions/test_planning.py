"""The plan decides the cheapest conclusions first, keeps to the time, and pays for shared seeds once."""

import pytest

from pipeline.conclusions.planning import plan, price

HAVE = {"a": 2, "b": 2, "c": 2}
SEED = {"a": 10.0, "b": 20.0, "c": 300.0}  # seconds


def cost(name: str, count: int) -> float:
    return SEED[name] * max(0, count - HAVE[name])


def test_the_cheapest_come_first_until_the_time_is_over() -> None:
    found = plan({"A1": {"c": 3}, "A2": {"a": 4}, "A3": {"b": 3}}, cost, 45)
    assert found.chosen == ("A2", "A3")  # of equals the first
    assert found.seeds == {"a": 4, "b": 3}
    assert found.seconds == 40


def test_what_one_conclusion_pays_for_is_there_for_the_others() -> None:
    wanted = {"A1": {"a": 6}, "A2": {"a": 5, "b": 3}, "A3": {"a": 6, "b": 3}}
    found = plan(wanted, cost, 60)
    assert set(found.chosen) == set(wanted)
    assert found.seconds == 60 == cost("a", 6) + cost("b", 3)
    assert found.seeds == {"a": 6, "b": 3}


def test_nothing_fits() -> None:
    found = plan({"A1": {"c": 3}}, cost, 299)
    assert (found.chosen, found.seeds, found.seconds) == ((), {}, 0)


@pytest.mark.parametrize(("have", "expected"), [({}, 60.0), ({"a": 4}, 40.0), ({"a": 9, "b": 9}, 0.0)])
def test_a_price_is_what_is_still_to_pay(have: dict[str, int], expected: float) -> None:
    assert price({"a": 4, "b": 4}, cost, have) == expected


def test_seeds_that_are_there_are_in_no_plan() -> None:
    assert plan({"A1": {"a": 2, "b": 3}}, cost, 100).seeds == {"b": 3}
