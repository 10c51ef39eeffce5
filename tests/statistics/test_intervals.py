"""Intervals hold the truth as often as they say, for every kind of number that the pipeline compares."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import Generator, Tensor

from pipeline.evaluation import jackknife
from pipeline.evaluation.evidence import Answers, Evidence, Judged
from pipeline.evaluation.metrics import condition, frechet, manifold, objects
from pipeline.statistics import intervals
from pipeline.statistics.intervals import Estimate, difference, mean, seeds_needed
from pipeline.statistics.measurements import Measured, Scale
from pipeline.statistics.pools import pool

HALVES = 16


def _share(held: list[bool]) -> float:
    return sum(held) / len(held)


def _ends(estimate: Estimate) -> list[float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return [estimate.low, estimate.high]


def _holds(estimate: Estimate, truth: float) -> bool:
    low, high = _ends(estimate)
    return low <= truth <= high


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0], [0.5, 0.6], [3.0, -1.0, 2.0, 7.0]])
def test_over_seeds_alone_it_is_students(values: list[float]) -> None:
    found = mean(Measured("lower", tuple(values)))
    low, high = stats.t.interval(0.95, len(values) - 1, sum(values) / len(values), stats.sem(values))
    assert _ends(found) == pytest.approx([low, high])
    assert not found.leaves_out_seeds


@pytest.mark.parametrize(("hits", "trials"), [(0, 200), (200, 200)])
def test_a_share_that_all_seeds_agree_on_is_wilsons(hits: int, trials: int) -> None:
    found = mean(Measured("higher", (hits / trials,) * 2, (), trials))
    expected = stats.binomtest(2 * hits, 2 * trials).proportion_ci(method="wilson")
    assert _ends(found) == pytest.approx([expected.low, expected.high], abs=1e-9)


def test_what_no_seed_can_change_has_the_test_sets_interval() -> None:
    """The judge's accuracy on real images is the same number for every seed."""
    measured = Measured("neither", (0.75, 0.75), (0.01, -0.01, 0.02, -0.02), 100)
    assert _ends(mean(measured)) == pytest.approx(_ends(mean(Measured("neither", (0.75,), measured.errors, 100))))


def test_a_share_stays_between_0_and_1() -> None:
    found = mean(Measured("higher", (0.9, 0.99), (0.01, -0.01), 100))
    low, high = _ends(found)
    assert 0 < low < found.value < high < 1
    assert found.value - low > high - found.value


def test_differences_between_two_experiments_are_welchs() -> None:
    a, b = (3.0, 3.5, 4.2), (1.0, 1.1, 1.9)
    found = difference(Measured("higher", a), Measured("higher", b), False)
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert _ends(found) == pytest.approx([expected.low, expected.high])
    assert found.verdict("higher") == "better"
    assert found.verdict("lower") == "worse"
    assert found.verdict("neither") == "changed"


def test_what_the_test_set_adds_to_both_cancels() -> None:
    errors = tuple(np.random.default_rng(0).normal(size=HALVES))
    a, b = Measured("higher", (5.0, 5.1), errors), Measured("higher", (3.0, 3.1), errors)
    apart, together = difference(a, b, False), difference(a, b, True)
    assert together == difference(Measured("higher", a.values), Measured("higher", b.values), True)
    assert (apart.low or 0) < (together.low or 0)


def test_where_nothing_tells_there_is_no_interval() -> None:
    for measured in (Measured("lower", (1.5,)), Measured("neither", (4.0, 4.0, 4.0))):
        assert (mean(measured).low, mean(measured).high) == (None, None)
        assert difference(measured, Measured("lower", (1.0, 3.0)), True).verdict("lower") == "unknown"
        assert difference(measured, measured, True).verdict("lower") == "same"


def test_one_seed_says_that_it_leaves_seeds_out() -> None:
    one, two = Measured("lower", (1.5,), (0.1, -0.1, 0.2, -0.2)), Measured("lower", (1.5, 1.6))
    assert mean(one).leaves_out_seeds
    assert difference(two, one, False).leaves_out_seeds
    assert not mean(two).leaves_out_seeds
    assert mean(one).low == pytest.approx(1.5 - stats.t.ppf(0.975, 3) * np.std([0.1, -0.1, 0.2, -0.2], ddof=1))


