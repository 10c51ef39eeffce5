"""Times on disk, and how they are written in words."""

import json
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.running import record
from pipeline.running.record import Times, span


def test_times_come_back_rounded(tmp_path: Path) -> None:
    path = tmp_path / "results/times.json"
    assert record.load(path) is None
    record.save(Times("a processor", 2, 100.4, {"train@a": 12.345}), path)
    assert record.load(path) == Times("a processor", 2, 100, {"train@a": 12.3})


@pytest.mark.parametrize(
    "text", ["", "[]", '{"machine": "x"}', '{"machine": "x", "jobs": 1, "seconds": 1, "stages": []}']
)
def test_times_that_cannot_be_read_are_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "times.json"
    path.write_text(text)
    with pytest.raises(InputError, match="expected machine, jobs, seconds"):
        record.load(path)


def test_a_log_begins_with_the_machine_and_forgets_the_run_before(tmp_path: Path) -> None:
    path = tmp_path / "folder/run.jsonl"
    record.Log(path, 1)
    record.Log(path, 3).write({"stage": "a", "seconds": 1.23456})
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first.keys() == {"machine", "cores", "jobs", "python", "dvc", "torch", "latentlab"}
    assert first["jobs"] == 3
    assert second == {"stage": "a", "seconds": 1.235}


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (119.4, "119 s"), (119.6, "2 min"), (3599, "1 h 0 min"), (3900, "1 h 5 min")]
)
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words
