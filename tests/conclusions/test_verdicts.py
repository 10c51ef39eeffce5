"""Each form of claim against a known truth, and how often chance decides one."""

import math
from typing import Any

import numpy as np
import pytest
from conclusions.judging import CHANGE, around, claim, judged, measurements, seeds_needed

from pipeline.conclusions.claims import parse
from pipeline.conclusions.verdicts import judge
from pipeline.statistics import spending
from pipeline.statistics.intervals import between, difference
from pipeline.statistics.measurements import Measured, Measurements


@pytest.mark.parametrize(
    ("keys", "means", "verdict"),
    [
        ({"higher_than": "b"}, {"a": 2, "b": 1}, "supported"),
        ({"higher_than": "b"}, {"a": 1, "b": 2}, "contradicted"),
        ({"higher_than": "b"}, {"a": 1.01, "b": 1}, "undecided"),
        ({"lower_than": "b"}, {"a": -2, "b": -1}, "supported"),
        ({"lower_than": "b"}, {"a": -1, "b": -2}, "contradicted"),
        ({"higher_than": "b", "by": 0.5}, {"a": 2, "b": 1}, "supported"),
        ({"higher_than": "b", "by": 1.5}, {"a": 2, "b": 1}, "contradicted"),
        ({"lower_than": "b", "by": 0.5}, {"a": 1, "b": 2}, "supported"),
        ({"lower_than": "b", "by": 0.5}, {"a": 1, "b": 1.1}, "contradicted"),
        ({"close_to": "b", "within": 0.2}, {"a": 1.1, "b": 1}, "supported"),
        ({"close_to": "b", "within": 0.2}, {"a": -90, "b": -100}, "supported"),
        ({"close_to": "b", "within": 0.2}, {"a": 1.5, "b": 1}, "contradicted"),
        ({"close_to": "b", "within": 0.2}, {"a": 0.5, "b": 1}, "contradicted"),
        ({"close_to": "b", "within": 0.2}, {"a": 1.2, "b": 1}, "undecided"),
        ({"above": 1}, {"a": 2}, "supported"),
        ({"above": 1}, {"a": 0}, "contradicted"),
        ({"above": 1}, {"a": 1.01}, "undecided"),
        ({"below": 1}, {"a": 0}, "supported"),
        ({"below": 1}, {"a": 2}, "contradicted"),
        ({"above": 1, "below": 2}, {"a": 1.5}, "supported"),
        ({"above": 1, "below": 2}, {"a": 3}, "contradicted"),
        ({"above": 1, "below": 2}, {"a": 1.99}, "undecided"),
        (CHANGE, {"a": 0, "b": 0.1, "c": 5, "d": 4}, "supported"),  # whichever way each of them changes
        (CHANGE, {"a": 0.1, "b": 0, "c": 4, "d": 5}, "supported"),
        (CHANGE, {"a": 4, "b": 5, "c": 0, "d": 0.1}, "contradicted"),
        (CHANGE, {"a": 0, "b": 1, "c": 5, "d": 4}, "undecided"),
    ],
)
def test_each_form_of_claim(keys: dict[str, Any], means: dict[str, float], verdict: str) -> None:
    found = {name: measurements(around(mean)) for name, mean in means.items()}
    result = judged([claim(**keys)], found)
    assert (result.verdict, result.claims[0].verdict) == (verdict, verdict)
    assert bool(result.needs) == bool(result.claims[0].needs) == (verdict == "undecided")


def test_a_claim_shows_its_effect_interval_and_bounds() -> None:
    found = {"a": measurements(around(-90, 1)), "b": measurements(around(-100, 1))}
    wanted = between(found["a"], found["b"], "score", spending.level(1))
    assert wanted.low is not None
    assert wanted.high is not None
    shown = judged([claim(lower_than="b", by=3, unit="nats")], found).claims[0]
    assert [shown.effect, shown.low, shown.high] == pytest.approx([10, wanted.low, wanted.high], rel=1e-5)
    assert (shown.bound_low, shown.bound_high, shown.unit, shown.seeds) == (None, -3, "nats", 3)
    assert shown.experiments == ("a", "b")
    close = judged([claim(close_to="b", within=0.2)], found).claims[0]
    assert [close.effect, close.bound_low, close.bound_high] == pytest.approx([10, -20, 20])
    # held against 1.2 times b's mean, which scatters 1.2 times as far as b's: by the root of (1 + 1.2^2) / 2, or more
    assert close.low is not None
    assert (10 - close.low) >= (10 - wanted.low) * math.sqrt(1.22)


