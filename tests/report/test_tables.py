"""Tables have the chosen metrics first, and mark the intervals that leave something out."""

from dataclasses import replace

from pipeline.report import tables
from pipeline.report.page import Content
from pipeline.statistics import pools
from pipeline.statistics.measurements import Measured


def test_a_table_has_the_chosen_metrics_first_and_marks_one_seed(shown: Content) -> None:
    runs = [run for run in shown.runs if run.role == "digits"]
    table = tables.tabulated(
        "digits", shown.judges["digits"], shown.referees["digits"], runs, ["recall", "nobody_measures", "elbo"]
    )
    assert [(column.name, column.arrow, column.first) for column in table.columns] == [
        ("recall", "↑", True),
        ("elbo", "↑", True),
        ("mse", "↓", False),
    ]
    (first, cells), (second, others) = table.rows
    assert (first, second) == ("cvae", "plain")
    assert cells[1]
    assert (cells[1].mean, cells[1].interval, cells[1].mark) == ("−81.0", "± 2.5", "‡")  # no pool
    assert cells[0]
    assert cells[0].interval.startswith("[")  # Wilson's, of a share
    assert cells[2] is None
    assert others[0] is None
    assert others[1]
    assert others[1].mark == "†"
    assert others[2]
    assert (others[2].interval, others[2].mark) == ("", "")  # no interval that could leave anything out


def test_what_a_pool_tells_has_no_mark(shown: Content) -> None:
    run, others = shown.runs[0], (Measured("higher", (-90.0, -91.5)), Measured("higher", (-70.0, -71.0)))
    found = {"cvae": run.found} | {str(n): replace(run.found, metrics={"elbo": each}) for n, each in enumerate(others)}
    runs = [replace(run, name=name, found=each) for name, each in pools.pooled(found).items()]
    table = tables.tabulated("digits", shown.judges["digits"], shown.referees["digits"], runs, ["elbo", "recall"])
    told = {name: [cell.mark if cell else None for cell in cells] for name, cells in table.rows}
    assert told == {"cvae": ["", "‡"], "0": ["", None], "1": ["", None]}  # recall has no pool


def test_without_a_choice_all_metrics_are_shown(shown: Content) -> None:
    table = tables.tabulated("colour", shown.judges["colour"], shown.referees["colour"], shown.runs[2:], [])
    assert [column.first for column in table.columns] == [True]
