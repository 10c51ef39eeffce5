"""Claims read as clauses, and what is wrong with one is told."""

from pathlib import Path
from typing import Any

import pytest
from conclusions.judging import CHANGE, GOOD, claim

from pipeline.conclusions.claims import faults, load, parse
from pipeline.ground.errors import InputError


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"higher_than": "b"}, "score is higher for a than for b"),
        ({"lower_than": "b", "by": 0.5}, "score is lower for a than for b, by more than 0.5"),
        ({"close_to": "b", "within": 0.2}, "score of a is within 20 % of that of b"),
        ({"above": 0}, "score of a is above 0"),
        ({"below": -0.9}, "score of a is below -0.9"),
        ({"above": 0.4, "below": 0.8}, "score of a is between 0.4 and 0.8"),
        (CHANGE, "score changes less from a to b than from c to d"),
    ],
)
def test_a_claim_reads_as_a_clause(keys: dict[str, Any], text: str) -> None:
    entry = {"sentence": "It is so.", "measured": "By its score.", "claims": [claim(**keys)]}
    assert parse("A1", entry).claims[0].text == text


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("first", {}, ["found 'first'", "A1"]),
        ("A1", {"sentence": " "}, ["A1.sentence"]),
        ("A1", {"measured": None}, ["A1.measured"]),
        ("A1", {"claims": []}, ["A1.claims", "at least 1"]),
        ("A1", {"claim": []}, ["A1.claim", "unknown key"]),
        ("A1", {"claims": [{"metric": "score", "above": 1}]}, ["A1.claims.0.of", "missing"]),
        ("A1", {"claims": [claim()]}, ["A1.claims.0", "higher_than", "found none"]),
        ("A1", {"claims": [claim(higher_than="b", above=1)]}, ["A1.claims.0", "found above, higher_than"]),
        ("A1", {"claims": [claim(higher_than="b", lower_than="c")]}, ["A1.claims.0", "found higher_than, lower_than"]),
        ("A1", {"claims": [claim(close_to="b")]}, ["A1.claims.0", "close_to and within", "found close_to"]),
        ("A1", {"claims": [claim(above=1, by=1)]}, ["A1.claims.0", "found above, by"]),
        ("A1", {"claims": [claim(higher_than="b", by=-1)]}, ["A1.claims.0.by", "-1"]),
        ("A1", {"claims": [claim(close_to="b", within=0)]}, ["A1.claims.0.within", "greater than 0"]),
        ("A1", {"claims": [claim(above=2, below=1)]}, ["A1.claims.0", "smaller of the two bounds"]),
        ("A1", {"claims": [claim(above=float("nan"))]}, ["A1.claims.0.above", "nan"]),
        ("A1", {"claims": [claim(above="high")]}, ["A1.claims.0.above", "high"]),
        ("A1", {"claims": [claim(higher_than="a")]}, ["A1.claims.0", "different experiments"]),
        ("A1", {"claims": [claim(changes_less_than=["c", "d"])]}, ["A1.claims.0", "`of` to be two experiments"]),
        ("A1", {"claims": [claim(of=["a", "b"], above=1)]}, ["A1.claims.0", "one with any other form"]),
        ("A1", {"requires": [{"experiment": "a", "key": "k"}]}, ["A1.requires.0", "equals"]),
        ("A1", {"requires": [{"experiment": "a", "key": "k", "equals": 1, "above": 1}]}, ["A1.requires.0", "either"]),
    ],
)
def test_a_wrong_entry_is_one_line_that_names_the_key(name: str, change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        parse(name, GOOD | change)
    assert str(error.value).startswith("conclusions.yaml: ")
    assert "params.yaml" not in str(error.value)
    assert all(word in str(error.value) for word in words), error.value
    assert "\n" not in str(error.value)


def test_every_wrong_entry_has_a_line() -> None:
    content = {"A1": GOOD, "A2": GOOD | {"claims": []}, "A3": 7, 4: GOOD}
    assert [fault.split(": ")[1].split(".")[0] for fault in faults(content)[:2]] == ["A2", "A3"]
    assert len(faults(content)) == 3


def test_the_projects_conclusions_are_about_its_experiments(root: Path, content: dict[str, Any]) -> None:
    found = load(root / "conclusions.yaml")
    assert {name[0] for name in found} == set("ABCDE")
    for each in found.values():
        assert set(each.experiments) <= set(content["experiments"])
        assert all(required.key in content["experiments"][required.experiment] for required in each.requires)
    assert len({each.sentence for each in found.values()}) == len(found)
