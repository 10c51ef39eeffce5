"""What would decide a conclusion does, and less does not."""

from typing import Any

import pytest
from conclusions.judging import CHANGE, GOOD, around, claim, judged, measurements, seeds_needed

from pipeline.conclusions.claims import parse
from pipeline.conclusions.effects import effect_of
from pipeline.statistics.intervals import POWER
from pipeline.statistics.measurements import Measurements


@pytest.mark.parametrize(
    "keys",
    [{"higher_than": "b"}, {"above": 0}, {"lower_than": "b"}, {"of": "e", "close_to": "c", "within": 0.6}, CHANGE],
)
@pytest.mark.parametrize("errors", [(), (0.02, -0.02, 0.02, -0.02)])
def test_so_many_seeds_as_it_needs_mostly_decide_and_fewer_do_not(
    keys: dict[str, Any], errors: tuple[float, ...]
) -> None:
    """At the next look, though the effect then comes out nearer to its bound, by more in one of five cases only."""
    means = {"a": 0.6, "b": 0.0, "c": 2.0, "d": 0.0, "e": 1.7}
    (parsed,) = parse("A1", GOOD | {"claims": [claim(**keys)]}).claims

    def made(seeds: int, **off: float) -> dict[str, Measurements]:
        return {n: measurements(around(mean + off.get(n, 0.0), 1, seeds), errors) for n, mean in means.items()}

    def verdict(seeds: int) -> str:
        found = made(seeds)
        effect = effect_of(parsed, [found[name] for name in parsed.experiments], 2 * POWER - 1)
        assert effect.high is not None
        nearer = (effect.high - effect.value) * (1 if keys is CHANGE else -1)
        return judged([claim(**keys)], made(seeds, **{parsed.experiments[0]: nearer}), looks=2).verdict

    needed = seeds_needed(judged([claim(**keys)], made(3)).needs)
    assert needed > 4
    # the interval of two sizes, put together from theirs, reaches a little further than all four sides' at once
    slack = 2 if keys is CHANGE else 0
    assert verdict(needed + slack) == ("contradicted" if "lower_than" in keys else "supported")
    assert verdict(needed - 1) == "undecided"


def test_a_conclusion_says_what_its_slowest_claim_needs_unless_another_may_fall() -> None:
    found = {name: measurements(around(mean, 1)) for name, mean in {"a": 1.0, "b": 0.0, "c": 0.6, "d": 1.2}.items()}
    slow, quick = claim(of="c", higher_than="b"), claim(higher_than="b")
    result = judged([quick, slow], found)
    assert result.needs == result.claims[1].needs
    assert seeds_needed(result.needs) > seeds_needed(result.claims[0].needs)
    assert result.seeds == {"a": seeds_needed(result.claims[0].needs)} | dict.fromkeys("bc", seeds_needed(result.needs))
    falling = judged([quick, slow, claim(of="d", lower_than="b")], found)
    assert falling.needs == falling.claims[2].needs  # sooner than the slow one, and it would be enough
    assert falling.seeds == dict.fromkeys("bd", seeds_needed(falling.needs))


def test_to_fail_beside_other_claims_takes_more_seeds_and_to_hold_does_not() -> None:
    found = {name: measurements(around(mean, 1)) for name, mean in {"a": 1.0, "b": 0.0}.items()}
    for keys, more in (({"lower_than": "b"}, True), ({"higher_than": "b"}, False)):
        alone, beside = (judged([claim(**keys)] * count, found).claims[0].needs for count in (1, 5))
        assert (seeds_needed(beside) > seeds_needed(alone)) == more


def test_the_seeds_it_needs_are_more_than_there_are() -> None:
    """A share's interval is not symmetric: its lower end may cross a bound that half its width does not reach."""
    result = judged([claim(above=0.84)], {"a": measurements([0.97, 1.0, 1.0], trials=1000)})
    assert result.needs == "about 4 seeds instead of 3, if the effect stays as large as measured"


def test_what_one_test_set_adds_to_both_of_a_pair_asks_for_no_larger_one() -> None:
    means, errors = {"a": 0.6, "b": 0.0, "c": 2.0, "d": 0.0}, (30.0, -30.0, 20.0, -20.0)
    plain, shared = ({n: measurements(around(mean, 1), e) for n, mean in means.items()} for e in ((), errors))
    assert seeds_needed(judged([claim(**CHANGE)], shared).needs) == seeds_needed(judged([claim(**CHANGE)], plain).needs)


def test_more_seeds_do_not_help_where_there_is_no_effect_or_too_small_a_test_set() -> None:
    none = judged([claim(higher_than="b")], {name: measurements(around(1, 1)) for name in "ab"})
    assert none.needs == "more than 100 seeds: the effect is about nil at this budget"
    tested = {name: measurements(around(1, 1), (0.1, -0.1), test_set=name) for name in "ab"}
    assert judged([claim(higher_than="b")], tested).needs == none.needs
    edge = judged([claim(above=1)], {"a": measurements(around(1, 1))})
    assert edge.needs == "more than 100 seeds: the effect is about at the bound at this budget"
    errors = (3.0, -3.0, 2.0, -2.0)
    small = {"a": measurements(around(1, 0.1), errors), "b": measurements(around(0, 0.1), errors, test_set="other")}
    assert judged([claim(higher_than="b")], small).needs == "a larger test set"
    same = {name: measurements(around(mean, 0.1), errors) for name, mean in (("a", 1), ("b", 0))}
    assert judged([claim(higher_than="b")], same).verdict == "supported"  # on the same images it cancels
