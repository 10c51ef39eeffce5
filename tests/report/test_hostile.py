"""Text of others (classes, captions, sentences, names of files) stays text wherever a page shows it."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import chromium
import pytest
import reported

from pipeline.conclusions.results import ClaimResult, Result
from pipeline.figures.common.words import legible
from pipeline.report import page
from pipeline.report.embedding import Reel
from pipeline.report.overview import Overview, Tile
from pipeline.report.page import Content
from pipeline.report.settings import Lead, Part, Settings
from pipeline.statistics.measurements import Measured

PLAIN = "zyxw"
ATTACKS = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "single quote": "' onmouseover='alert(1)",
    "unquoted": "x onclick=alert(1) y",
    "end of script": "</script><script>alert(1)</script>",
    "comment in a script": "<!--<script>",
    "end of style": "</style><style>*{display:none}</style>",
    "end of title": "</title></textarea></select></svg><h1>x</h1>",
    "svg": "<svg onload=alert(1)>",
    "comment": "--><b>x</b><!--",
    "cdata": "]]><b>x</b>",
    "entity": "&amp; &lt;b&gt; &#60;b&#62; &copy",
    "quote": 'it\'s "so" `so`',
    "template": "{{ 7 * 7 }} {% for x in y %} ${7*7}",
    "mathematics": "$x^2$ $\\frac$ \\u003cb\\u003e",
    "override": "\u202eevil\u2066\u200f",
    "line breaks": "one\ntwo\u2028three\u2029four",
    "link": "javascript:alert(1)",
    "characters": "文字 é 🙂 \U0001f468\u200d\U0001f469",
    "endless": "w" * 300,
}


def hostile(folder: Path, word: str) -> Content:
    """A page with the word at every place that a text of others may take, restricted elsewhere or not."""
    content = reported.content(folder)
    names = {"plain": "plain"} | {name: f"{name} {word}" for name in ("cvae", "a_game")}
    one, two, game = content.runs
    picture = one.pictures["curves"]
    metrics = {f"metric {word}": Measured("higher", (0.5, 0.6)), "recall": Measured("higher", (0.5, 0.6))}
    block = {
        "data": f"digits {word}",
        f"key {word}": word,
        "list": [word, word],
        "optimisers": {f"p {word}": {"k": word}},
    }
    shown: dict[str, Any] = {
        "runs": [
            replace(
                each,
                name=names[each.name],
                parameters={"family": word, **block, "latent": number, "optimisers": {word: {"k": f"{word} {number}"}}},
                found=replace(each.found, source=f"source {word}", machine=f"machine {word}", metrics=metrics),
                pictures={f"kind {word}": picture, "curves": picture},
                films={f"film {word}": Reel([picture, picture], [f"line {word}", f"line 2 {word}"])},
            )
            for number, each in enumerate((one, two, game))
        ],
        "settings": Settings(
            metrics={f"digits {word}": (f"metric {word}",)},
            explorer=(),
            sections=(
                Part(
                    title=f"title {word}",
                    leads=(Lead(question=f"question {word}", pictures=("plain/curves",), conclusions=(f"id {word}",)),),
                    experiments=(names["plain"], names["cvae"]),
                ),
            ),
        ),
        "judges": {f"digits {word}": {**content.judges["digits"], "source": f"judge {word}"}},
        "referees": {f"digits {word}": content.referees["digits"]},
        "conclusions": [
            Result(
                f"id {word}",
                word,
                f"sentence {word}",
                f"measured {word}",
                "undecided",
                f"why {word}",
                f"needs {word}",
                tuple(
                    ClaimResult(
                        f"text {word}",
                        "metric",
                        ("a", "b"),
                        "undecided",
                        effect,
                        0.5,
                        2.0,
                        0.0,
                        None,
                        f"unit {word}",
                        2,
                    )
                    for effect in (1.0, None)
                ),
            )
        ],
        "decoders": [
            replace(each, name=names[each.name], facts={**each.facts, "name": names[each.name], "classes": [word, "b"]})
            for each in content.decoders
        ],
        "budget": f"budget {word}",
        "overview": Overview(
            [Tile(names["cvae"], f"objective {word}", f"report {word}", f"source {word}", 1.0, folder / "cover.png")],
            f"caption {word}",
        ),
        "covers": {folder / "cover.png": picture},
    }
    return replace(content, **shown)


class Outline(HTMLParser):
    """What a page is made of. elements: with their attributes' names; texts: also of attributes; scripts: by type."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[str, str]] = []
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.texts += [value or "" for _, value in attrs]
        self._inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs).get("type") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}", ()))
        self._inside = ""

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", ()))

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            kind, before = self.scripts[-1]
            self.scripts[-1] = kind, before + data
        else:
            self.texts.append(data)

    def times(self, word: str) -> int:
        """How often a word stands among texts, as it is read: without marks of where a line may break."""
        return "\0".join(self.texts).casefold().count(word.casefold())


