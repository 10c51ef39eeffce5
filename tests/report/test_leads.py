"""What a section begins with: a question, the pictures that answer it, and what the report concluded."""

from dataclasses import replace
from pathlib import Path

import pytest
import reported
from pydantic import ValidationError

from pipeline.report import page, pictures
from pipeline.report.page import Content
from pipeline.report.sections import section
from pipeline.report.settings import Lead, Part, Settings

QUESTION = "Do labels <help>?"


def led(*names: str, conclusions: tuple[str, ...] = ()) -> Settings:
    leads = (Lead(question=QUESTION, pictures=names, conclusions=conclusions),) if names else ()
    part = Part(title="Report A", experiments=("plain", "cvae"), leads=leads)
    return Settings(metrics={}, explorer=(), sections=(part,))


def rendered(shown: Content, settings: Settings) -> str:
    return page.render(replace(shown, settings=settings))


def test_a_section_begins_with_its_question_and_the_verdict(shown: Content) -> None:
    text = rendered(shown, led("plain/samples", "cvae/samples", conclusions=("A1", "Z9")))
    start = text.index(">Report A</h2>")
    lead = text[start : text.index("Parameters in which these experiments differ", start)]
    assert "Do labels &lt;help&gt;?" in lead
    assert lead.count("<img") == 2
    assert "Samples of cvae (conditional VAE)" in lead
    assert '<a href="#conclusion-A1">A1</a> Labels &lt;help&gt;.' in lead
    assert 'class="badge supported"' in lead
    assert "Z9" not in lead
    pictured = text[text.index("Parameters in which these experiments differ", start) :]
    assert pictured.count('alt="Samples of') == 2  # they come again among the others


def test_without_a_conclusion_it_says_what_is_seen(shown: Content) -> None:
    text = rendered(shown, led("plain/samples"))
    lead = text[text.index('class="question"') :]
    assert lead.index("What the model draws, not chosen") < lead.index("Parameters in which")


def test_notes_are_objectives_where_these_differ(shown: Content) -> None:
    runs = {run.name: run for run in shown.runs}

    def notes(*names: str) -> list[str]:
        (answer,) = section(led(*names).sections[0], runs).answers
        return [note for _, note, _, _ in answer.pictures]

    assert notes("plain/samples", "cvae/samples") == ["VAE", "conditional VAE"]
    runs["cvae"] = replace(runs["cvae"], parameters={**runs["cvae"].parameters, "conditional": False})
    assert notes("plain/samples", "cvae/samples")[0] == "the reference"
    assert notes("cvae/samples") == ["VAE"]


def test_what_there_is_not_is_left_out(shown: Content) -> None:
    runs = {run.name: run for run in shown.runs}
    (answer,) = section(led("gone/samples", "plain/curves").sections[0], runs).answers
    assert [name for name, *_ in answer.pictures] == ["plain"]
    assert section(led("gone/samples").sections[0], runs).answers == []


def test_what_is_drawn_is_embedded_once_more(tmp_path: Path) -> None:
    path = reported.picture(tmp_path / "figures/plain/samples.png")
    reported.picture(tmp_path / "figures/gone/eyes.png")
    assert pictures.led(tmp_path, led("plain/samples", "plain/eyes", "gone/eyes"), ["plain"]) == [path]


@pytest.mark.parametrize("name", ["plain", "a/b/c", "plain/samples.png", "../x"])
def test_pictures_are_named_by_experiment_and_figure(name: str) -> None:
    with pytest.raises(ValidationError):
        led(name)


def test_seeds_are_nothing_to_note_below_a_picture(shown: Content) -> None:
    runs = {run.name: run for run in shown.runs}
    for name, seeds in (("plain", [0]), ("cvae", [0, 1])):
        runs[name] = replace(runs[name], parameters={**runs[name].parameters, "seeds": seeds})
    found = section(led().sections[0], runs)
    assert "seeds" in [parameter.key for parameter in found.differing]
    assert all("seeds" not in note for plate in found.plates for _, note, _ in plate.pictures)