def _shifted(level: float) -> list[float]:
    """Values whose difference from `around(0, 1)` is just above 0 at a level, and not at a slightly higher one."""
    reach = difference(Measured("higher", tuple(around(0, 1))), Measured("higher", tuple(around(0, 1))), True, level)
    assert reach.high is not None
    return around(1.001 * reach.high, 1)


def test_each_claim_is_held_against_a_conclusion_at_its_share_of_the_level_only() -> None:
    """A claim false at 96 % contradicts a conclusion that has no other, and one of two only at 98 %."""
    base = {"b": measurements(around(0, 1)), "c": measurements(around(5)), "d": measurements(around(0))}
    wrong, right = claim(lower_than="b"), claim(of="c", higher_than="d")
    just = base | {"a": measurements(_shifted(0.96))}
    assert judged([wrong], just).verdict == "contradicted"
    two = judged([wrong, right], just)
    assert two.verdict == "undecided"
    assert [each.verdict for each in two.claims] == ["contradicted", "supported"]
    assert two.why == "1 of 2 claims holds at 96 %; 1 claim fails at 96 %, but not at the 98 % that one of 2 has to"
    assert seeds_needed(two.needs) > 3
    assert two.seeds == dict.fromkeys("ab", seeds_needed(two.needs))
    surely = judged([wrong, right], base | {"a": measurements(_shifted(0.98))})
    assert surely.verdict == "contradicted"
    assert surely.why == "at 98 % it is not so that score is lower for a than for b"
    assert judged([wrong, right, right], base | {"a": measurements(_shifted(0.98))}).verdict == "undecided"


def test_a_conclusion_needs_all_its_claims_and_falls_with_any() -> None:
    found = {"a": measurements(around(2)), "b": measurements(around(1)), "c": measurements(around(1.01, 1))}
    yes, no = claim(higher_than="b"), claim(lower_than="b")
    maybe, unknown = claim(of="c", higher_than="b"), claim(metric="beauty", higher_than="b")
    assert judged([yes, yes], found).verdict == "supported"
    assert judged([yes, yes], found).why == "each of the 2 claims holds at 96 %"
    assert judged([yes, maybe], found).verdict == "undecided"
    assert judged([yes, unknown], found).verdict == "undecided"
    assert judged([maybe, no, unknown], found).verdict == "contradicted"


def test_an_experiment_that_params_yaml_does_not_have_is_no_error() -> None:
    found = {"a": measurements(around(2)), "b": measurements(around(1))}
    entry = {"sentence": "It is so.", "measured": "By its score.", "claims": [claim(higher_than="b"), claim(above=0)]}
    result = judge({"A1": parse("A1", entry)}, {"a": {}}, found)[0]  # b was measured once, and is taken out now
    assert result.verdict == "undecided"
    assert result.why == "needs experiments that params.yaml does not have: b"
    assert {each.verdict for each in result.claims} == {"undecided"}


@pytest.mark.parametrize(
    ("keys", "why", "needs"),
    [
        ({"of": "c", "above": 0}, "c is not measured", "measurements of c"),
        ({"metric": "socre", "above": 0}, "no experiment has a metric socre", "socre of a"),
        ({"metric": "grace", "higher_than": "b"}, "b has no grace", "grace of b"),
        ({"metric": "early", "above": 0}, "only 1 of 3 seeds of a has early", "early of every seed"),
    ],
)
def test_what_is_not_measured_is_undecided_and_says_so(keys: dict[str, Any], why: str, needs: str) -> None:
    a = measurements(around(2))
    a = Measurements(
        a.source,
        a.machine,
        a.test_set,
        a.seeds,
        {**a.metrics, "grace": a.metrics["score"]},
        {"early": (0.5, None, None)},
    )
    result = judged([claim(**keys)], {"a": a, "b": measurements(around(1))}, c={})
    assert (result.verdict, result.why, result.needs) == ("undecided", why, needs)
    shown = result.claims[0]
    assert (shown.effect, shown.low, shown.seeds, shown.needs) == (None, None, 0, needs)


