"""The page says all there is to say, escapes what it says, and needs nothing besides itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

from pipeline.report import page
from pipeline.report.page import Content
from pipeline.statistics.measurements import Measured

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


def test_facts_say_what_ran(shown: Content) -> None:
    facts = dict(page.facts(shown))
    assert facts["Experiments"] == "3, with 6 trained models"
    assert facts["Budget"] == "laptop"
    assert facts["Machine"] == "a machine, torch 2"
    assert "digits8x8: 2 experiments of 1 or 3 seeds" in facts["Digits"]
    assert "99.42 % of 4000 real test images, the referee names 98.0 % of what they show" in facts["Digits"]
    assert "street_digits: 1 experiment of 2 seeds" in facts["House numbers"]
    assert "params.yaml's own" in dict(page.facts(replace(shown, budget=None)))["Budget"]


def test_conclusions_are_counted_worded_and_escaped(text: str) -> None:
    assert "1 supported" in text
    assert "0 contradicted" in text
    assert "Labels &lt;help&gt;." in text
    assert "<help>" not in text
    assert "What would decide it.</b> More seeds." in text
    assert text.count('class="forest"') == 2  # the third claim is not measured
    assert "5.0 ± 2.0 nats" in text


def test_marks_are_explained_where_they_occur(shown: Content) -> None:
    words = {"†": "One seed: the interval leaves out", "‡": "By itself: "}
    for kept in ("†", "‡", ""):
        values = {"†": (0.5,), "‡": (0.5, 0.6), "": (0.5, 0.5)}[kept]  # of a share, whose trials tell where seeds agree
        found = replace(shown.runs[0].found, metrics={"recall": Measured("higher", values, (), 40)})
        text = page.render(replace(shown, conclusions=[], runs=[replace(run, found=found) for run in shown.runs]))
        assert {mark for mark in words if mark in text} == set(kept)
        assert {mark for mark, told in words.items() if told in text.replace("&nbsp;", " ")} == set(kept)


def test_names_are_escaped_and_may_break() -> None:
    assert page.breakable("<b>_c.d") == "&lt;b&gt;_<wbr>c.<wbr>d"


def test_room_for_pictures_is_what_decoders_leave(shown: Content) -> None:
    assert page.room([], 1) - page.room(shown.decoders, 1) == sum(len(each.weights) for each in shown.decoders)
