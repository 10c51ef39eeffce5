"""Looking again at more seeds does not cheat: all looks together decide a nil effect in at most 5 % of cases."""

import numpy as np
import pytest
from conclusions.judging import GOOD, claim, measurements

from pipeline.conclusions import claims
from pipeline.conclusions.claims import parse
from pipeline.conclusions.verdicts import judge
from pipeline.statistics import pools, spending
from pipeline.statistics.measurements import Measurements

POOLS = 200
LOOKS = 4
BACKGROUND = 4  # experiments beside the two that are compared


def test_all_looks_together_spend_what_is_allowed() -> None:
    spent = [1 - spending.level(look) for look in range(1, 40)]
    assert sum(spent) == pytest.approx(spending.ALLOWED)
    assert sorted(spent, reverse=True) == spent
    assert spending.level(1) == pytest.approx(0.96)


def test_a_later_look_is_held_to_a_stricter_level() -> None:
    found = {"a": measurements([1.0, 1.1, 1.2]), "b": measurements([0.7, 0.8, 0.9])}
    entry = {"sentence": "It is so.", "measured": "By its score.", "claims": [claim(higher_than="b")]}
    first, second = (
        judge({"A1": parse("A1", {**entry, "looks": looks})}, {"a": {}, "b": {}}, found)[0] for looks in (1, 2)
    )
    assert (first.verdict, second.verdict) == ("supported", "undecided")
    assert (first.level, second.level) == pytest.approx((0.96, 0.992))
    assert "99.2 %" in second.why
    assert second.seeds.keys() == {"a", "b"}
    assert min(second.seeds.values()) > 3


def drawn(noise: np.random.Generator, seeds: dict[str, int], have: dict[str, Measurements]) -> dict[str, Measurements]:
    """The seeds that are there, and more, all of one mean and one spread: nothing differs."""
    values = {name: list(have[name].metrics["score"].values) if name in have else [] for name in seeds}
    return {name: measurements([*old, *noise.normal(size=seeds[name] - len(old))]) for name, old in values.items()}


def decided(noise: np.random.Generator, spend: bool) -> bool:
    """Whether any look decides that `a` is higher than `b`, or is not; each with the seeds that the last one asked for.

    spend: whether later looks are counted as such.
    """
    seeds = dict.fromkeys(["a", "b", *(f"c{number}" for number in range(BACKGROUND))], 2)
    found: dict[str, Measurements] = {}
    for look in range(1, LOOKS + 1):
        found = drawn(noise, seeds, found)
        entry = {**GOOD, "claims": [claim(higher_than="b")], "looks": look if spend else 1}
        result = judge({"A1": parse("A1", entry)}, {name: {} for name in seeds}, pools.pooled(found))[0]
        if result.verdict != "undecided":
            return True
        wanted = {name: min(count, 4 * seeds[name]) for name, count in result.seeds.items()}
        seeds |= wanted or {name: 2 * seeds[name] for name in ("a", "b")}  # also where it is told to be of no use
    return False


def test_a_nil_effect_is_decided_as_rarely_as_one_look_would() -> None:
    noise = np.random.default_rng(0)
    wrong = sum(decided(noise, spend=True) for _ in range(POOLS))
    cheating = sum(decided(noise, spend=False) for _ in range(POOLS))
    assert wrong <= (0.05 + 2 * (0.05 * 0.95 / POOLS) ** 0.5) * POOLS
    assert cheating > wrong  # each look at 96 % is what the rule prevents


def test_the_file_counts_a_look_and_stays_as_it_is() -> None:
    text = (
        "# On top.\nA1:\n  sentence: >-\n    It is\n    so.\n  claims:\n    - { metric: m, of: a, above: 1 } # why\n"
        "B2:\n    looks: 3 # as it was\n    sentence: So.\n"
    )
    counted = claims.counted(text, ["B2", "A1"])
    assert [line for line in counted.splitlines() if "looks" not in line] == [
        line for line in text.splitlines() if "looks" not in line
    ]
    assert "A1:\n  looks: 2 #" in counted
    assert "B2:\n    looks: 4 #" in counted
    assert claims.counted(text, []) == text


def test_what_would_decide_does_so_at_the_next_look() -> None:
    """Mostly: in four of five cases, where the scatter is known, which of three seeds a side it is not."""
    noise = np.random.default_rng(1)
    names, entry = "abcd", {**GOOD, "claims": [claim(higher_than="b")]}
    outcomes = []
    for _ in range(60):
        found = {n: measurements(list(noise.normal(1.2 * (n == "a"), size=3))) for n in names}
        first = judge({"A1": parse("A1", entry)}, {name: {} for name in names}, pools.pooled(found))[0]
        if not first.seeds:
            continue
        effect = first.claims[0].effect or 0.0
        more = {n: measurements(list(noise.normal(effect * (n == "a"), size=first.seeds.get(n, 3)))) for n in names}
        second = judge({"A1": parse("A1", {**entry, "looks": 2})}, {n: {} for n in names}, pools.pooled(more))[0]
        outcomes.append(second.verdict != "undecided")
    assert len(outcomes) >= 20
    assert sum(outcomes) / len(outcomes) >= 0.55
