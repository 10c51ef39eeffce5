"""The page says all there is to say, escapes what it says, and needs nothing besides itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import reported

from pipeline.report import glossary, page, sections, tables
from pipeline.report.embedding import Picture
from pipeline.report.page import Content
from pipeline.report.runs import Run
from pipeline.report.settings import Part
from pipeline.statistics.intervals import Measured

VOID = {"meta", "link", "img", "input", "br", "wbr", "hr", "path", "line", "rect", "circle"}


class Outline(HTMLParser):
    """Elements as they open, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    return reported.content(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def text(content: Content) -> str:
    return page.render(content)


def test_the_page_is_well_formed_and_refers_only_to_itself(text: str) -> None:
    elements = Outline(text).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in elements:
        for key in ("src", "href"):
            if target := attributes.get(key):
                assert target.startswith("data:") or target.removeprefix("#") in ids, (tag, target)
        assert tag not in ("iframe", "object", "embed")
    assert "@import" not in text
    assert "url(" not in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_headings_are_in_order_and_pictures_have_sizes_and_words(text: str) -> None:
    elements = Outline(text).elements
    levels = [int(tag[1]) for tag, _ in elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    images = [attributes for tag, attributes in elements if tag == "img" and attributes.get("id") != "enlarged-image"]
    assert len(images) == 5
    for attributes in images:
        assert attributes["alt"]
        assert int(attributes["width"] or 0) > 0
        assert int(attributes["height"] or 0) > 0


def test_figures_and_tables_are_numbered_through(text: str) -> None:
    for kind, count in (("Table", 6), ("Figure", 6)):
        numbers = [int(number) for number in re.findall(rf"<b>{kind} (\d+)\.", text)]
        expected = [number for number in range(1, count + 1) if (kind, number) != ("Figure", 3)]  # a, b and c
        assert numbers == expected


def test_facts_say_what_ran(content: Content) -> None:
    facts = dict(page.facts(content))
    assert facts["Experiments"] == "3, with 6 trained models"
    assert facts["Budget"] == "laptop"
    assert facts["Machine"] == "a machine, torch 2"
    assert "digits8x8: 2 experiments of 1 or 3 seeds" in facts["Digits"]
    assert "99.42 % of 4000 real test images" in facts["Digits"]
    assert "street_digits: 1 experiment of 2 seeds" in facts["House numbers"]
    assert "params.yaml's own" in dict(page.facts(replace(content, budget=None)))["Budget"]


def test_a_table_has_the_chosen_metrics_first_and_marks_one_seed(content: Content) -> None:
    runs = [run for run in content.runs if run.role == "digits"]
    table = tables.tabulated("digits", content.judges["digits"], runs, ["recall", "nobody_measures", "elbo"])
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


def test_without_a_choice_all_metrics_are_shown(content: Content) -> None:
    table = tables.tabulated("colour", content.judges["colour"], content.runs[2:], [])
    assert [column.first for column in table.columns] == [True]


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


def test_experiments_of_no_section_come_last(content: Content, text: str) -> None:
    found = sections.sections(content.settings, content.runs)
    assert [(each.title, each.names) for each in found] == [
        ("Report A", ["plain", "cvae"]),
        ("Further experiments", ["a_game"]),
    ]
    assert text.index(">Report A</h2>") < text.index(">Further experiments</h2>")


def test_conclusions_are_counted_worded_and_escaped(text: str) -> None:
    assert "1 supported" in text
    assert "0 contradicted" in text
    assert "Labels &lt;help&gt;." in text
    assert "<help>" not in text
    assert "What would decide it.</b> More seeds." in text
    assert text.count('class="forest"') == 2  # the third claim is not measured
    assert "5 [3, 7] nats" in text


def test_names_are_escaped_and_may_break() -> None:
    assert page.breakable("<b>_c.d") == "&lt;b&gt;_<wbr>c.<wbr>d"


def test_every_figure_of_params_yaml_is_explained(root: Path) -> None:
    kinds = {path.stem for path in (root / "pipeline/figures").glob("*.py")} - {"__init__", "style"}
    assert not [kind for kind in kinds if not glossary.figure(kind)]
    assert glossary.figure("conditions_new_test") == glossary.FIGURES["conditions"]
    assert glossary.figure("unheard_of") == ""


def test_metrics_are_explained_by_name_or_by_prefix() -> None:
    assert glossary.metric("elbo") == glossary.METRICS["elbo"]
    assert glossary.metric("final_frechet_distance") == glossary.METRICS["final_"]
    assert glossary.metric("unheard_of") == ""


def test_room_for_pictures_is_what_decoders_leave(content: Content) -> None:
    assert page.room([]) - page.room(content.decoders) == sum(len(each.weights) for each in content.decoders)


def test_samples_come_first_and_curves_last() -> None:
    kinds = ["curves", "conditions_test", "unheard_of", "samples", "progress", "conditions_new_test"]
    pictured = replace(run("a"), pictures={kind: Picture("data:,", 1, 1) for kind in kinds})
    found = sections.section(Part(title="A", experiments=("a",)), {"a": pictured})
    expected = ["samples", "conditions_new_test", "conditions_test", "curves", "progress", "unheard_of"]
    assert [plate.kind for plate in found.plates] == expected
