"""Results are read again as they were written, strictly, and counted."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import reported
from conclusions.judging import around, claim, judged, measurements

from pipeline.conclusions import results
from pipeline.ground.errors import InputError


def test_what_the_stage_conclude_writes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "conclusions.json"
    path.write_text(json.dumps([asdict(each) for each in reported.conclusions()]))
    assert results.load(path) == reported.conclusions()
    assert results.counts(results.load(path)) == {"supported": 1, "contradicted": 0, "undecided": 1}


def test_a_missing_or_wrong_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "conclusions.json"
    with pytest.raises(InputError, match="dvc repro conclude"):
        results.load(path)
    path.write_text(json.dumps([asdict(reported.conclusions()[0]) | {"verdict": "maybe"}]))
    with pytest.raises(InputError, match=r"conclusions.json: 0.verdict: .*maybe") as error:
        results.load(path)
    assert "\n" not in str(error.value)


def test_the_summary_counts_each_verdict() -> None:
    found = {"a": measurements(around(2))}
    judgements = [judged([claim(**keys)], found) for keys in ({"above": 1}, {"above": 3}, {"above": 2}, {"above": 4})]
    assert results.summary(judgements) == "4 conclusions: 1 supported, 2 contradicted, 1 undecided"
