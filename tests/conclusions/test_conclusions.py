"""Conclusions: each form of claim against a known truth, how often chance decides one, and what is said of the rest."""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.conclusions.claims import faults, load, parse
from pipeline.conclusions.effects import difference_of_sizes
from pipeline.conclusions.verdicts import Result, judge, summary
from pipeline.ground.errors import InputError
from pipeline.statistics.intervals import LEVEL, Estimate, Measured, difference
from pipeline.statistics.measurements import Measurements, dump
from stages.conclude import conclude
from tools.check import check


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


def judged(
    claims: Sequence[dict[str, Any]],
    found: dict[str, Measurements],
    requires: Sequence[dict[str, Any]] = (),
    **more: Any,
) -> Result:
    """The result of one conclusion; more: keys of the experiments in params.yaml."""
    entry = {"sentence": "It is so.", "measured": "By its score.", "claims": claims, "requires": requires}
    experiments = {name: more.get(name, {}) for name in found} | more
    return judge({"A1": parse("A1", entry)}, experiments, found)[0]


def claim(**keys: Any) -> dict[str, Any]:
    return {"metric": "score", "of": "a", **keys}


CHANGE = {"of": ["a", "b"], "changes_less_than": ["c", "d"]}


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
    wanted = difference(found["a"].metrics["score"], found["b"].metrics["score"], same_test=True)
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


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"higher_than": "b"}, "score is higher for a than for b"),
        ({"lower_than": "b", "by": 0.5}, "score is lower for a than for b, by more than 0.5"),
        ({"close_to": "b", "within": 0.2}, "score of a is within 20 % of that of b"),
        ({"above": 0}, "score of a is above 0"),
        ({"below": -0.9}, "score of a is below -0.9"),
        ({"above": 0.4, "below": 0.8}, "score of a is between 0.4 and 0.8"),
        (CHANGE, "score changes less from a to b than from c to d"),
    ],
)
def test_a_claim_reads_as_a_clause(keys: dict[str, Any], text: str) -> None:
    entry = {"sentence": "It is so.", "measured": "By its score.", "claims": [claim(**keys)]}
    assert parse("A1", entry).claims[0].text == text


def _shifted(level: float) -> list[float]:
    """Values whose difference from `around(0, 1)` is just above 0 at a level, and not at a slightly higher one."""
    reach = difference(Measured("higher", tuple(around(0, 1))), Measured("higher", tuple(around(0, 1))), True, level)
    assert reach.high is not None
    return around(1.001 * reach.high, 1)


def test_each_claim_is_held_against_a_conclusion_at_its_share_of_the_level_only() -> None:
    """A claim false at 95 % contradicts a conclusion that has no other, and one of two only at 97.5 %."""
    base = {"b": measurements(around(0, 1)), "c": measurements(around(5)), "d": measurements(around(0))}
    wrong, right = claim(lower_than="b"), claim(of="c", higher_than="d")
    just = base | {"a": measurements(_shifted(LEVEL))}
    assert judged([wrong], just).verdict == "contradicted"
    two = judged([wrong, right], just)
    assert two.verdict == "undecided"
    assert [each.verdict for each in two.claims] == ["contradicted", "supported"]
    assert two.why == "1 of 2 claims holds at 95 %; 1 claim fails at 95 %, but not at the 97.5 % that one of 2 has to"
    assert two.needs == "about 4 seeds a side instead of 3, if the effect stays as large as measured"
    surely = judged([wrong, right], base | {"a": measurements(_shifted(0.975))})
    assert surely.verdict == "contradicted"
    assert surely.why == "at 97.5 % it is not so that score is lower for a than for b"
    assert judged([wrong, right, right], base | {"a": measurements(_shifted(0.975))}).verdict == "undecided"


def test_a_conclusion_needs_all_its_claims_and_falls_with_any() -> None:
    found = {"a": measurements(around(2)), "b": measurements(around(1)), "c": measurements(around(1.01, 1))}
    yes, no = claim(higher_than="b"), claim(lower_than="b")
    maybe, unknown = claim(of="c", higher_than="b"), claim(metric="beauty", higher_than="b")
    assert judged([yes, yes], found).verdict == "supported"
    assert judged([yes, yes], found).why == "each of the 2 claims holds at 95 %"
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


