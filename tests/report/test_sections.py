"""Sections say how their experiments differ, and show their pictures in order."""

from dataclasses import replace

import reported

from pipeline.report import sections
from pipeline.report.embedding import Picture
from pipeline.report.page import Content
from pipeline.report.runs import Run
from pipeline.report.settings import Part
from pipeline.statistics.measurements import Measured


def run(name: str, **parameters: object) -> Run:
    return Run(name, parameters, reported.measured(0, elbo=Measured("higher", (1.0,))), {})


def test_a_section_tells_what_differs_from_its_first_experiment() -> None:
    runs = {
        "a": run("a", data="digits", latent=5, fast=True, optimisers={"vae": {"betas": [0.5, 0.9]}}),
        "b": run("b", data="digits", latent=7, fast=False, width=3, optimisers={"vae": {"betas": [0.5, 0.9]}}),
        "c": run("c", data="digits", latent=5, fast=True, optimisers={"vae": {"betas": [0, 0.9]}}),
    }
    runs = {name: replace(each, pictures={"samples": Picture("data:,", 1, 1)}) for name, each in runs.items()}
    found = sections.section(Part(title="A", experiments=("a", "b", "gone", "c")), runs)
    assert found.names == ["a", "b", "c"]
    assert found.common == {"data": "digits"}
    assert [(each.key, each.values) for each in found.differing] == [
        ("latent", [("5", False), ("7", True), ("5", False)]),
        ("fast", [("yes", False), ("no", True), ("yes", False)]),
        ("width", [("–", False), ("3", True), ("–", False)]),
    ]
    assert [each.key for each in found.optimisers] == ["optimisers.vae.betas"]
    notes = [note for _, note, _ in found.plates[0].pictures]
    assert notes == ["the reference", "latent 7, fast no, width 3", "optimisers.vae.betas 0, 0.9"]
    turned = sections.section(Part(title="A", experiments=("b", "a")), runs)
    assert turned.plates[0].pictures[1][1] == "latent 5, fast yes, no width"


def test_many_differences_are_counted() -> None:
    runs = {name: run(name, **dict.fromkeys("pqrst", name)) for name in ("a", "b")}
    runs = {name: replace(each, pictures={"samples": Picture("data:,", 1, 1)}) for name, each in runs.items()}
    found = sections.section(Part(title="A", experiments=("a", "b")), runs)
    assert found.plates[0].pictures[1][1] == "p b, q b, r b and 2 more"


def test_experiments_of_no_section_come_last(shown: Content, text: str) -> None:
    found = sections.sections(shown.settings, shown.runs)
    assert [(each.title, each.names) for each in found] == [
        ("Report A", ["plain", "cvae"]),
        ("Further experiments", ["a_game"]),
    ]
    assert text.index(">Report A</h2>") < text.index(">Further experiments</h2>")


def test_samples_come_first_and_curves_last() -> None:
    kinds = ["curves", "conditions_test", "unheard_of", "samples", "progress", "conditions_new_test"]
    pictured = replace(run("a"), pictures={kind: Picture("data:,", 1, 1) for kind in kinds})
    found = sections.section(Part(title="A", experiments=("a",)), {"a": pictured})
    expected = ["samples", "conditions_new_test", "conditions_test", "curves", "progress", "unheard_of"]
    assert [plate.kind for plate in found.plates] == expected
