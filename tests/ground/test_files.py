"""JSON and tables of results: what comes back is what was written, and what is no number is refused by name."""

import math
from pathlib import Path

import pytest

from pipeline.contracts import curves, training_progress
from pipeline.contracts.training_progress import Moment
from pipeline.ground.errors import InputError
from pipeline.ground.files import read_csv, read_json, write_json

NOT_FINITE = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("value", NOT_FINITE)
def test_json_has_no_number_that_is_not_finite(value: float, tmp_path: Path) -> None:
    path = tmp_path / "judge.json"
    write_json(path, {"accuracy": 0.5})
    with pytest.raises(InputError, match=r"judge\.json: expected finite numbers"):
        write_json(path, {"accuracy": [value]})
    assert read_json(path) == {"accuracy": 0.5}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', "{", "", "\udcff"])
def test_other_json_is_refused_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "judge.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"judge\.json: expected JSON, found something else"):
        read_json(path)


def test_json_that_is_missing_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; `dvc repro` makes it"):
        read_json(tmp_path / "judge.json")


def test_curves_and_moments_come_back(tmp_path: Path) -> None:
    rows = {3: [{"iteration": 1.0, "loss": 0.5}, {"iteration": 2.0, "loss": -1e-9}], 4: [{"iteration": 1.0, "loss": 2}]}
    curves.write(tmp_path / "curve.csv", rows)
    assert curves.read(tmp_path / "curve.csv") == rows
    moments = {3: [Moment(10, 320, "average", {"frechet_distance": 2.5, "diversity": 0.5})]}
    training_progress.write(tmp_path / "progress.csv", moments)
    assert training_progress.read(tmp_path / "progress.csv") == moments
    assert not curves.read(tmp_path / "none.csv")
    assert not training_progress.read(tmp_path / "none.csv")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "", "one", "1,2", "0x10"])
def test_a_table_of_anything_but_finite_numbers_is_refused_by_line(value: str, tmp_path: Path) -> None:
    for reader, head in ((curves.read, "seed,loss"), (training_progress.read, ",".join(training_progress.HEAD))):
        path = tmp_path / "table.csv"
        row = head.replace("seed", "3").replace("drawer", "average").replace("iteration", "1")
        path.write_text(
            f"{head}\n{row.replace('loss', '1').replace('images_seen', '2')}\n{row.rpartition(',')[0]},{value}\n"
        )
        with pytest.raises(InputError, match=r"table\.csv: line 3: .*: expected a finite number, found"):
            reader(path)


@pytest.mark.parametrize("text", ["", "loss\n1\n", "seed;loss\n1;2\n"])
def test_a_table_without_the_seeds_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"table\.csv: line \d: expected a column seed, found"):
        read_csv(path, ("seed",))