def outlined(folder: Path, word: str) -> Outline:
    return Outline(page.render(hostile(folder, word)).replace("<wbr>", ""))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Outline:
    return outlined(tmp_path_factory.mktemp("plain"), PLAIN)


def test_a_plain_word_is_at_many_places(plain: Outline) -> None:
    assert plain.times(PLAIN) > 100
    for place in ("id", "sentence", "measured", "why", "needs", "text", "unit", "title", "question", "source", "judge"):
        assert plain.times(f"{place} {PLAIN}") > 0, place
    for place in ("kind", "film", "line", "budget", "caption", "objective", "report", "machine", "metric", "key"):
        assert plain.times(f"{place} {PLAIN}") > 0, place


@pytest.mark.parametrize("attack", ATTACKS)
def test_others_text_makes_no_element_and_reads_as_it_is(attack: str, plain: Outline, tmp_path: Path) -> None:
    word = ATTACKS[attack]
    found = outlined(tmp_path, word)
    read = legible(word)
    assert found.elements == plain.elements
    assert found.times(read) == plain.times(PLAIN)
    kinds = [kind for kind, _ in found.scripts]
    assert kinds == [kind for kind, _ in plain.scripts]
    for (kind, script), (_, before) in zip(found.scripts, plain.scripts, strict=True):
        if kind == "application/json":
            assert [each["classes"] for each in json.loads(script)] == [[read, "b"]] * 2
            assert "<" not in script
        else:
            assert script == before


def test_a_browser_is_told_to_run_only_what_is_ours(text: str) -> None:
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="(.*?)">', text)
    rules = dict(rule.split(" ", 1) for rule in html.unescape(policy).split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    for kind in ("script-src", "style-src"):
        assert all(re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", source) for source in rules[kind].split())
    assert text.index(policy) < text.index("<style")
    assert not re.search(r"<[^>]+ (style|on\w+)=", text)


def test_no_script_of_ours_makes_elements_of_text() -> None:
    """`textContent` and `append` take text for text; these take it for elements or code."""
    risky = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|\beval\b|Function\(|createContextualFragment"
    )
    root = Path(page.__file__).parents[2]
    scripts = [*root.glob("pipeline/**/*.js"), *root.glob("tools/**/*.js")]
    assert len(scripts) == 4
    for script in scripts:
        assert not re.search(risky, script.read_text(encoding="utf-8")), script
    for template in (*root.glob("pipeline/**/*.j2"), *root.glob("tools/**/*.html")):
        assert not re.search(r"\|\s*safe\b|autoescape|\son\w+=", template.read_text(encoding="utf-8")), template


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from chromium.launched()


@chromium.needed
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_browser_shows_others_text_and_runs_none(attack: str, browser: Any, tmp_path: Path) -> None:
    word, read = ATTACKS[attack], legible(ATTACKS[attack])
    (tmp_path / "index.html").write_text(page.render(hostile(tmp_path, word)), encoding="utf-8")
    view = browser.new_page(viewport={"width": 1000, "height": 900})
    told: list[str] = []
    view.on("dialog", lambda dialog: told.append(dialog.message))
    view.on("console", lambda message: told.append(message.text))
    view.on("pageerror", lambda error: told.append(str(error)))
    view.goto((tmp_path / "index.html").as_uri())
    view.locator("#explorer").scroll_into_view_if_needed()
    view.wait_for_selector("#explorer-app[data-ready]")
    view.locator(".radios input").first.check(force=True)
    assert view.locator(".radios label").first.evaluate("label => label.textContent") == read
    assert read in view.locator("#here").text_content()
    assert read in view.locator("figure.dots svg text").last.text_content()
    view.locator(".enlarge").first.click()
    assert view.locator("script").count() == 6
    assert view.locator("[onerror], [onload], [onclick], [onmouseover], img:not([src^='data:'])").count() == 0
    for width in (1000, 320):
        view.set_viewport_size({"width": width, "height": 900})
        assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert told == []
    view.close()
