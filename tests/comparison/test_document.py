"""One document, two looks: a terminal's and GitHub's."""

import pytest

from pipeline.comparison.document import GITHUB_LIMIT, Cell, Document, Section, Table, markdown, terminal


def document(sections: int, rows: int) -> Document:
    table = Table(("metric", "base"), [[Cell(f"metric_{row}"), Cell("1.0", "bad")] for row in range(rows)])
    parts = [Section(f"part{number}", "1 worse", ["a note"], [table]) for number in range(sections)]
    return Document("a → b", ["part0: 1 worse"], ["another judge"], [], parts, ["small print"])


def test_what_is_too_long_for_github_is_left_out_by_whole_sections() -> None:
    text = markdown(document(40, 200))
    assert len(text) <= GITHUB_LIMIT
    told = next(line for line in text.splitlines() if line.startswith("Too long"))
    left_out = [f"part{number}" for number in range(40) if f"`part{number}`" in told]
    shown = [f"part{number}" for number in range(40) if f"<code>part{number}</code>" in text]
    assert shown + left_out == [f"part{number}" for number in range(40)]
    assert text.count("<details>") == text.count("</details>") == len(shown)
    assert text.count("metric_199") == len(shown)
    assert text.rstrip().endswith("<sub>small print</sub>")


def test_few_sections_stand_open() -> None:
    text = markdown(document(3, 2))
    assert "<details>" not in text
    assert "### `part2`: 1 worse\n\n> a note\n\n| metric | base |\n|---|--:|\n| metric_0 | **1.0** |" in text


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Cell("a|b"), r"a\|b"),
        (Cell("a|b", "code"), r"`a\|b`"),
        (Cell("one\ntwo", "good"), "**one<br>two**"),
        (Cell("<b>*x*"), r"\<b\>\*x\*"),
        (Cell("fc_vae _x_"), r"fc_vae \_x\_"),
        (Cell("[-1.0, +2.0]"), "[-1.0, +2.0]"),
        (Cell("", "strong"), ""),
    ],
)
def test_cells_say_what_they_say(cell: Cell, expected: str) -> None:
    text = markdown(Document("t", ["l"], [], [Table(("c",), [[cell]])], [], []))
    assert f"| {expected} |" in text


def test_a_terminal_shows_all_and_plain_text_has_no_colours() -> None:
    text = terminal(document(40, 30), colour=False)
    assert text.count("metric_29") == 40
    assert "\x1b" not in text
    assert "\x1b" in terminal(document(1, 1), colour=True)