@pytest.mark.parametrize("errors", [(), (0.001, -0.001, 0.001, -0.001)])
def test_one_seed_decides_nothing_however_sure_its_number(errors: tuple[float, ...]) -> None:
    found = {"a": measurements([2.0], errors), "b": measurements(around(1), errors)}
    for keys in ({"above": 1}, {"below": 1}, {"higher_than": "b"}, {"lower_than": "b"}):
        result = judged([claim(**keys)], found)
        assert (result.verdict, result.needs, result.claims[0].seeds) == ("undecided", "at least two seeds", 1)
        assert result.claims[0].effect is not None


def test_seeds_that_agree_exactly_decide_nothing() -> None:
    result = judged([claim(above=0)], {"a": measurements([1.0, 1.0])})
    assert (result.verdict, result.needs) == ("undecided", "more seeds")
    assert judged([claim(above=0)], {"a": measurements([1.0, 1.0], trials=200)}).verdict == "supported"  # a share


@pytest.mark.parametrize(
    ("requirement", "value", "met"),
    [
        ({"above": 0}, 1.0, True),
        ({"above": 0}, 0.0, False),
        ({"above": 0}, "1e-3", True),  # as YAML 1.1 reads 1e-3
        ({"above": 0, "below": 1}, 1.0, False),
        ({"equals": "bce"}, "bce", True),
        ({"equals": "bce"}, "hinge", False),
        ({"equals": 0.001}, "1e-3", True),
        ({"equals": False}, False, True),
        ({"equals": True}, False, False),
        ({"above": 0}, None, False),
        ({"above": 0}, "fast", False),
    ],
)
def test_a_conclusion_is_tested_only_where_what_it_requires_holds(
    requirement: dict[str, Any], value: Any, met: bool
) -> None:
    found, required = {"a": measurements(around(2))}, {"experiment": "a", "key": "player.rate", **requirement}
    result = judged([claim(above=1)], found, [required], a={"player": {"rate": value}})
    assert result.verdict == ("supported" if met else "undecided")
    if not met:
        assert result.needs.startswith("a.player.rate ")
        assert result.needs in result.why
        assert (result.claims[0].verdict, result.claims[0].effect) == ("undecided", None)
    assert judged([claim(above=1)], found, [required]).verdict == "undecided"  # no such key


@pytest.mark.parametrize(("keys", "mean"), [({"higher_than": "b"}, 0), ({"close_to": "b", "within": 0.5}, 100)])
def test_at_its_bound_chance_decides_a_claim_as_rarely_as_it_should(keys: dict[str, Any], mean: float) -> None:
    """At most 2 % supported and 2 % contradicted, whatever the scatter; 1500 draws scatter by 0.4 %."""
    random, draws = np.random.default_rng(0), 1500
    counts = dict.fromkeys(("supported", "contradicted", "undecided"), 0)
    truth = np.array([[mean * (1 + keys.get("within", 0))], [mean]])
    for _ in range(draws):
        errors = random.normal(size=(2, 8))  # of two test sets, each with the error that these estimate
        values = truth + random.normal(size=(2, 3)) * [[1.0], [2.0]] + random.normal(size=(2, 1))
        found = {
            name: measurements(list(values), list(errors), test_set=name)
            for name, values, errors in zip("ab", values, errors, strict=True)
        }
        counts[judged([claim(**keys)], found).verdict] += 1
    most = 0.02 * draws + 3 * math.sqrt(0.02 * draws)
    assert 0 < counts["supported"] <= most
    assert 0 < counts["contradicted"] <= most