def _count(needs: str) -> int:
    found = re.fullmatch(r"about (\d+) seeds( a side)? instead of \d+, if the effect stays as large as measured", needs)
    assert found, needs
    return int(found[1])


@pytest.mark.parametrize(
    "keys",
    [{"higher_than": "b"}, {"above": 0}, {"lower_than": "b"}, {"of": "e", "close_to": "c", "within": 0.6}, CHANGE],
)
@pytest.mark.parametrize("errors", [(), (0.02, -0.02, 0.02, -0.02)])
def test_so_many_seeds_as_it_needs_decide_and_fewer_do_not(keys: dict[str, Any], errors: tuple[float, ...]) -> None:
    means = {"a": 0.6, "b": 0.0, "c": 2.0, "d": 0.0, "e": 1.7}

    def result(seeds: int) -> Result:
        found = {name: measurements(around(mean, 1, seeds), errors) for name, mean in means.items()}
        return judged([claim(**keys)], found)

    needed = _count(result(3).needs)
    assert needed > 4
    # the interval of two sizes, put together from theirs, reaches a little further than all four sides' at once
    slack = 2 if keys is CHANGE else 0
    assert result(needed + slack).verdict == ("contradicted" if "lower_than" in keys else "supported")
    assert result(needed - 1).verdict == "undecided"


def test_a_conclusion_says_what_its_slowest_claim_needs_unless_another_may_fall() -> None:
    found = {name: measurements(around(mean, 1)) for name, mean in {"a": 1.0, "b": 0.0, "c": 0.4, "d": 1.2}.items()}
    slow, quick = claim(of="c", higher_than="b"), claim(higher_than="b")
    result = judged([quick, slow], found)
    assert result.needs == result.claims[1].needs
    assert _count(result.needs) > _count(result.claims[0].needs)
    falling = judged([quick, slow, claim(of="d", lower_than="b")], found)
    assert falling.needs == falling.claims[2].needs  # sooner than the slow one, and it would be enough


def test_to_fail_beside_other_claims_takes_more_seeds_and_to_hold_does_not() -> None:
    found = {name: measurements(around(mean, 1)) for name, mean in {"a": 1.0, "b": 0.0}.items()}
    for keys, more in (({"lower_than": "b"}, True), ({"higher_than": "b"}, False)):
        alone, beside = (judged([claim(**keys)] * count, found).claims[0].needs for count in (1, 5))
        assert (_count(beside) > _count(alone)) == more


def test_the_seeds_it_needs_are_more_than_there_are() -> None:
    """A share's interval is not symmetric: its lower end may cross a bound that half its width does not reach."""
    result = judged([claim(above=0.75)], {"a": measurements([0.85, 0.9, 0.95], trials=1000)})
    assert result.needs == "about 4 seeds instead of 3, if the effect stays as large as measured"


def test_what_one_test_set_adds_to_both_of_a_pair_asks_for_no_larger_one() -> None:
    means, errors = {"a": 0.6, "b": 0.0, "c": 2.0, "d": 0.0}, (30.0, -30.0, 20.0, -20.0)
    plain, shared = ({n: measurements(around(mean, 1), e) for n, mean in means.items()} for e in ((), errors))
    assert _count(judged([claim(**CHANGE)], shared).needs) == _count(judged([claim(**CHANGE)], plain).needs)


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
    """At most 2.5 % supported and 2.5 % contradicted, whatever the scatter; 1500 draws scatter by 0.4 %."""
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
    most = 0.025 * draws + 3 * math.sqrt(0.025 * draws)
    assert 0 < counts["supported"] <= most
    assert 0 < counts["contradicted"] <= most


def _around(value: float, reach: float) -> Estimate:
    return Estimate(value, value - reach, value + reach, 3)


@pytest.mark.parametrize(
    ("one", "other", "value", "reach"),
    [
        (_around(-10, 3), _around(50, 4), -40, 5),  # Zou and Donner's of symmetric ones: the root of the sum of squares
        (_around(10, 3), _around(-50, 4), -40, 5),
        (_around(-1, 3), _around(10, 4), -9, 5),
        (_around(0, 3), _around(0, 4), 0, 5),
    ],
)
def test_two_sizes_differ_as_two_numbers_do(one: Estimate, other: Estimate, value: float, reach: float) -> None:
    found = difference_of_sizes(one, other)
    assert (found.value, found.low, found.high) == (value, value - reach, value + reach)


