"""Numbers are written with as many digits as their interval leaves."""

import pytest

from pipeline.wording.numbers import text, written


@pytest.mark.parametrize(
    ("mean", "low", "high", "expected"),
    [
        (-84.6123, -85.0444, -84.1802, "-84.61 ± 0.43"),
        (125.4, 106.2, 144.6, "125 ± 19"),
        (0.0170391, 0.0169659, 0.0171123, "0.017039 ± 0.000073"),
        (8.7, -4.5, 21.9, "9 ± 13"),
        (6.0, 6.0, 6.0, "6 ± 0"),
        (0.963, 0.912, 0.984, "0.963 [0.91, 0.98]"),
        (0.9, 0.7, 0.95, "0.90 [0.70, 0.95]"),
        (0.0, 0.0, 0.0042, "0 [0, 0.0042]"),
        (1234.0, 1100.0, 1900.0, "1234 [1100, 1900]"),
        (0.1234567, None, None, "0.1235"),
    ],
)
def test_a_mean_has_as_many_decimals_as_its_interval(
    mean: float, low: float | None, high: float | None, expected: str
) -> None:
    value = {"mean": mean} if low is None or high is None else {"mean": mean, "low": low, "high": high}
    assert text(value) == expected
    assert " ".join(part for part in written(mean, low, high) if part) == expected


def test_rounding_in_the_file_makes_no_interval_uneven() -> None:
    assert text({"mean": -84.6123, "low": -84.6125, "high": -84.6122}) == "-84.61230 ± 0.00015"


def test_an_interval_of_one_seed_is_marked_and_a_bare_number_is_not() -> None:
    assert text({"mean": 1.0, "low": 0.5, "high": 1.5}, one_seed=True) == "1.00 ± 0.50†"
    assert text({"mean": 1.0}, one_seed=True) == "1"
