"""No number on disk is nan or infinite: neither is written, and neither is read."""

import json
import math
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.statistics import measurements
from pipeline.statistics.measurements import Measured, Measurements


def found(value: float = 1.0, error: float = 0.1, partial: float | None = None) -> Measurements:
    return Measurements(
        "digits8x8", "cpu", "abc", (0, 1), {"mse": Measured("lower", (0.5, value), (0.1, error))}, {"at": (partial, 1)}
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_not_written(bad: float) -> None:
    for each in (found(value=bad), found(error=bad), found(partial=bad)):
        with pytest.raises(InputError, match=rf"metric (mse|at): expected finite numbers, found {bad}"):
            measurements.dump(each)


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity", "1e999", '"1"', "true", "null", "[1]", "{}"])
@pytest.mark.parametrize("place", ["0.987654", "0.123456"])
def test_what_is_not_finite_is_not_read(bad: str, place: str) -> None:
    text = measurements.dump(found(0.987654, 0.1235)).replace("0.1235", "0.123456")
    assert place in text
    with pytest.raises(InputError) as error:
        measurements.parse(text.replace(place, bad), "results/measurements/x.json")
    assert str(error.value).startswith("results/measurements/x.json: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": [0]},
        {"seeds": [0, 1, 2]},
        {"metrics": {"mse": {"better": "lower", "values": []}}},
        {"metrics": {"mse": {"better": "sideways", "values": [1, 2]}}},
        {"metrics": {"mse": {"better": "lower", "scale": "cubic", "values": [1, 2]}}},
        {"metrics": {"mse": {"better": "lower", "values": [1, 2], "more": 1}}},
        {"metrics": []},
        {"partial": 3},
    ],
)
def test_what_does_not_belong_together_is_not_read(change: dict[str, object]) -> None:
    content = json.loads(measurements.dump(found())) | change
    with pytest.raises(InputError, match=r"^x\.json: expected an experiment's measurements, found something else"):
        measurements.parse(json.dumps(content), "x.json")


def test_a_file_of_any_bytes_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(InputError, match=r"x\.json: expected an experiment's measurements") as error:
        measurements.load(tmp_path)
    assert "\n" not in str(error.value)
