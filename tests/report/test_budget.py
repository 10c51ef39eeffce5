"""Which budget params.yaml holds."""

from functools import reduce
from pathlib import Path
from typing import Any

import yaml

from pipeline.report import budget
from tools.budget import apply


def test_each_budget_is_told_from_the_others(root: Path) -> None:
    text = (root / "params.yaml").read_text()
    for path in (root / "budgets").glob("*.yaml"):
        there = reduce(lambda text, overlay: apply(text, overlay, ""), budget.overlays(path), text)
        assert budget.name(yaml.safe_load(there), root / "budgets") == path.stem


def test_one_other_number_is_no_budget_any_more(root: Path, content: dict[str, Any]) -> None:
    block = content["experiments"] | {"fc_vae": content["experiments"]["fc_vae"] | {"epochs": 77}}
    assert budget.name(content | {"experiments": block}, root / "budgets") is None


def test_later_entries_win_and_those_of_no_experiment_say_nothing() -> None:
    content = {"experiments": {"a_small": {"batch": 4, "width": 1}, "a_large": {"batch": 8, "width": 1}}}
    overlay = {"experiments": {"a_*": {"batch": 4}, "a_large": {"batch": 8}, "gone": {"batch": 2}}}
    assert budget.overlaid(content, overlay) == content
    assert budget.overlaid(content, {"experiments": {"a_*": {"batch": 4}}}) != content
