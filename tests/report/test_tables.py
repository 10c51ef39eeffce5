"""Tables have the chosen metrics first, and say which intervals leave seeds out."""

from pipeline.report import tables
from pipeline.report.page import Content


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
    assert (cells[1].mean, cells[1].interval, cells[1].one_seed) == ("−81.0", "± 2.5", False)
    assert cells[0]
    assert cells[0].interval.startswith("[")  # Wilson's, of a share
    assert cells[2] is None
    assert others[0] is None
    assert others[1]
    assert others[1].one_seed
    assert others[2]
    assert (others[2].interval, others[2].one_seed) == ("", False)  # no interval that could leave anything out


def test_without_a_choice_all_metrics_are_shown(shown: Content) -> None:
    table = tables.tabulated("colour", shown.judges["colour"], shown.referees["colour"], shown.runs[2:], [])
    assert [column.first for column in table.columns] == [True]
