"""Numbers are written with as many digits as their interval leaves."""

import pytest

from pipeline.wording.numbers import ALONE, ONE_SEED, mark, text, written


@pytest.mark.parametrize(
    ("mean", "low", "high", "expected"),
    [
        (-84.6123, -85.0444, -84.1802, "-84.61 ± 0.43"),
        (125.4, 106.2, 144.6, "125 ± 19"),
        (0.0170391, 0.0169659, 0.0171123, "0.017039 ± 0.000073"),
        (8.7, -4.5, 21.9, "9 ± 13"),
        (6.0, 6.0, 6.0, "6 ± 0"),
        (0.963, 0.912, 0.984, "0.963 [0.912, 0.984]"),
        (0.9, 0.7, 0.95, "0.90 [0.70, 0.95]"),
        (0.0, 0.0, 0.0042, "0 [0, 0.0042]"),
        (1234.0, 1100.0, 1900.0, "1234 [1100, 1900]"),
        (0.1234567, None, None, "0.1235"),
    ],
)
def test_a_mean_has_as_many_decimals_as_its_interval(
    mean: float, low: float | None, high: float | None, expected: str
) -> None:
    assert text(mean, low, high) == expected
    assert " ".join(part for part in written(mean, low, high) if part) == expected


def test_rounding_in_the_file_makes_no_interval_uneven() -> None:
    assert text(-84.6123, -84.6125, -84.6122) == "-84.61230 ± 0.00015"


@pytest.mark.parametrize(
    ("one_seed", "alone", "marked"), [(True, False, ONE_SEED), (False, True, ALONE), (True, True, ONE_SEED)]
)
def test_an_interval_that_leaves_something_out_is_marked_and_a_bare_number_is_not(
    one_seed: bool, alone: bool, marked: str
) -> None:
    found = mark(one_seed, alone)
    assert found == marked
    assert text(1.0, 0.5, 1.5, found) == f"1.00 ± 0.50{marked}"
    assert text(1.0, 0.2, 1.3, found) == f"1.00 [0.20, 1.30]{marked}"
    assert text(1.0, None, None, found) == "1"


def test_an_interval_that_knows_all_has_no_mark() -> None:
    assert mark(one_seed=False, alone=False) == ""
    assert text(1.0, 0.5, 1.5) == "1.00 ± 0.50"