def test_the_seeds_needed_are_enough_and_one_less_is_not() -> None:
    a, b, gap = Measured("lower", (1.0, 3.0)), Measured("lower", (2.0, 5.0)), 1.5
    count = seeds_needed([a, b], True, gap)
    assert count is not None

    def reach(seeds: int) -> float:
        """With the same scatter in more seeds: how far off the mean is in one of five cases, and its interval's."""
        sides = []
        for side in (a, b):
            steps = np.linspace(-1, 1, seeds)
            spread = np.std(side.values, ddof=1) / np.std(steps, ddof=1)
            sides.append(Measured("lower", tuple(side.mean + spread * steps)))
        found = [difference(sides[0], sides[1], True, level) for level in (intervals.LEVEL, 2 * intervals.POWER - 1)]
        return sum(_ends(each)[1] - each.value for each in found)

    assert reach(count) < gap <= reach(count - 1)
    assert seeds_needed([a, b], True, 1e-3) is None
    assert seeds_needed([a, Measured("lower", (2.0,))], True, gap) is None
    noisy = Measured("lower", (1.0, 3.0), (9.0, -9.0, 9.0, -9.0))
    assert seeds_needed([noisy], True, 1.5) is None  # the test set alone is too small


def _pooled(measured: Measured, *others: tuple[float, ...]) -> Measured:
    """Told by two other experiments as well."""
    return pool([measured, *(replace(measured, values=each) for each in others or ((1.0, 1.2), (1.1, 1.0)))])[0]


@pytest.mark.parametrize("scale", ["plain", "log", "logit"])
def test_a_pool_makes_an_interval_even_on_the_metrics_scale(scale: Scale) -> None:
    """So that a distance is above 0, and a share between 0 and 1, however far its interval reaches."""
    errors = tuple(np.random.default_rng(0).normal(size=HALVES) / 5)
    measured = Measured("lower", (0.7, 0.9), errors, scale=scale)
    ends = _ends(mean(_pooled(measured, (0.2, 0.5), (0.1, 0.3))))
    numbers = np.array([ends[0], measured.mean, ends[1]])
    if scale != "plain":
        numbers = np.log(numbers) if scale == "log" else special.logit(numbers)
    low, centre, high = numbers.tolist()
    assert high - centre == pytest.approx(centre - low)
    assert high - centre > 0


def test_a_pool_tells_what_seeds_alone_do_not() -> None:
    agreed, far = Measured("lower", (1.0, 1.0)), Measured("lower", (2.0, 2.0))
    assert mean(agreed).low is None
    assert difference(far, agreed, True).verdict("lower") == "unknown"
    one, other, _ = pool([agreed, far, *[Measured("lower", (3.0, 3.1 + by)) for by in (0.0, 0.1, 0.2)]])[:3]
    low, high = _ends(mean(one))
    assert low < 1 < high
    assert difference(other, one, True).verdict("lower") == "worse"
    assert not difference(other, one, True).alone
    assert difference(other, Measured("lower", (1.0, 1.1)), True).alone  # one side without


def test_the_test_set_widens_what_a_pool_tells() -> None:
    errors = tuple(np.random.default_rng(0).normal(size=HALVES))
    without, within = (_pooled(Measured("lower", (1.0, 1.1), each)) for each in ((), errors))
    reach = [(high - low) / 2 for low, high in (_ends(mean(each)) for each in (without, within))]
    assert reach[1] > stats.t.ppf(0.975, HALVES - 1) * np.std(errors, ddof=1) > reach[0]
    assert difference(within, within, True) == difference(without, without, True)  # it adds the same to both


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("counts", [(2, 2), (3, 2)])
@pytest.mark.parametrize("errors", [(), tuple(0.3 * (-1.0) ** n for n in range(HALVES))])
def test_a_difference_is_one_where_chance_seldom_makes_as_large_a_one(
    counts: tuple[int, int], pooled: bool, errors: tuple[float, ...]
) -> None:
    random = np.random.default_rng(0)
    seen = set()
    for shift in np.linspace(0, 8, 40):
        values = (random.normal(size=count) + by for count, by in zip(counts, (0.0, shift), strict=True))
        base, head = (Measured("higher", tuple(each), errors) for each in values)
        if pooled:
            base, head, _ = pool([base, head, Measured("higher", (0.3, 1.9))])
        found = difference(head, base, False)
        assert found.chance is not None
        assert (found.chance < 0.05) == (found.verdict("higher") in ("better", "worse"))
        seen.add(found.verdict("higher"))
    assert {"better", "noise"} <= seen
    assert difference(base, base, False).chance == 1
    assert difference(base, Measured("higher", (1.0,)), False).chance is None


