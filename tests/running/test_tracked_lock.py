"""dvc.lock in parts: letter by letter what DVC writes, and left to DVC where it cannot be told."""

from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.running import locked

LOCK = Path(__file__).parents[2] / "dvc.lock"
LETTERS = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs", "Cc")), max_size=12)
WORDS = st.sampled_from(
    [
        *("true", "null", "~", "No", "1e3", "12e45", "0x1f", "007", "2020-01-01", "é", "12345678" * 4, "x" * 130),
        *("- a", "a: b", "a #b", "'q'", '"q"', "{}", "[a]", "&a", "*a", "?", "!x", "|", ">", "@a", "%a", "`a`"),
        *("a\nb", " a", "a ", "", "<<", "=", "words " * 20, "a && b > c | d", "path/to/a.b-c_d"),
        "python -m stages.train 'fc_vae'",
    ]
)
SCALARS = st.one_of(
    LETTERS,
    WORDS,
    st.integers(),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(lambda number, places: number / 10**places, st.integers(-99999, 99999), st.integers(0, 12)),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(LETTERS, WORDS).filter(bool), inner, max_size=3)
    ),
    max_leaves=8,
)
ENTRIES = st.fixed_dictionaries(
    {"cmd": st.one_of(WORDS, LETTERS, st.lists(WORDS, min_size=1, max_size=2))},
    optional={
        "params": st.dictionaries(LETTERS.filter(bool), VALUES, max_size=2),
        "outs": st.lists(VALUES, max_size=2),
    },
)
NAMES = st.one_of(
    st.from_regex(r"[a-z]{1,5}@[a-z0-9]{1,3}", fullmatch=True),
    st.sampled_from(["1", "true", "null", "a-b", "é", "007", "y", "123e4", "0@1", "train@1"]),
)
STAGES = st.dictionaries(NAMES, ENTRIES, min_size=1, max_size=4)


def by_dvc(text: str, new: dict[str, Any]) -> str:
    """What `Lockfile.dump_stages` of DVC 3.67 makes of a file."""
    data = parse_yaml_for_update(text, "")
    if not data:
        data = {"schema": "2.0"}
    data["stages"] = data.get("stages", {})
    data["stages"].update(new)
    return dumps_yaml(data)


@settings(deadline=None, max_examples=300)
@given(STAGES, STAGES)
@example({"a": {"cmd": "words " * 20}}, {"a": {"cmd": "true"}, "1": {"cmd": "x"}})
def test_stages_are_put_in_as_dvc_would(before: dict[str, Any], new: dict[str, Any]) -> None:
    text = by_dvc("", before)
    old, added = locked.read(text), locked.written({name: entry} for name, entry in new.items())
    if old:
        assert old.text() == text
        assert old.names() == list(before)
        if added:
            old.put(added)
            assert old.text() == by_dvc(text, new)
            again = locked.read(old.text())
            assert again is None or again.text() == old.text()


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_file_that_dvc_would_write_otherwise_is_left_to_dvc(data: st.DataObject) -> None:
    """Of the committed dvc.lock, a few lines of it spoiled in all ways."""
    lines = LOCK.read_text().splitlines()[: data.draw(st.integers(3, 90))]
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["cut", "indent", "comment", "value", "empty", "twice", "drop", "column"]))
        line = lines[place]
        if kind == "cut":
            lines[place] = line[: data.draw(st.integers(0, len(line)))]
        elif kind == "indent":
            lines[place] = " " * data.draw(st.integers(1, 4)) + line
        elif kind == "comment":
            lines[place] = line + " # so"
        elif kind == "value":
            value = data.draw(st.one_of(WORDS, st.sampled_from(["0.10", "1_000", "True", "[a, b]", "1.0e+5", "2e-05"])))
            lines[place] = line.partition(":")[0] + ": " + value
        elif kind == "empty":
            lines.insert(place, "")
        elif kind == "twice":
            lines.insert(place, line)
        elif kind == "drop":
            del lines[place]
        elif kind == "column":
            lines[place] = line.lstrip(" ")
        if not lines:
            return
    text = "\n".join(lines) + "\n"
    if parts := locked.read(text):
        assert parts.text() == text
        assert by_dvc(text, {}) == text


@settings(deadline=None, max_examples=300)
@given(SCALARS)
def test_a_value_that_stands_as_it_is_stays_so(value: Any) -> None:
    text = by_dvc("", {"a": {"cmd": "c", "params": {"p": {"k": value, "l": [value]}}}})
    if locked.read(text):
        assert by_dvc(text, {}) == text


def test_the_committed_lock_is_read_without_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or it would take minutes where there are 10,000 stages."""
    monkeypatch.setattr(locked, "_again", lambda _: pytest.fail("read as YAML"))
    text = LOCK.read_text()
    parts = locked.read(text)
    assert parts is not None
    assert parts.text() == text
    assert len(parts.names()) == text.count("\n    cmd: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema: '2.0'\nstages: {}\n",
        "stages:\n  a:\n    cmd: b\nschema: '2.0'\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: b\ndatasets:\n- name: d\n",
        "schema: '2.0'\nstages:\n  a: &x\n    cmd: b\n  c: *x\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: b # why\n",
        "schema: '2.0'\nstages:\n    a:\n        cmd: b\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: b\n  a:\n    cmd: c\n",
        "schema: '2.0'\nstages:\n  a: {cmd: b}\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: b",
        "<<<<<<< HEAD\nschema: '2.0'\nstages:\n  a:\n    cmd: b\n",
    ],
)
def test_what_only_dvc_is_to_write(text: str) -> None:
    parts = locked.read(text)
    assert parts is None


def test_new_stages_are_sorted_and_old_ones_stay() -> None:
    parts = locked.Parts()
    new = locked.written({name: {"cmd": "c"}} for name in ("b", "1", "z", "a"))
    assert new
    parts.put(new)
    parts.sort(["z", "gone"], ["a", "1", "b", "z", "other"])
    assert parts.names() == ["z", "a", "1", "b"]


def test_a_file_that_something_else_wrote_is_read_again(tmp_path: Path) -> None:
    files, path = locked.Files(), tmp_path / "dvc.lock"
    first = files.read(path)
    new = locked.written([{"a": {"cmd": "c"}}])
    assert first is not None
    assert new is not None
    first.put(new)
    files.write(path, first)
    assert files.names(path) == ["a"]
    path.write_text(path.read_text().replace("  a:", "  other:"))
    assert files.names(path) == ["other"]
