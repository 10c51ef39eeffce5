"""Measurements survive their file, and their summary is what DVC compares."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.statistics import measurements, pools
from pipeline.statistics.intervals import between, mean
from pipeline.statistics.measurements import Measured, Measurements
from pipeline.statistics.summary import summary

FOUND = Measurements(
    "digits8x8",
    "a laptop",
    "0123456789ab",
    (0, 3),
    {
        "elbo": Measured("higher", (-80.5, -81.25), (5.0, -2.5, -2.5)),
        "recall": Measured("higher", (0.5, 0.75), (), 400, "logit"),
        "active_units": Measured("neither", (4.0, 4.0)),
    },
    {"collapse_iteration": (None, 40.0)},
    "bfloat16",
    "ba9876543210",
)


def test_they_survive_their_file(tmp_path: Path) -> None:
    text = measurements.dump(FOUND)
    assert measurements.parse(text, "a.json") == FOUND
    assert measurements.dump(measurements.parse(text, "a.json")) == text
    assert len(text.splitlines()) == 9 + 3 + 2 + 3  # a metric a line, so that git shows what changed
    (tmp_path / "fc_vae.json").write_text(text)
    assert measurements.load(tmp_path) == {"fc_vae": FOUND}


def test_a_scale_is_written_where_it_is_not_plain() -> None:
    """So that files of before there were scales are files still, and read as what they were."""
    lines = json.loads(measurements.dump(FOUND))["metrics"]
    assert {name: line.get("scale") for name, line in lines.items()} == {
        "elbo": None,
        "recall": "logit",
        "active_units": None,
    }
    text = measurements.dump(FOUND).replace(', "scale": "logit"', "").replace('"scale": "logit", ', "")
    assert {each.scale for each in measurements.parse(text, "a.json").metrics.values()} == {"plain"}


def test_what_a_pool_tells_is_not_in_the_file() -> None:
    """It hangs on the other experiments, which change by themselves."""
    others = {
        str(by): replace(FOUND, metrics={"elbo": Measured("higher", (-80.5 - by, -81.25 + by))}) for by in (2.0, 3.0)
    }
    found = pools.pooled({"fc_vae": FOUND, **others})["fc_vae"]
    assert found.metrics["elbo"].variances is not None
    assert measurements.dump(found) == measurements.dump(FOUND)
    assert found == FOUND


def test_the_summary_has_means_and_intervals() -> None:
    found = json.loads(json.dumps(summary(FOUND)))
    assert (found["source"], found["seeds"]) == ("digits8x8", 2)
    for name in ("elbo", "recall"):
        estimate = mean(FOUND.metrics[name])
        assert estimate.low is not None
        assert found[name]["mean"] == pytest.approx(estimate.value, rel=1e-5)
        assert found[name]["low"] == pytest.approx(estimate.low, rel=1e-5)
        assert found[name]["low"] < found[name]["mean"] < found[name]["high"]
    assert found["active_units"] == {"mean": 4}  # seeds that agree exactly do not say how sure they are
    assert "collapse_iteration" not in found


def test_differences_are_paired_on_one_test_set_only() -> None:
    other = Measurements("digits8x8", "", "another", (0, 3), FOUND.metrics, {})
    paired, apart = between(FOUND, FOUND, "elbo"), between(FOUND, other, "elbo")
    assert paired.high is not None
    assert apart.high is not None
    assert paired.value == apart.value == 0
    assert paired.high < apart.high


def test_those_of_before_all_was_recorded_can_still_be_compared_with() -> None:
    old = json.loads(measurements.dump(FOUND))
    for key in ("precision", "yardstick", "format"):
        del old[key]
    assert measurements.parse(json.dumps(old), "a.json") == replace(FOUND, precision=None, yardstick=None)


def test_another_format_is_refused_with_what_to_do() -> None:
    other = json.loads(measurements.dump(FOUND)) | {"format": 2}
    with pytest.raises(InputError, match=r"a\.json: .*format 1, found 2: .*`dvc repro`"):
        measurements.parse(json.dumps(other), "a.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"metrics": 3}', measurements.dump(FOUND)[:-30]])
def test_anything_else_is_told(text: str) -> None:
    with pytest.raises(InputError, match=r"a\.json: expected an experiment's measurements"):
        measurements.parse(text, "a.json")


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found none"):
        measurements.load(tmp_path)
