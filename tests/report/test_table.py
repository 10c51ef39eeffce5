"""Numbers are written with the digits that their interval leaves."""

import json
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.report.page import Section, flat, render, tabulated
from pipeline.report.table import load, text


@pytest.mark.parametrize(
    ("mean", "half", "expected"),
    [
        (-84.6123, 0.4321, "-84.61 ± 0.43"),
        (125.4, 19.2, "125 ± 19"),
        (0.0170391, 0.0000732, "0.017039 ± 0.000073"),
        (8.7, 13.2, "9 ± 13"),
        (6.0, 0.0, "6 ± 0"),
        (0.1234567, None, "0.1235"),
    ],
)
def test_a_mean_has_as_many_decimals_as_its_interval(mean: float, half: float | None, expected: str) -> None:
    assert text({"mean": mean} if half is None else {"mean": mean, "ci95": half}) == expected


def test_no_metrics_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected metrics of experiments, found none"):
        load(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps({"source": "s", "seeds": 1}))
    assert load(tmp_path) == {"a": {"source": "s", "seeds": 1}}


def test_the_page_shows_what_differs_and_escapes_names() -> None:
    common = {"data": "digits", "rate": {"vae": 1}}
    blocks = {"plain": {"latent": 5} | common, "<b>": {"latent": 7} | common}
    metrics = {"elbo": {"mean": -3.0, "ci95": 0.5}}
    sections = [Section(name, flat(block), metrics if name == "plain" else {}, []) for name, block in blocks.items()]
    judges = {"digits": {"accuracy": 0.99, "test_images": 10, "source": "digits8x8"}}
    page = render(sections, {"elbo": "higher", "never_measured": "lower"}, judges, None, [])
    assert "<code>rate.vae: 1</code>" in page
    assert page.count("rate.vae") == 1  # shared, so said once
    assert "latent: 5" in page
    assert "latent: 7" in page
    assert "-3.00 ± 0.50" in page
    assert "elbo ↑" in page
    assert "never_measured" not in page
    assert "<b>&" not in page
    assert "&lt;b&gt;" in page
    assert "digits8x8" in page
    assert "99.00" in page


def test_each_role_has_a_table_of_its_own_turned_when_metrics_are_many() -> None:
    judge = {"accuracy": 0.9, "test_images": 10, "source": "here"}
    names = ["a", "b", "c"]
    metrics = {name: {"mean": float(index)} for index, name in enumerate(names)}
    one = [Section("first", {"data": "digits"}, metrics, [])]
    wide = tabulated(
        "digits", judge, [*one, Section("second", {"data": "digits"}, {}, [])], dict.fromkeys(names, "lower")
    )
    assert [text for text, _ in wide.head] == ["experiment", "a ↓", "b ↓", "c ↓"]
    assert [[text for text, _ in line] for line in wide.lines] == [["first", "0", "1", "2"], ["second", "–", "–", "–"]]
    long = tabulated("digits", judge, one, dict.fromkeys(names, "neither"))
    assert [text for text, _ in long.head] == ["experiment", "first"]
    assert [[text for text, _ in line] for line in long.lines] == [["a", "0"], ["b", "1"], ["c", "2"]]
    assert long.head[1] == ("first", "first")  # the experiment's name leads to its section
    page = render(
        [*one, Section("other", {"data": "colour"}, {"z": {"mean": 1.0}}, [])],
        {**dict.fromkeys(names, "lower"), "z": "lower"},
        {"digits": judge, "colour": judge},
        None,
        [],
    )
    digits, colour = page.split('<h3 id="colour">')
    assert "a ↓" in digits
    assert "a ↓" not in colour.split("</table>")[0]
    assert "z ↓" in colour
