"""The stage writes every conclusion; it and `latentlab check` tell what is wrong with conclusions.yaml."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conclusions.judging import GOOD, around, claim, measurements

from pipeline.ground.errors import InputError
from pipeline.statistics.measurements import dump
from stages.conclude import conclude
from tools.check import check


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, Any]) -> Path:
    """A folder with the project's parameters, one conclusion, and made-up measurements of two experiments."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(content))
    for role in content["classifier"].values():
        Path(role["weights"]).mkdir(parents=True)
    entry = GOOD | {"claims": [claim(of="fc_vae", higher_than="fc_cvae")]}
    Path("conclusions.yaml").write_text(yaml.safe_dump({"A1": entry, "B2": GOOD}))
    folder = tmp_path / "results/measurements"
    folder.mkdir(parents=True)
    for name, mean in (("fc_vae", 2), ("fc_cvae", 1)):
        (folder / f"{name}.json").write_text(dump(measurements(around(mean))))
    return tmp_path


def test_the_stage_writes_every_conclusion_with_all_its_keys(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conclude()
    assert capsys.readouterr().out == "conclude: 2 conclusions: 1 supported, 0 contradicted, 1 undecided\n"
    first, second = json.loads((project / "results/conclusions.json").read_text())
    assert list(first) == [
        "id",
        "report",
        "sentence",
        "measured",
        "verdict",
        "why",
        "needs",
        "claims",
        "level",
        "seeds",
    ]
    assert (first["id"], first["report"], first["verdict"], first["needs"]) == ("A1", "A", "supported", "")
    shown = first["claims"][0]
    facts = ["text", "metric", "experiments", "verdict", "effect", "low", "high"]
    assert list(shown) == [*facts, "bound_low", "bound_high", "unit", "seeds", "needs", "alone"]
    assert (shown["experiments"], shown["bound_low"], shown["bound_high"]) == (["fc_vae", "fc_cvae"], 0, None)
    assert second["why"] == "needs experiments that params.yaml does not have: a"
    assert second["claims"][0]["bound_low"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "cannot be read"), ("A1: [", "not valid YAML"), ("- 1", "expected a mapping"), ("A1: 7", "A1: ")],
)
def test_a_wrong_file_stops_the_stage_and_the_check(text: str | None, words: str, project: Path) -> None:
    path = project / "conclusions.yaml"
    path.unlink() if text is None else path.write_text(text)
    for command in (conclude, check):
        with pytest.raises(InputError, match=f"conclusions.yaml: .*{re.escape(words)}"):
            command()
    assert not (project / "results/conclusions.json").exists()


def test_check_notes_experiments_that_are_not_there_and_has_a_line_for_each_fault(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check()
    *_, valid, note = capsys.readouterr().out.splitlines()
    assert valid == "conclusions.yaml is valid: 2 conclusions"
    assert note == "note: conclusions about experiments that params.yaml does not have stay undecided: a"
    bad = GOOD | {"claims": [claim(above=2, below=1)]}
    (project / "conclusions.yaml").write_text(json.dumps({"A1": bad, "A2": GOOD, "A3": bad}))  # which YAML reads, too
    with pytest.raises(InputError) as error:
        check()
    lines = str(error.value).replace("error: ", "").splitlines()
    assert [line.partition("conclusions.yaml: ")[2][:2] for line in lines] == ["A1", "A3"]