def test_the_seeds_needed_hang_on_what_a_pool_tells() -> None:
    own = [Measured("lower", values) for values in ((1.0, 3.0), (2.0, 5.0), (1.0, 2.5), (4.0, 5.5))]
    pooled = pool(own)
    needed = [seeds_needed(pooled[:2], True, gap) for gap in (1.0, 2.0, 4.0, 20.0)]
    counts = [count for count in needed if count is not None]
    assert len(counts) == len(needed)
    assert counts == sorted(set(counts), reverse=True)
    assert min(counts) >= 2
    assert seeds_needed(pooled[:2], True, 1e-3) is None
    wild = pool([replace(own[0], values=(-10.0, 14.0)), *own[1:]])
    assert (seeds_needed(wild[:2], True, 4.0) or intervals.MOST_SEEDS) > counts[2]


def test_the_seeds_needed_mostly_decide() -> None:
    """Of two experiments among nine, of which all others keep their two seeds."""
    random, decided, gap = np.random.default_rng(0), [], 2.0

    def drawn(*counts: int) -> list[Measured]:
        rows = [random.normal(size=count) + gap * (number == 0) for number, count in enumerate(counts)]
        return pool([Measured("lower", tuple(row.tolist())) for row in rows])

    for _ in range(150):
        count = seeds_needed(drawn(*[2] * 9)[:2], True, gap)
        assert count is not None
        found = drawn(count, count, *[2] * 7)
        decided.append(difference(found[0], found[1], True).verdict("lower") == "worse")
    assert 0.65 <= _share(decided) <= 0.9


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("shared", [0.0, 0.1, 1.0, 10.0])
def test_coverage_of_seeds_and_test_set(seeds: int, shared: float) -> None:
    """shared: the test set's variance over that which seeds leave in the mean."""
    random, held = np.random.default_rng(seeds), []
    for _ in range(8000):
        values = random.normal(size=seeds) * seeds**0.5 + random.normal() * shared**0.5
        errors = random.normal(size=HALVES) * shared**0.5
        held.append(_holds(mean(Measured("lower", tuple(values), tuple(errors))), 0))
    assert 0.92 <= _share(held) <= 0.98


@pytest.mark.parametrize(("heads", "bases"), [(2, 2), (3, 3), (5, 5), (3, 2), (2, 5)])
@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("same_test", [True, False])
def test_coverage_of_differences(heads: int, bases: int, ratio: float, same_test: bool) -> None:
    """Two experiments, one of which scatters `ratio` times as much as the other, on one test set or on two. With two
    seeds against more it holds the truth even more often."""
    random, held = np.random.default_rng(heads + bases), []
    for _ in range(6000):
        common, errors = random.normal(), random.normal(size=HALVES)
        sides = []
        for count, scale in ((heads, 1.0), (bases, ratio**0.5)):
            test, own = (common, errors) if same_test else (random.normal(), random.normal(size=HALVES))
            values = random.normal(size=count) * scale * count**0.5 + test
            sides.append(Measured("lower", tuple(values), tuple(own)))
        held.append(_holds(difference(sides[0], sides[1], same_test), 0))
    assert 0.92 <= _share(held) <= (0.98 if heads == bases else 0.99)


@pytest.mark.parametrize(("share", "trials", "scatter"), [(0.9, 500, 0.0), (0.9, 500, 0.02), (0.5, 100, 0.1)])
@pytest.mark.parametrize("seeds", [2, 3])
def test_coverage_of_shares(share: float, trials: int, scatter: float, seeds: int) -> None:
    """How often the judge is right, of models whose own shares scatter by a standard deviation about the truth."""
    random, held = np.random.default_rng(seeds), []
    for _ in range(2000):
        if scatter:
            strength = share * (1 - share) / scatter**2 - 1
            own = random.beta(share * strength, (1 - share) * strength, seeds)
        else:
            own = np.full(seeds, share)
        values = random.binomial(trials, own) / trials
        held.append(_holds(mean(Measured("higher", tuple(values), (), trials)), share))
    assert 0.92 <= _share(held) <= 0.98


def test_few_seeds_want_more_than_a_bootstrap() -> None:
    """Why intervals do not come from resampling seeds, and test images within, with replacement."""
    random = np.random.default_rng(0)
    for seeds in (2, 3):
        values = random.normal(size=(2000, seeds))
        rows = random.integers(seeds, size=(400, seeds))
        low, high = np.quantile(values[:, rows].mean(2), [0.025, 0.975], axis=1)
        assert np.mean((low <= 0) & (high >= 0)) < 0.8


