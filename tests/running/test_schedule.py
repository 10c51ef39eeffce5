"""Order and clock of a run, with answers that are known."""

import random
import time

import pytest

from pipeline.running import schedule

CHAIN = {"a": set[str](), "b": {"a"}, "c": {"b"}, "x": set[str](), "y": set[str]()}
PLACES = {name: place for place, name in enumerate(CHAIN)}


def test_seconds_of_an_unknown_stage_are_the_mean_of_its_kind_or_of_all() -> None:
    known = {"train@a": 10.0, "train@b": 20.0, "report": 3.0}
    found = schedule.expected(["train@a", "train@new", "other"], known)
    assert found == {"train@a": 10, "train@new": 15, "other": 11}
    assert set(schedule.expected(["p", "q"], {}).values()) == {1.0}


def test_the_longest_path_is_first_and_an_experiment_is_finished_before_the_next_one_begins() -> None:
    stages = ["train@short", "evaluate@short", "train@long", "evaluate@long", "report"]
    needs = {
        "train@short": set[str](),
        "evaluate@short": {"train@short"},
        "train@long": set[str](),
        "evaluate@long": {"train@long"},
        "report": {"evaluate@short", "evaluate@long"},
    }
    known = {"train@short": 10.0, "evaluate@short": 5.0, "train@long": 100.0, "evaluate@long": 2.0, "report": 1.0}
    place = schedule.ranks(stages, needs, known)
    assert sorted(place, key=place.__getitem__) == [*stages[2:4], *stages[:2], "report"]


def test_with_nothing_known_experiments_are_in_dvcs_order_and_each_is_finished() -> None:
    assert list(schedule.ranks(list(CHAIN), CHAIN, {}).values()) == [0, 1, 2, 3, 4]
    stages = ["train@a", "train@b", "evaluate@a", "evaluate@b"]
    needs = {"train@a": set[str](), "train@b": set[str](), "evaluate@a": {"train@a"}, "evaluate@b": {"train@b"}}
    place = schedule.ranks(stages, needs, {})
    assert sorted(place, key=place.__getitem__) == ["train@a", "evaluate@a", "train@b", "evaluate@b"]


@pytest.mark.parametrize(("jobs", "seconds"), [(1, 15.0), (2, 9.0), (3, 9.0)])
def test_a_chain_and_two_independent_stages(jobs: int, seconds: float) -> None:
    """The chain takes 9 s, the others 2 s and 4 s beside it."""
    waiting = {"a": 3.0, "b": 3.0, "c": 3.0, "x": 2.0, "y": 4.0}
    assert schedule.seconds_left(waiting, {}, CHAIN, PLACES, jobs) == seconds


def test_what_runs_takes_a_worker_until_it_ends() -> None:
    assert schedule.seconds_left({"b": 3.0, "c": 3.0, "y": 4.0}, {"a": 1.0, "x": 2.0}, CHAIN, PLACES, 2) == 7
    assert schedule.seconds_left({"y": 4.0}, {"x": 2.0}, CHAIN, PLACES, 1) == 6
    assert schedule.seconds_left({}, {"x": 2.0}, CHAIN, PLACES, 1) == 2
    assert schedule.seconds_left({}, {}, CHAIN, PLACES, 1) == 0


def test_speed_is_told_by_what_is_done_and_by_what_takes_too_long() -> None:
    assert schedule.speed([], [(1.0, 5.0)]) is None
    assert schedule.speed([(20.0, 10.0), (4.0, 2.0)], [(1.0, 5.0)]) == 2
    assert schedule.speed([(10.0, 10.0)], [(30.0, 10.0)]) == 2


def test_a_machine_twice_as_slow_doubles_the_estimate() -> None:
    waiting = {"b": 3.0, "c": 3.0, "y": 4.0}
    once = schedule.seconds_left(waiting, {}, CHAIN, PLACES, 2)
    factor = schedule.speed([(6.0, 3.0), (4.0, 2.0)], [])
    assert factor == 2
    slow = {stage: factor * seconds for stage, seconds in waiting.items()}
    assert schedule.seconds_left(slow, {}, CHAIN, PLACES, 2) == 2 * once


def test_every_need_is_earlier_than_what_needs_it_can_start() -> None:
    """On graphs drawn at random the estimate lies between the bounds that hold for every order."""
    draw = random.Random(0)
    for _ in range(50):
        names = [f"{draw.choice('pq')}@{number}" for number in range(12)]
        needs = {name: set(draw.sample(names[:at], min(at, draw.randrange(3)))) for at, name in enumerate(names)}
        seconds = {name: draw.uniform(1, 9) for name in names}
        longest: dict[str, float] = {}
        for name in names:
            longest[name] = seconds[name] + max((longest[need] for need in needs[name]), default=0)
        found = schedule.seconds_left(seconds, {}, needs, schedule.ranks(names, needs, seconds), 3)
        low = max(*longest.values(), sum(seconds.values()) / 3)
        assert low <= found + 1e-9
        assert found <= sum(seconds.values()) / 3 + max(longest.values()) + 1e-9  # Graham 1966


def test_ten_thousand_stages_take_no_longer_than_their_number() -> None:
    """It is asked for again and again, so that what grows with the square of them is too slow."""
    stages = [f"{kind}@{number}" for number in range(3_333) for kind in ("train", "evaluate", "figures")] + ["report"]
    needs = {name: {f"train@{schedule.item(name)}"} - {name} for name in stages[:-1]} | {"report": set(stages[:-1])}
    start = time.process_time()
    place = schedule.ranks(stages, needs, {})
    assert 1_001 <= schedule.seconds_left(dict.fromkeys(stages, 1.0), {}, needs, place, 10) <= 1_002
    assert time.process_time() - start < 3
