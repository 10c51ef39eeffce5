"""Conclusions are put in words, and their charts put every number where it belongs."""

from dataclasses import replace

import pytest

from pipeline.conclusions.results import ClaimResult
from pipeline.report import conclusion_charts

CLAIM = ClaimResult("it rises", "elbo", ("a", "b"), "supported", 5.0, 3.0, 7.0, 0.0, None, "nats", 3)


def test_the_band_lies_between_the_bounds_and_the_whisker_within_the_chart() -> None:
    drawn = conclusion_charts.chart(CLAIM)
    assert drawn
    assert drawn.whisker
    assert drawn.band == (drawn.limits[0][0], drawn.width)  # from 0 on
    assert drawn.limits[0][1] == "0"
    left, right = drawn.whisker
    assert 0 < drawn.limits[0][0] < left < drawn.dot < right < drawn.width
    assert drawn.dot == pytest.approx((left + right) / 2, abs=0.1)  # 5 is in the middle of 3 and 7


def test_two_bounds_and_an_effect_beyond_them() -> None:
    drawn = conclusion_charts.chart(replace(CLAIM, effect=5.0, low=4.0, high=6.0, bound_low=-2.0, bound_high=2.0))
    assert drawn
    assert drawn.whisker
    assert [text for _, text in drawn.limits] == ["−2", "0", "2"]
    assert drawn.band[1] < drawn.whisker[0]


def test_zero_is_left_out_where_it_is_far_away() -> None:
    drawn = conclusion_charts.chart(replace(CLAIM, effect=0.81, low=0.8, high=0.82, bound_low=0.8, bound_high=None))
    assert drawn
    assert [text for _, text in drawn.limits] == ["0.8"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "5.0 ± 2.0 nats"),
        ({"seeds": 1}, "5.0 ± 2.0† nats"),
        ({"alone": True}, "5.0 ± 2.0‡ nats"),
        ({"low": -1.0, "high": 6.0, "unit": ""}, "5.0 [−1.0, 6.0]"),
        ({"effect": -0.0532, "low": -0.0769, "high": -0.0295, "unit": ""}, "−0.053 ± 0.024"),
        ({"low": None, "high": None}, "5 nats"),
        ({"effect": None}, "not measured"),
    ],
)
def test_an_effect_in_words(change: dict[str, object], expected: str) -> None:
    assert conclusion_charts.effect(replace(CLAIM, **change)) == expected  # type: ignore[arg-type]


def test_without_an_effect_there_is_no_chart_and_without_an_interval_a_dot() -> None:
    assert conclusion_charts.chart(replace(CLAIM, effect=None, low=None, high=None)) is None
    drawn = conclusion_charts.chart(replace(CLAIM, effect=0.0, low=None, high=None))
    assert drawn
    assert drawn.whisker is None
    assert 0 <= drawn.dot <= drawn.width


def test_a_claim_is_written_as_the_tables_write_metrics() -> None:
    claim = replace(CLAIM, metric="late_loss", text="late_loss of face_gan is below 0.7")
    assert conclusion_charts.claimed(claim) == "Late loss of face_gan is below 0.7."


def test_sentences() -> None:
    assert conclusion_charts.sentence("the claim holds at 95 %") == "The claim holds at 95 %."
    assert conclusion_charts.sentence("It holds.") == "It holds."
