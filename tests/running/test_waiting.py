"""Stages in a line: whoever is first and has room comes next, and only when what it needs is done."""

import random

from pipeline.running.commands import Wanted
from pipeline.running.waiting import Waiting

ANY, GPU = Wanted(), Wanted(gpus=1)


def test_the_first_for_which_there_is_room() -> None:
    names = ["a", "b", "c", "d"]
    wanted = {"a": GPU, "b": ANY, "c": GPU, "d": ANY}
    line = Waiting(
        dict.fromkeys(names, frozenset[str]()), {name: n for n, name in enumerate(names)}, wanted.__getitem__
    )
    line.fill(names)
    assert line.pop(lambda each: each != GPU) == "b"
    assert line.pop(lambda each: True) == "a"
    assert line.pop(lambda each: True) == "c"
    assert line.pop(lambda each: each == GPU) is None
    assert line.any_ready
    assert line.pop(lambda each: True) == "d"
    assert not line.any_ready


def test_none_comes_before_what_it_needs_and_all_come() -> None:
    """Of a graph of a thousand, by chance, settled in any order."""
    draw = random.Random(0)
    names = [f"s{number}" for number in range(1000)]
    needs = {
        name: frozenset(draw.sample(names[:number], min(number, draw.randrange(4))))
        for number, name in enumerate(names)
    }
    line = Waiting(needs, {name: draw.randrange(10**6) for name in names}, lambda _: ANY)
    line.fill(names)
    running: list[str] = []
    done: set[str] = set()
    while len(line) or running:
        while (name := line.pop(lambda _: len(running) < 7)) is not None:
            assert needs[name] <= done
            running.append(name)
        ended = running.pop(draw.randrange(len(running)))
        done.add(ended)
        line.settled(ended)
    assert done == set(names)


def test_what_is_not_in_line_is_not_waited_for() -> None:
    line = Waiting({"a": frozenset(), "b": frozenset(["a"])}, {"a": 0, "b": 1}, lambda _: ANY)
    line.fill(["b"])  # as when `a` has not changed
    assert line.pop(lambda _: True) == "b"
