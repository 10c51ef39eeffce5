"""Each stage declares exactly the code it imports, so that no edit is missed and none reruns more than it touches."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

ROOT = Path(__file__).parents[1]
CODE = ("pipeline", "stages", "tools")
LISTED = ("figures", "judges", "metrics")


@cache
def _file(module: str) -> Path | None:
    """The project's file of a module, None for others' modules and for empty package files."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if module.split(".")[0] in CODE and file.exists():
            return file if file.stat().st_size else None
    return None


@cache
def _parsed(file: Path) -> tuple[frozenset[Path], frozenset[str]]:
    """The project's files that a file imports, anywhere in it, and the plug-in folders that it takes plug-ins from."""
    modules: set[str] = set()
    folders: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            modules |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "plugin":
            assert isinstance(node.args[0], ast.Constant), f"{file}: a plug-in's folder must be written out"
            folders.add(str(node.args[0].value))
    return frozenset(found for module in modules if (found := _file(module))), frozenset(folders)


def _closure(start: Path, plugins: dict[str, list[str]]) -> set[Path]:
    """All files that running `start` imports; plugins: the names a stage takes from each plug-in folder."""
    found: set[Path] = set()
    todo = [start]
    while todo:
        file = todo.pop()
        if file in found:
            continue
        found.add(file)
        imports, folders = _parsed(file)
        todo += imports
        todo += [ROOT / "pipeline" / folder / f"{name}.py" for folder in folders for name in plugins[folder]]
    return found


def _plugins(stage: str, key: str, content: dict[str, Any]) -> dict[str, list[str]]:
    """The plug-ins that params.yaml gives a stage, by folder."""
    judges = [block["network"] for block in content["classifier"].values()]
    if stage == "prepare":
        return {"data": [key]}
    if stage == "classify":
        return {"judges": [content["classifier"][key]["network"]]}
    if stage in ("conclude", "report"):
        return {}
    block = content["experiments"][key]
    return {
        "models": [block["family"]],
        "networks": [block["network"]],
        "judges": judges,
        "metrics": content["evaluation"][block["data"]]["metrics"],
        "figures": content["figures"][block["data"]]["figures"],
    }


@pytest.fixture(scope="session")
def stages() -> dict[str, Any]:
    """DVC's own reading of dvc.yaml."""
    with Repo(str(ROOT)) as repo:
        return {stage.addressing: stage for stage in repo.index.stages}


def _files(dependency: Path) -> Iterator[Path]:
    if dependency.is_dir():
        yield from (path for path in dependency.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    else:
        yield dependency


def _declared(stage: Any) -> set[Path]:
    """The code files that a stage declares, folders opened, empty package files left out."""
    paths = [ROOT / dep.def_path for dep in stage.deps if dep.protocol == "local" and dep.hash_name != "params"]
    code = [path for path in paths if path.relative_to(ROOT).parts[0] in CODE]
    return {file for path in code for file in _files(path) if file.stat().st_size}


def test_the_closure_follows_imports_inside_functions_and_plugins() -> None:
    found = _closure(ROOT / "stages/train.py", {"models": ["vae"], "networks": ["mlp"]})
    assert {ROOT / "pipeline/training/loop.py", ROOT / "pipeline/models/vae.py"} <= found
    assert ROOT / "pipeline/evaluation.py" not in found


def test_every_stage_declares_exactly_the_code_it_imports(stages: dict[str, Any], content: dict[str, Any]) -> None:
    assert len(stages) == 2 * len(content["data"]) + 3 * len(content["experiments"]) + 2
    needs = [_closure(ROOT / "stages/prepare.py", {"data": [role]}) for role in content["data"]]
    roles = {path for need in needs for path in need if path.parent.name == "data" and path.stem not in content["data"]}
    for address, stage in stages.items():
        name, _, key = address.partition("@")
        imported = _closure(ROOT / f"stages/{name}.py", _plugins(name, key, content))
        declared = _declared(stage)
        templates = {path for path in declared if path.suffix != ".py"}  # opened, not imported: see test_runtime
        missed = sorted(str(path.relative_to(ROOT)) for path in imported - declared)
        # A foreach has no lists by item. What some role's preparation needs besides its own two files, all declare;
        # and plug-ins of which a role has a list, or that another block's key chooses, are declared as a folder, with
        # whatever any of them imports.
        listed = [path for path in declared if path.parent.name in LISTED]
        shared = roles if name == "prepare" else {file for path in listed for file in _closure(path, {})}
        needless = sorted(str(path.relative_to(ROOT)) for path in declared - imported - templates - shared)
        assert (address, missed, needless) == (address, [], [])


def test_every_package_file_is_empty() -> None:
    """A hub would make every stage depend on everything."""
    for folder in CODE:
        assert not [path for path in (ROOT / folder).rglob("__init__.py") if path.stat().st_size]


def test_every_plugin_is_used_by_params_yaml(content: dict[str, Any]) -> None:
    used = {
        "data": set(content["data"]),
        "models": {block["family"] for block in content["experiments"].values()},
        "networks": {block["network"] for block in content["experiments"].values()},
        "draw": set(content["data"]),
        "metrics": {name for block in content["evaluation"].values() for name in block["metrics"]},
        "figures": {name for block in content["figures"].values() for name in block["figures"]},
    }
    helpers = {"data": {"images", "download", "idx"}}
    assert {block["network"] for block in content["classifier"].values()} <= {
        path.stem for path in (ROOT / "pipeline/judges").glob("*.py")
    }
    for folder, names in used.items():
        there = {path.stem for path in (ROOT / "pipeline" / folder).glob("*.py")} - {"__init__", "base", "style"}
        assert there - helpers.get(folder, set()) == names


def test_stages_are_thin() -> None:
    for path in (ROOT / "stages").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        lengths = [
            node.end_lineno - node.lineno for node in tree.body if isinstance(node, ast.FunctionDef) and node.end_lineno
        ]
        assert all(length <= 40 for length in lengths), path
