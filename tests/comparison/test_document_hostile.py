"""What others call experiments and parameters makes no element, link or row of a comment, and moves no terminal."""

from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt

from pipeline.comparison.document import Cell, Document, Section, Table, markdown, terminal

PLAIN = "plain words"
NAMES = [
    "<img src=x onerror=alert(1)>",
    "</summary></details><h1>x",
    "a|b",
    "[x](http://e.org)",
    "![x](http://e.org/a.png)",
    "https://e.org",
    "www.e.org",
    "&lt;b&gt; &amp;",
    "~~s~~ **b** _i_",
    "[red]x[/red] [/] :smile:",
    "one ` tick",
]


class Outline(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(f"{tag} {attrs}")

    def handle_data(self, data: str) -> None:
        self.text += data


def document(name: str, sections: int) -> Document:
    table = Table([name, "m"], [[Cell(name), Cell(name)], [Cell(name, "good"), Cell("1")]], title=name)
    return Document(name, [name], [name], [table], [Section(name, name, [name], [])] * sections, [name])


def shown(name: str, sections: int) -> Outline:
    return Outline(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown(document(name, sections))))


@pytest.mark.parametrize("sections", [2, 4])  # folded where there are more than three
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_text_in_a_comment(name: str, sections: int) -> None:
    found, plain = shown(name, sections), shown(PLAIN, sections)
    assert found.elements == plain.elements
    in_code = sections if "`" in name else 0  # where a tick becomes an apostrophe, in titles that are no HTML
    assert found.text.count(name) >= plain.text.count(PLAIN) - in_code


@pytest.mark.parametrize("sections", [2, 4])
def test_a_line_break_begins_no_row(sections: int) -> None:
    name = "x\n| - |\n\n## y"
    found = [each for each in shown(name, sections).elements if not each.startswith("br ")]
    assert found == shown(PLAIN, sections).elements


@pytest.mark.parametrize("name", ["\x1b[31mred", "\x1b]0;title\x07", "\x9b2J", "a\rb", "\u202eevil"])
def test_a_name_moves_no_terminal(name: str) -> None:
    found = terminal(document(name, 2), colour=False)
    assert not set(found) & set("\x1b\x07\x9b\r\u202e")
    assert {each for each in found if not each.isprintable()} == {"\n"}
