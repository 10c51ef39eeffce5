"""The tables of the documentation tell what was measured."""

from pathlib import Path

import pytest

from pipeline.conclusions import results
from pipeline.conclusions.results import Result
from pipeline.ground import params
from pipeline.statistics import pools
from tools.pages import updated

PAGE = """Prose 0 supported, 0 contradicted, 0 undecided.

0 supported, 0 contradicted, 0 undecided.

| | conclusion | verdict | what would decide it |
|---|---|---|---|
| A1 | Old words. | undecided | more |
| Z9 | Nobody knows it. | undecided | – |

| experiment | frechet distance | nothing |
|---|--:|--:|
| `dcgan` | 1 | 2 |
| `gone` | 1 | 2 |
"""


def committed(page: Path, folder: Path) -> str:
    found = pools.load(folder / "measurements", params.load()["experiments"])
    return updated(page.read_text(), found, results.load(folder / "conclusions.json"))


@pytest.mark.parametrize(
    ("page", "folder"), [("docs/results.md", "results"), ("docs/evening/README.md", "docs/evening")]
)
def test_what_the_documentation_tells_is_what_was_measured(page: str, folder: str) -> None:
    assert committed(Path(page), Path(folder)) == Path(page).read_text()


def test_a_sentence_makes_no_column_and_no_row() -> None:
    told = Result("A1", "A", "One | two\n| <b>three</b>.", "", "supported", "", "a | b", ())
    (row,) = [line for line in updated(PAGE, {}, [told]).splitlines() if line.startswith("| A1")]
    assert row == r"| A1 | One \| two \| \<b>three\</b>. | supported | a \| b |"
    assert len(updated(PAGE, {}, [told]).splitlines()) == len(PAGE.splitlines())


def test_rows_are_told_anew_and_the_rest_stands() -> None:
    found = pools.load(Path("results/measurements"), params.load()["experiments"])
    told = Result("A1", "A", "New words.", "", "supported", "", "", ())
    lines = updated(PAGE, found, [told]).splitlines()
    before = PAGE.splitlines()
    changed = {before[at]: line for at, line in enumerate(lines) if line != before[at]}
    assert changed[before[2]] == "1 supported, 0 contradicted, 0 undecided."
    assert changed["| A1 | Old words. | undecided | more |"] == "| A1 | New words. | supported | – |"
    assert changed["| `gone` | 1 | 2 |"] == "| `gone` | – | – |"
    name, distance, nothing = changed["| `dcgan` | 1 | 2 |"].strip("| ").split(" | ")
    assert (name, nothing) == ("`dcgan`", "–")
    assert float(distance.split()[0]) == pytest.approx(found["dcgan"].metrics["frechet_distance"].mean, rel=0.05)
    assert len(changed) == 4
