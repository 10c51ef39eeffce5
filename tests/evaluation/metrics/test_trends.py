from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import trends


def of(make_evidence: Callable[..., Evidence], **columns: list[float]) -> dict[str, float]:
    count = len(next(iter(columns.values())))
    curve = [{"iteration": i + 1.0, **{name: values[i] for name, values in columns.items()}} for i in range(count)]
    return trends.measure(replace(make_evidence(), curve=curve))


def test_agrees_with_scipy() -> None:
    losses = np.random.default_rng(0).normal(size=40) - 0.05 * np.arange(40)
    assert trends.trend(losses.tolist()) == pytest.approx(stats.kendalltau(range(40), losses).statistic)


@pytest.mark.parametrize(
    ("losses", "expected"), [([3.0, 2.0, 1.0], -1), ([1.0, 2.0, 9.0], 1), ([5.0] * 4, 0), ([1.0], None)]
)
def test_known_trends(losses: list[float], expected: float | None) -> None:
    assert trends.trend(losses) == expected


def test_each_player_has_its_own(make_evidence: Callable[..., Evidence]) -> None:
    found = of(
        make_evidence,
        critic_loss=[3.0, 2.0, 1.0],
        critic_peak=[9.0] * 3,
        generator_loss=[1.0, 2.0, 3.0],
        loss=[0.0] * 3,
    )
    assert found == {"generator_trend": 1, "opponent_trend": -1}
    assert of(make_evidence, loss=[4.0, 3.0, 3.5], kl=[0.0] * 3) == {"loss_trend": pytest.approx(-1 / 3)}


def test_who_learns_first(make_evidence: Callable[..., Evidence]) -> None:
    sides = {"critic_loss": [1.0] * 10, "critic_peak": [1.0] * 10, "generator_loss": [1.0] * 10}
    soon, late = [0.1, 0.95] + [0.5] * 8, [0.2] * 7 + [0.9] * 3
    found = of(make_evidence, **sides, classifier_real_accuracy=late, classifier_fake_accuracy=soon)
    assert found["fakes_lead"] == pytest.approx(0.6)
    found = of(make_evidence, **sides, classifier_real_accuracy=soon, classifier_fake_accuracy=[0.3] * 10)
    assert found["fakes_lead"] == pytest.approx(-0.8)


def test_nothing_without_a_curve(make_evidence: Callable[..., Evidence]) -> None:
    assert trends.measure(make_evidence()) == {}
