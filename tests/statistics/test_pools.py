"""How far seeds scatter is told by all experiments on the same images, and by no others, whatever the unit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from pipeline.ground.errors import InputError
from pipeline.statistics import measurements, pools
from pipeline.statistics.intervals import Estimate, difference, mean
from pipeline.statistics.measurements import Measured, Measurements, Scale

Array = NDArray[np.float64]
SCALES: tuple[Scale, ...] = ("plain", "log")


def _side(values: Iterable[float], scale: Scale = "plain") -> Measured:
    return Measured("lower", tuple(float(value) for value in values), scale=scale)


def _found(values: Iterable[float], source: str = "digits", test_set: str = "one") -> Measurements:
    """An experiment of which only `score` is measured."""
    score = _side(values)
    return Measurements(source, "", test_set, tuple(range(len(score.values))), {"score": score}, {})


def _experiments(random: Generator, names: Sequence[str], spread: float = 1.0, seeds: int = 2) -> dict[str, Array]:
    return {name: spread * random.normal(size=seeds) for name in names}


def _variances(measured: Measured) -> Array:
    assert measured.variances is not None
    return measured.variances


def _told(found: Mapping[str, Measurements], name: str) -> Array:
    """What a pool says of an experiment's score."""
    return _variances(pools.pooled(found)[name].metrics["score"])