def test_each_end_is_as_far_as_the_two_that_make_it_so() -> None:
    one, other = Estimate(-10, -13, -2, 3), Estimate(5, 1, 17, 2)  # sizes in [2, 13] and in [1, 17]
    found = difference_of_sizes(one, other)
    assert (found.value, found.seeds) == (5, 2)
    assert [found.low, found.high] == pytest.approx([5 - math.hypot(8, 12), 5 + math.hypot(3, 4)])


def test_a_size_without_an_interval_gives_none() -> None:
    assert difference_of_sizes(Estimate(1, None, None, 1), _around(1, 1)) == Estimate(0, None, None, 1)


@pytest.mark.parametrize("seeds", [2, 5])
@pytest.mark.parametrize("means", [(0, 1, 0, 1), (0, 3, 0, 20), (0, 0, 0, 0), (0, 0, 9, 1)])
def test_the_interval_of_two_sizes_covers_their_difference(means: tuple[int, int, int, int], seeds: int) -> None:
    """Also where one difference is nil and scatters most, so that its size is found too large."""
    random, draws, covered = np.random.default_rng(1), 1500, 0
    truth = abs(means[0] - means[1]) - abs(means[2] - means[3])
    for _ in range(draws):
        values = (random.normal(mean, scatter, seeds) for mean, scatter in zip(means, (3, 3, 1, 1), strict=True))
        a, b, c, d = (Measured("higher", tuple(each)) for each in values)
        found = difference_of_sizes(difference(a, b, same_test=True), difference(c, d, same_test=True))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered >= 0.95 * draws - 3 * math.sqrt(0.05 * 0.95 * draws)


