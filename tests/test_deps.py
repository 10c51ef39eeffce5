"""Each stage declares all the code it imports, by rooms, and no plug-in of another experiment.

So no edit is missed, and an edit of one objective, network or role reruns its own experiments only.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from pipeline.ground import plugins

ROOT = Path(__file__).parents[1]
CODE = ("pipeline", "stages", "tools")
CHOSEN = ("data", "models", "networks", "renderers")  # folders of which a stage needs one plug-in, by one key
READING = ROOT / "pipeline/data/reading"  # what only some roles read their sources with: a foreach has no lists by item
MOST = 10  # code dependencies a stage: DVC reads and writes all of dvc.lock around each


@cache
def _file(module: str) -> Path | None:
    """The project's file of a module that can change a result; None for others' modules, packages and the console."""
    file = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return file if module.split(".")[0] in CODE and file.exists() and _counts(file) else None


def _counts(file: Path) -> bool:
    """Whether a file can change a result: packages hold docstrings only, the console says how far a command is."""
    return file.name != "__init__.py" and not file.is_relative_to(ROOT / "pipeline/console")


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
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "plugins.load":
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
        return {"judges/networks": [content["classifier"][key]["network"]]}
    if stage in ("referee", "intervals", "conclude", "report"):
        return {}
    block = content["experiments"][key]
    return {
        "models": [block["family"]],
        "networks": [block["network"]],
        "judges/networks": judges,
        "evaluation/metrics": content["evaluation"][block["data"]]["metrics"],
        "figures": content["figures"][block["data"]]["figures"],
    }


@pytest.fixture(scope="session")
def stages() -> dict[str, Any]:
    """DVC's own reading of dvc.yaml."""
    with Repo(str(ROOT)) as repo:
        return {stage.addressing: stage for stage in repo.index.stages}


def _code(stage: Any) -> list[Path]:
    """The code that a stage declares: folders and files."""
    paths = [ROOT / dep.def_path for dep in stage.deps if dep.protocol == "local" and dep.hash_name != "params"]
    return [path for path in paths if path.relative_to(ROOT).parts[0] in CODE]


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file() and file.suffix != ".pyc" and _counts(file))
    else:
        yield path


def test_the_closure_follows_imports_inside_functions_and_plugins() -> None:
    found = _closure(ROOT / "stages/train.py", {"models": ["vae"], "networks": ["mlp"]})
    assert {ROOT / "pipeline/training/loop.py", ROOT / "pipeline/models/vae.py"} <= found
    assert ROOT / "pipeline/evaluation/seeds.py" not in found


def test_every_stage_declares_the_code_it_imports_and_no_plugin_of_another(
    stages: dict[str, Any], content: dict[str, Any]
) -> None:
    assert len(stages) == 3 * len(content["data"]) + 3 * len(content["experiments"]) + 3
    for address, stage in stages.items():
        name, _, key = address.partition("@")
        imported = _closure(ROOT / f"stages/{name}.py", _plugins(name, key, content))
        code = _code(stage)
        declared = {file for path in code for file in _files(path)}
        missed = sorted(str(path.relative_to(ROOT)) for path in imported - declared)
        # Rooms are declared whole; but never one of which the stage needs nothing, and of a folder of plug-ins that one
        # key chooses, the chosen one only.
        needless = [path for path in code if not imported & set(_files(path)) and path != READING]
        unused = [file for file in declared - imported if not file.is_relative_to(READING)]
        needless += [file for file in unused if file.relative_to(ROOT).parts[1] in CHOSEN]
        assert (address, missed, sorted(map(str, needless))) == (address, [], [])
        assert len(code) <= MOST, address


def test_every_plugin_is_used_by_params_yaml(content: dict[str, Any]) -> None:
    experiments = content["experiments"].values()
    used = {
        "data": set(content["data"]),
        "models": {block["family"] for block in experiments},
        "networks": {block["network"] for block in experiments},
        "evaluation/metrics": {name for block in content["evaluation"].values() for name in block["metrics"]},
        "figures": {name for block in content["figures"].values() for name in block["figures"]},
    }
    for folder, wanted in used.items():
        assert set(plugins.names(folder)) == wanted
    assert {path.name for path in (ROOT / "pipeline/renderers").iterdir() if path.is_dir()} >= used["data"]
    assert {block["network"] for block in content["classifier"].values()} <= set(plugins.names("judges/networks"))


def test_stages_are_thin() -> None:
    for path in (ROOT / "stages").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert all((node.end_lineno or 0) - node.lineno <= 40 for node in functions), path
        assert len(functions) <= 1, path