def _half(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return (estimate.high - estimate.low) / 2


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("experiments", [3, 9])
def test_intervals_are_far_narrower_than_students(experiments: int, scale: Scale) -> None:
    random = default_rng(experiments)
    own, pooled = [], []
    for _ in range(50):
        sides = [_side(10 + row, scale) for row in random.normal(size=(experiments, 2))]
        own += [_half(mean(side)) for side in sides]
        found = [mean(side) for side in pools.pool(sides)]
        assert not any(estimate.alone for estimate in found)
        pooled += [_half(estimate) for estimate in found]
    assert np.mean(pooled) < np.mean(own) / 2
    assert np.std(pooled) < np.std(own) / 4  # two seeds that happen to agree no longer pass for certainty


@pytest.mark.parametrize("scale", SCALES)
def test_another_unit_changes_nothing_else(scale: Scale) -> None:
    """All values ten times as large have ten times the intervals, but for the draws that each interval is made of."""
    random = default_rng(0)
    halves, variances = [], []
    for _ in range(60):
        values = 10 + random.normal(size=(6, 2))
        one, ten = (pools.pool([_side(by * row, scale) for row in values]) for by in (1, 10))
        for small, large in zip(one, ten, strict=True):
            halves.append(_half(mean(large)) / _half(mean(small)))
            variances.append(np.median(_variances(large)) / np.median(_variances(small)))
    assert np.mean(halves) == pytest.approx(10, rel=0.005)
    assert np.mean(variances) == pytest.approx(100, rel=0.01)
    assert max(abs(np.array(halves) / 10 - 1)) < 0.1


def test_on_the_scale_of_logarithms_a_pool_tells_relative_scatter() -> None:
    """Experiments that differ a thousandfold and scatter by a hundredth each: what is unequal as it is, is equal."""
    steps = np.array([-0.01, 0.002, 0.008])
    values = [level * (1 + np.roll(steps, turn)) for turn, level in enumerate((0.1, 1.0, 10.0, 100.0))]
    reach = {
        scale: [_half(mean(each)) / each.mean for each in pools.pool([_side(row, scale) for row in values])]
        for scale in SCALES
    }
    assert max(reach["log"]) < 1.1 * min(reach["log"])
    assert max(reach["plain"]) > 2 * min(reach["plain"])
    assert max(reach["log"]) < min(reach["plain"])


def test_an_experiment_that_scatters_more_has_a_wider_interval() -> None:
    random = default_rng(1)
    for _ in range(20):
        steps = random.normal(size=(6, 3))
        steps = (steps - steps.mean(1, keepdims=True)) / steps.std(1, ddof=1, keepdims=True)
        steps[2] *= 20
        reach = [_half(mean(side)) for side in pools.pool([_side(row) for row in steps])]
        assert reach[2] > 5 * max(each for number, each in enumerate(reach) if number != 2)


@pytest.mark.parametrize("values", [[(1, 2), (3, 5)], [(1, 2), (3, 5), (4, 4)], [(1, 2), (3, 5), (4,)]])
def test_fewer_than_three_that_tell_are_left_as_they_are(values: Sequence[tuple[float, ...]]) -> None:
    found = {str(number): _found(each) for number, each in enumerate(values)}
    for name, each in pools.pooled(found).items():
        measured = each.metrics["score"]
        assert measured == found[name].metrics["score"]
        assert (measured.variances, measured.pool) == (None, 0)
    sides = [each.metrics["score"] for each in pools.pooled(found).values()]
    assert mean(sides[0]).alone
    assert difference(sides[0], sides[1], False).alone


@pytest.mark.parametrize("other", [{"source": "faces"}, {"test_set": "another"}])
def test_other_images_tell_nothing(other: dict[str, str]) -> None:
    random = default_rng(2)
    found = {name: _found(values) for name, values in _experiments(random, "abc").items()}
    apart = {name: _found(values, **other) for name, values in _experiments(random, "xyz", 50, 3).items()}
    together = pools.pooled(apart | found)
    for name in found:
        assert np.array_equal(_variances(together[name].metrics["score"]), _told(found, name))
    for name in apart:
        assert np.array_equal(_variances(together[name].metrics["score"]), _told(apart, name))
    assert {each.metrics["score"].pool for each in together.values()} == {3}
    two_and_one = dict(list(found.items())[:2] + list(apart.items())[:1])
    assert all(each.metrics["score"].variances is None for each in pools.pooled(two_and_one).values())


def test_other_metrics_tell_nothing() -> None:
    random = default_rng(3)
    found = {name: _found(values) for name, values in _experiments(random, "abc").items()}
    more = {
        name: replace(each, metrics={**each.metrics, "other": _side(100 * random.normal(size=2))})
        for name, each in found.items()
    }
    assert all(np.array_equal(_told(more, name), _told(found, name)) for name in found)


def test_the_same_values_twice_count_once() -> None:
    """As of two revisions, of which one changed other experiments only."""
    found = {name: _found(values) for name, values in _experiments(default_rng(4), "abc").items()}
    copied = found | {"copy of a": found["a"]}
    for name in found:
        assert np.array_equal(_told(copied, name), _told(found, name))
    assert np.array_equal(_told(copied, "copy of a"), _told(found, "a"))
    assert pools.pooled(copied)["b"].metrics["score"].pool == 3
    only = dict.fromkeys(("a", "copy of a", "another"), found["a"])
    assert all(each.metrics["score"].variances is None for each in pools.pooled(only).values())


def test_seeds_that_agree_exactly_have_an_interval() -> None:
    found = _experiments(default_rng(5), "abc") | {"agree": np.full(2, 7.0)}
    pooled = pools.pooled({name: _found(values) for name, values in found.items()})
    assert mean(_side(found["agree"])).low is None
    reach = {name: _half(mean(each.metrics["score"])) for name, each in pooled.items()}
    assert 0 < reach["agree"] <= min(reach.values())  # nobody's seeds are closer together


def test_one_seed_gets_nothing_and_changes_nothing() -> None:
    found = {name: _found(values) for name, values in _experiments(default_rng(6), "abc").items()}
    more = found | {"alone": _found([3.0])}
    assert pools.pooled(more)["alone"].metrics["score"] is more["alone"].metrics["score"]
    assert all(np.array_equal(_told(more, name), _told(found, name)) for name in found)
    assert mean(pools.pooled(more)["alone"].metrics["score"]).low is None


@pytest.mark.parametrize(
    ("side", "told"),
    [
        (Measured("higher", (0.0, 0.0), scale="log"), False),  # no step on a logarithm's scale changes it
        (Measured("higher", (1.0, 1.0), scale="logit"), False),
        (Measured("higher", (1.0, 1.0), trials=50, scale="logit"), True),  # it may be less by a trial
        (Measured("higher", (-1.0, 0.5), scale="log"), False),
    ],
)
def test_where_a_scale_ends_a_pool_tells_nothing(side: Measured, told: bool) -> None:
    others = [replace(side, values=(0.5 + by, 0.6 - by)) for by in (0.0, 0.01, 0.02)]
    *pooled, last = pools.pool([*others, side])
    assert all(each.variances is not None for each in pooled)
    assert (last.variances is not None) is told
    if told:
        low, high = mean(last).low, mean(last).high
        assert low is not None
        assert 0 < low < 1 == high
    else:
        assert last is side


def test_what_is_drawn_is_the_same_every_time() -> None:
    found = {name: _found(values) for name, values in _experiments(default_rng(7), "abcd").items()}
    one, other = pools.pooled(found), pools.pooled(found)
    for name in found:
        bits = [_variances(each[name].metrics["score"]).tobytes() for each in (one, other)]
        assert bits[0] == bits[1]
        assert mean(one[name].metrics["score"]) == mean(other[name].metrics["score"])
    again = pools.pooled(one)  # what was told before does not count
    assert all(np.array_equal(_told(one, name), _variances(again[name].metrics["score"])) for name in found)


def test_a_folder_is_read_and_pooled_and_names_choose_of_it(tmp_path: Path) -> None:
    for name, values in _experiments(default_rng(8), "abcd").items():
        (tmp_path / f"{name}.json").write_text(measurements.dump(_found(values)))
    assert {each.metrics["score"].pool for each in pools.load(tmp_path).values()} == {4}
    assert {name: each.metrics["score"].pool for name, each in pools.load(tmp_path, "abc").items()} == dict.fromkeys(
        "abc", 3
    )
    with pytest.raises(InputError, match="found none"):
        pools.load(tmp_path / "nowhere")


def test_a_pool_has_one_scale_also_with_measurements_of_before_scales_were_declared() -> None:
    random = default_rng(5)
    new = {name: _found(10.0**n * (1 + 0.01 * random.normal(size=3))) for n, name in enumerate("abcd")}
    new = {n: replace(e, metrics={"score": replace(e.metrics["score"], scale="log")}) for n, e in new.items()}
    old = {n: replace(e, metrics={"score": replace(e.metrics["score"], scale="plain")}) for n, e in new.items()}
    both = new | {f"{name}, before": each for name, each in old.items()}
    for name in new:
        wanted = list(_told(new, name))
        assert list(_told(both, name)) == wanted == list(_told(both, f"{name}, before"))


def test_one_wild_experiment_does_not_spoil_the_others() -> None:
    random = default_rng(6)
    calm = {name: _found(each) for name, each in _experiments(random, "abcdefgh", seeds=3).items()}
    wild = calm | {"wild": _found(1000 * random.normal(size=3))}
    apart, beside = (
        [_half(mean(pools.pooled(found)[name].metrics["score"])) for name in calm] for found in (calm, wild)
    )
    assert np.median(np.array(beside) / np.array(apart)) < 2.5
    assert _half(mean(pools.pooled(wild)["wild"].metrics["score"])) > 10 * max(beside)