GOOD = {"sentence": "It is so.", "measured": "By its score.", "claims": [claim(above=1)]}


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("first", {}, ["found 'first'", "A1"]),
        ("A1", {"sentence": " "}, ["A1.sentence"]),
        ("A1", {"measured": None}, ["A1.measured"]),
        ("A1", {"claims": []}, ["A1.claims", "at least 1"]),
        ("A1", {"claim": []}, ["A1.claim", "unknown key"]),
        ("A1", {"claims": [{"metric": "score", "above": 1}]}, ["A1.claims.0.of", "missing"]),
        ("A1", {"claims": [claim()]}, ["A1.claims.0", "higher_than", "found none"]),
        ("A1", {"claims": [claim(higher_than="b", above=1)]}, ["A1.claims.0", "found above, higher_than"]),
        ("A1", {"claims": [claim(higher_than="b", lower_than="c")]}, ["A1.claims.0", "found higher_than, lower_than"]),
        ("A1", {"claims": [claim(close_to="b")]}, ["A1.claims.0", "close_to and within", "found close_to"]),
        ("A1", {"claims": [claim(above=1, by=1)]}, ["A1.claims.0", "found above, by"]),
        ("A1", {"claims": [claim(higher_than="b", by=-1)]}, ["A1.claims.0.by", "-1"]),
        ("A1", {"claims": [claim(close_to="b", within=0)]}, ["A1.claims.0.within", "greater than 0"]),
        ("A1", {"claims": [claim(above=2, below=1)]}, ["A1.claims.0", "smaller of the two bounds"]),
        ("A1", {"claims": [claim(above=float("nan"))]}, ["A1.claims.0.above", "nan"]),
        ("A1", {"claims": [claim(above="high")]}, ["A1.claims.0.above", "high"]),
        ("A1", {"claims": [claim(higher_than="a")]}, ["A1.claims.0", "different experiments"]),
        ("A1", {"claims": [claim(changes_less_than=["c", "d"])]}, ["A1.claims.0", "`of` to be two experiments"]),
        ("A1", {"claims": [claim(of=["a", "b"], above=1)]}, ["A1.claims.0", "one with any other form"]),
        ("A1", {"requires": [{"experiment": "a", "key": "k"}]}, ["A1.requires.0", "equals"]),
        ("A1", {"requires": [{"experiment": "a", "key": "k", "equals": 1, "above": 1}]}, ["A1.requires.0", "either"]),
    ],
)
def test_a_wrong_entry_is_one_line_that_names_the_key(name: str, change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        parse(name, GOOD | change)
    assert str(error.value).startswith("conclusions.yaml: ")
    assert "params.yaml" not in str(error.value)
    assert all(word in str(error.value) for word in words), error.value
    assert "\n" not in str(error.value)


def test_every_wrong_entry_has_a_line() -> None:
    content = {"A1": GOOD, "A2": GOOD | {"claims": []}, "A3": 7, 4: GOOD}
    assert [fault.split(": ")[1].split(".")[0] for fault in faults(content)[:2]] == ["A2", "A3"]
    assert len(faults(content)) == 3


def test_the_projects_conclusions_are_about_its_experiments(root: Path, content: dict[str, Any]) -> None:
    found = load(root / "conclusions.yaml")
    assert {name[0] for name in found} == set("ABCDE")
    for each in found.values():
        assert set(each.experiments) <= set(content["experiments"])
        assert all(required.key in content["experiments"][required.experiment] for required in each.requires)
    assert len({each.sentence for each in found.values()}) == len(found)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any]) -> Path:
    """A folder with the project's parameters, one conclusion, and made-up measurements of two experiments."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(content))
    entry = GOOD | {"claims": [claim(of="fc_vae", higher_than="fc_cvae")]}
    Path("conclusions.yaml").write_text(yaml.safe_dump({"A1": entry, "B2": GOOD}))
    folder = tmp_path / "results/measurements"
    folder.mkdir(parents=True)
    for name, mean in (("fc_vae", 2), ("fc_cvae", 1)):
        (folder / f"{name}.json").write_text(dump(measurements(around(mean))))
    return tmp_path


def test_the_stage_writes_every_conclusion_with_all_its_keys(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conclude()
    assert capsys.readouterr().out == "conclude: 2 conclusions: 1 supported, 0 contradicted, 1 undecided\n"
    first, second = json.loads((project / "results/conclusions.json").read_text())
    assert list(first) == ["id", "report", "sentence", "measured", "verdict", "why", "needs", "claims"]
    assert (first["id"], first["report"], first["verdict"], first["needs"]) == ("A1", "A", "supported", "")
    shown = first["claims"][0]
    facts = ["text", "metric", "experiments", "verdict", "effect", "low", "high"]
    assert list(shown) == [*facts, "bound_low", "bound_high", "unit", "seeds", "needs"]
    assert (shown["experiments"], shown["bound_low"], shown["bound_high"]) == (["fc_vae", "fc_cvae"], 0, None)
    assert second["why"] == "needs experiments that params.yaml does not have: a"
    assert second["claims"][0]["bound_low"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "cannot be read"), ("A1: [", "not valid YAML"), ("- 1", "expected a mapping"), ("A1: 7", "A1: ")],
)
def test_a_wrong_file_stops_the_stage_and_the_check(text: str | None, words: str, project: Path) -> None:
    path = project / "conclusions.yaml"
    path.unlink() if text is None else path.write_text(text)
    for command in (conclude, check):
        with pytest.raises(InputError, match=f"conclusions.yaml: .*{re.escape(words)}"):
            command()
    assert not (project / "results/conclusions.json").exists()


def test_check_notes_experiments_that_are_not_there_and_has_a_line_for_each_fault(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check()
    *_, valid, note = capsys.readouterr().out.splitlines()
    assert valid == "conclusions.yaml is valid: 2 conclusions"
    assert note == "note: conclusions about experiments that params.yaml does not have stay undecided: a"
    bad = GOOD | {"claims": [claim(above=2, below=1)]}
    (project / "conclusions.yaml").write_text(yaml.safe_dump({"A1": bad, "A2": GOOD, "A3": bad}))
    with pytest.raises(InputError) as error:
        check()
    lines = str(error.value).replace("error: ", "").splitlines()
    assert [line.partition("conclusions.yaml: ")[2][:2] for line in lines] == ["A1", "A3"]


def test_the_summary_counts_each_verdict() -> None:
    found = {"a": measurements(around(2))}
    results = [judged([claim(**keys)], found) for keys in ({"above": 1}, {"above": 3}, {"above": 2}, {"above": 4})]
    assert summary(results) == "4 conclusions: 1 supported, 2 contradicted, 1 undecided"