Drawn = Callable[[Generator], list[Evidence]]


def _judged(features: Tensor, originals: Tensor | None = None) -> Judged:
    labels = torch.ones(len(features), 1, dtype=torch.uint8)
    return Judged(features, features, features[:, :1], labels, originals)


def _sets(noise: Generator, test: int, variants: int, fakes: int, seeds: int, far: float) -> list[Evidence]:
    """Real features in pairs of variants, and samples of models whose means scatter over seeds."""
    originals = torch.arange(test) // variants
    real = torch.randn(test // variants, 3, generator=noise)[originals] + 0.3 * torch.randn(test, 3, generator=noise)
    shown = _judged(real, originals)
    models = 0.5 + far * torch.randn(seeds, 1, 3, generator=noise)
    return [
        Evidence(shown, shown, _judged(centre + torch.randn(fakes, 3, generator=noise)), True, "objects", None)
        for centre in models
    ]


def _measured(metric: ModuleType, name: str, models: list[Evidence], noise: Generator) -> Measured:
    """As the evaluation does it."""
    sizes = {key: len(answers.labels) for key, answers in models[0].answers.items()}
    cut = jackknife.draw(models[0].test, sizes, HALVES, noise)
    latents = noise if len(models) == 1 else None
    parts = [[metric.measure(jackknife.seen(each, cut, k, latents)) for k in range(HALVES)] for each in models]
    values = tuple(metric.measure(each)[name] for each in models)
    trials = metric.trials(models[0])[name] if hasattr(metric, "trials") else None
    return Measured(metric.BETTER[name], values, jackknife.errors(parts, name), trials)


@pytest.mark.parametrize("seeds", [1, 2, 3])
@pytest.mark.parametrize(("metric", "name"), [(frechet, "frechet_distance"), (manifold, "recall")])
def test_coverage_of_numbers_of_whole_sets(metric: ModuleType, name: str, seeds: int) -> None:
    """The truth is what many experiments of this size give on average: an interval is about that number, bias and all.
    Of a single seed all models are one and the same, as its interval leaves seeds out. Nearest neighbours scatter more
    among half as many images than half-sampling assumes: intervals of such metrics are a little too wide."""
    noise = Generator().manual_seed(seeds)
    far = 0.0 if seeds == 1 else 0.1
    found = [_measured(metric, name, _sets(noise, 120, 2, 120, seeds, far), noise) for _ in range(350)]
    truth = float(np.mean([each.mean for each in found]))
    assert 0.92 <= _share([_holds(mean(each), truth) for each in found]) <= (0.99 if metric is manifold else 0.98)


@pytest.mark.parametrize("seeds", [1, 2])
def test_coverage_of_lists_of_label_sets(seeds: int) -> None:
    """Sets differ in how hard they are, so drawings within a set say less than drawings of other sets."""
    noise, random, found = Generator().manual_seed(0), np.random.default_rng(0), []
    labels = torch.zeros(32, 6, dtype=torch.uint8)
    labels[:, :2] = 1
    for _ in range(300):
        hard = torch.from_numpy(random.beta(4, 2, 32))
        models = []
        for model in _sets(noise, 32, 1, 32, seeds, 0):
            own = (hard + 0.05 * (seeds > 1) * random.normal()).clamp(0, 1)
            hits = torch.rand(10, 32, 2, generator=noise, dtype=torch.float64) < own[:, None]
            logits = torch.cat([torch.where(hits, 2.0, -2.0), torch.zeros(10, 32, 4)], 2)
            answers = Answers(labels, logits, torch.ones(32, dtype=torch.bool))
            models.append(
                Evidence(model.train, model.test, model.fake, True, "objects", None, answers={"test": answers})
            )
        found.append(_measured(objects, "test_accuracy", models, noise))
    truth = float(np.mean([each.mean for each in found]))
    assert 0.92 <= _share([_holds(mean(each), truth) for each in found]) <= 0.98


def test_condition_accuracy_counts_drawings() -> None:
    (model,) = _sets(Generator().manual_seed(0), 32, 2, 40, 1, 0)
    assert condition.trials(model) == {"condition_accuracy": 40, "condition_accuracy_real": 16}


def test_levels_widen() -> None:
    measured = Measured("lower", (1.0, 2.0, 4.0), (0.1, -0.1, 0.2))
    widths = []
    for level in (0.8, 0.95, 0.99):
        widths.append(_ends(mean(measured, level))[1])
    assert widths == sorted(widths)
    assert intervals.LEVEL == 0.95
