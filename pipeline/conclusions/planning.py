"""Which open conclusions a given time is best spent on: the plan that decides most of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """chosen: ids of the conclusions that it would decide, cheapest first. seeds: how many each experiment then has, of
    those that get more. seconds: that it takes.
    """

    chosen: tuple[str, ...]
    seeds: Mapping[str, int]
    seconds: float


def plan(wanted: Mapping[str, Mapping[str, int]], cost: Callable[[str, int], float], seconds: float) -> Plan:
    """As many conclusions as the seconds allow: always the one next that then costs least.

    wanted: of each conclusion, with how many seeds of each experiment it would be decided. cost: what it takes to have
    so many seeds of an experiment, 0 where it has them. Seeds that one conclusion pays for are there for the others.
    """
    chosen: list[str] = []
    have: dict[str, int] = {}
    spent = 0.0
    left = dict(wanted)
    while left:
        prices = {name: price(seeds, cost, have) for name, seeds in left.items()}
        name = min(left, key=lambda each: prices[each])
        if spent + prices[name] > seconds:
            break
        spent += prices[name]
        have |= {each: max(count, have.get(each, 0)) for each, count in left.pop(name).items()}
        chosen.append(name)
    return Plan(tuple(chosen), {name: count for name, count in have.items() if cost(name, count)}, spent)


def price(seeds: Mapping[str, int], cost: Callable[[str, int], float], have: Mapping[str, int]) -> float:
    """Seconds to have so many seeds of each experiment, where `have` are there or paid for."""
    extra = (cost(name, count) - cost(name, have.get(name, 0)) for name, count in seeds.items())
    return sum(max(0.0, each) for each in extra)
