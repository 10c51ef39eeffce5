"""The pages that users read are true: links lead somewhere, commands exist, every key and metric is explained."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.ground import plugins
from tools.schemas import settings

ROOT = plugins.ROOT.parent
PAGES = sorted([ROOT / "README.md", ROOT / "data/README.md", *(ROOT / "docs").rglob("*.md")])
SCHEMAS = (
    "training/loop",
    "judges/classifier",
    "judges/referee",
    "evaluation/collect",
    "figures/common/inputs",
    "report/settings",
)
BLOCK = re.compile(r"^```\n(.*?)^```", re.M | re.S)


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    heads = re.findall(r"^#+ (.+)$", text(page), re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def commands() -> list[tuple[Path, str]]:
    """Lines of code blocks, and code within sentences, that begin with one of our commands."""
    found = []
    for page in PAGES:
        lines = [line for block in BLOCK.findall(text(page)) for line in block.splitlines()]
        lines += re.findall(r"`([^`\n]+)`", BLOCK.sub("", text(page)))
        found += [(page, line.split("#")[0].strip()) for line in lines]
    return [(page, line) for page, line in found if re.match(r"(latentlab|python -m|dvc|make) ", line)]


def test_the_readme_is_short() -> None:
    assert len(text(ROOT / "README.md").splitlines()) <= 200
    assert all(command in text(ROOT / "README.md").split("\n## ")[0] for command in ("make repro", "make test"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if not re.match(r"https?://", target):
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            assert file.exists(), target
            assert not anchor or anchor in anchors(file), target


def test_every_page_is_linked_from_the_readme() -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", text(ROOT / "README.md"))
    linked = {(ROOT / target.split("#")[0]).resolve() for target in targets}
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} <= linked


def test_commands_and_options_exist() -> None:
    helps: dict[str, str] = {}
    stages = {path.stem for path in (ROOT / "stages").glob("*.py")}
    for page, line in commands():
        if line.startswith("latentlab "):
            command = line.split()[1]
            if command not in helps:
                done = subprocess.run(
                    [sys.executable, "-m", "tools.cli", command, "--help"],
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, f"{page}: {line}"
                helps[command] = done.stdout
            for option in re.findall(r" (--[a-z-]+)", line):
                assert option in helps[command], f"{page}: {line}"
        elif line.startswith("python -m stages."):
            assert line.split(".")[1].split()[0] in stages, f"{page}: {line}"
        elif line.startswith("python -m benchmarks.") and line.split(".")[1].split():
            assert (ROOT / f"benchmarks/{line.split('.')[1].split()[0]}.py").exists(), f"{page}: {line}"


def test_stages_that_commands_name_exist(content: dict[str, Any]) -> None:
    names = {*content["experiments"], *content["data"]}
    stages = yaml.safe_load(text(ROOT / "dvc.yaml"))["stages"]
    for page, line in commands():
        for stage, key in re.findall(r"\b(\w+)@(\w+)", line):
            assert stage in stages, f"{page}: {line}"
            assert key in names, f"{page}: {line}"
        for key in re.findall(r"-S ([\w.]+)=", line):
            value: Any = content
            for part in key.split("."):
                value = value[part]


def test_every_key_of_params_yaml_is_explained() -> None:
    page = text(ROOT / "docs/parameters.md")
    named = [f"{folder}/{name}" for folder in ("data", "models", "networks") for name in plugins.names(folder)]
    keys = {key for name in [*named, *SCHEMAS] for key in settings(name).model_fields}
    keys |= set(importlib.import_module("pipeline.training.loop").Optimiser.model_fields)
    keys |= {"data", "family", "network", "seeds", "title", "experiments"}
    assert not {key for key in keys if f"`{key}`" not in page}


def test_every_metric_is_explained(content: dict[str, Any]) -> None:
    """By its name, by what its name begins with, or by how it ends."""
    said = set(re.findall(r"`([\w.]+)`", text(ROOT / "docs/metrics.md")))
    starts = tuple(name.removesuffix("...") for name in said if name.endswith(("_", "_...")))
    ends = tuple(name.removeprefix("...") for name in said if name.startswith("..._"))
    for role in content["evaluation"].values():
        for name in role["metrics"]:
            for metric in plugins.load("evaluation/metrics", name).BETTER:
                assert metric in said or metric.startswith(starts) or metric.endswith(ends), metric


def test_rooms_are_described() -> None:
    page = text(ROOT / "docs/architecture.md")
    rooms = {path.name for path in plugins.ROOT.iterdir() if (path / "__init__.py").exists()}
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.M)) >= rooms
