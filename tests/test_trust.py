"""Nothing that is read runs: no pickles, no evaluated text, no shell that a parameter could speak to; anywhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipeline.ground import params
from pipeline.ground.errors import InputError

ROOT = Path(params.__file__).parents[2]
FILES = sorted(file for room in ("pipeline", "stages", "tools", "benchmarks") for file in (ROOT / room).rglob("*.py"))

UNPICKLE = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "jsonpickle", "shelve", "marshal", "dbm"}
EVALUATE = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "builtins.eval",
    "builtins.exec",
    "runpy.run_path",
    "code.interact",
}
SHELL = {
    "os.system",
    "os.popen",
    "os.startfile",
    "pty.spawn",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell",
}
UNSAFE = {
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.unsafe_load_all",
    "yaml.full_load",
    "yaml.full_load_all",
    "yaml.load_all",
    "torch.hub.load",
    "torch.jit.load",
    "torch.package.PackageImporter",
    "pandas.read_pickle",
    "numpy.fromregex",
    "shutil.unpack_archive",
}
UNPACK = {"extractall", "extract", "unpack_archive"}  # methods of archives that write what these say where they say
# What is allowed, and why.
ALLOWED = {
    ("tools/schemas.py", "exec"),  # a schema's own source, out of this project's files
    ("tools/schemas.py", "compile"),
    ("pipeline/ground/params.py", "yaml.load"),  # by a loader of its own, see below
    ("pipeline/running/commands.py", "subprocess.Popen in a shell"),  # Windows: dvc.yaml's own commands, as DVC does
}


def faults(source: str, file: str = "") -> list[str]:
    """What a file does of all that it must not, by the name of each call or import."""
    tree = ast.parse(source)
    known = dict(_imported(tree))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names if each.name.split(".")[0] in UNPICKLE]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNPICKLE:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            name = _name(node.func, known)
            keys = {each.arg: each.value for each in node.keywords}
            unpacks = isinstance(node.func, ast.Attribute) and node.func.attr in UNPACK
            unpickles = name == "torch.load" and not _is(keys.get("weights_only"), True)
            if name in EVALUATE | SHELL | UNSAFE or name.startswith("os.spawn") or unpacks or unpickles:
                found.append(name)
            if "allow_pickle" in keys and not _is(keys["allow_pickle"], False):
                found.append(f"{name} with pickles")
            if "shell" in keys and not _is(keys["shell"], False):
                found.append(f"{name} in a shell")
            if None in keys and name.startswith("subprocess."):  # **options may hold a shell
                found += [f"{name} in a shell" for each in ast.walk(tree) if _is(each, "shell")]
            if name.endswith("YAML") and _is(keys.get("typ"), "unsafe"):
                found.append(name)
    return [each for each in found if (file, each) not in ALLOWED]


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What names of a file mean: of modules, and of what is imported from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield (each.asname, each.name) if each.asname else (each.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                yield each.asname or each.name, f"{node.module}.{each.name}"


def _name(function: ast.expr, known: dict[str, str]) -> str:
    """`np.load`: `numpy.load`; of a method of something else its own name after a dot."""
    if isinstance(function, ast.Name):
        return known.get(function.id, function.id)
    if isinstance(function, ast.Attribute):
        return f"{_name(function.value, known)}.{function.attr}"
    return ""


def _is(node: ast.AST | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_runs_nothing_that_it_reads(file: Path) -> None:
    assert faults(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix()) == []


def test_what_is_allowed_is_there() -> None:
    for file, name in ALLOWED:
        assert name in faults((ROOT / file).read_text(encoding="utf-8"))


def test_parameters_are_read_by_a_safe_loader(tmp_path: Path) -> None:
    assert issubclass(params._Once, yaml.SafeLoader)
    assert issubclass(params._WrittenOut, yaml.SafeLoader)
    path = tmp_path / "params.yaml"
    for tag in ("!!python/object/apply:os.system ['touch pwned']", "!!python/name:os.system", "!!python/module:os"):
        path.write_text(f"a: {tag}\n")
        with pytest.raises(InputError, match="not valid YAML: could not determine a constructor"):
            params.load(path)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads as f",
        "import joblib.numpy_pickle",
        "import torch\ntorch.load(p)",
        "from torch import load\nload(p, weights_only=flag)",
        "import torch as t\nt.load(p, weights_only=False)",
        "import numpy as np\nnp.load(p, allow_pickle=True)",
        "import numpy as np\nnp.load(p, allow_pickle=flag)",
        "import yaml\nyaml.load(t, yaml.Loader)",
        "from yaml import unsafe_load\nunsafe_load(t)",
        "eval(t)",
        "import builtins\nbuiltins.exec(t)",
        "__import__(t)",
        "import os\nos.system(t)",
        "from os import popen\npopen(t)",
        "import subprocess\nsubprocess.run(t, shell=True)",
        "import subprocess as s\ns.Popen(t, shell=flag)",
        "import subprocess\nsubprocess.run(t, **{'shell': True})",
        "import subprocess\nsubprocess.getoutput(t)",
        "import tarfile\ntarfile.open(p).extractall(d)",
        "from zipfile import ZipFile\nwith ZipFile(p) as z:\n    z.extract(n)",
        "import shutil\nshutil.unpack_archive(p)",
        "from ruamel.yaml import YAML\nYAML(typ='unsafe')",
    ],
)
def test_each_way_is_found(code: str) -> None:
    assert faults(code)


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.load(p, weights_only=True)",
        "import numpy as np\nnp.load(p)",
        "import subprocess\nsubprocess.run([t], check=True)",
        "import re\nre.compile(t)",
        "import yaml\nyaml.safe_load(t)",
        "import tarfile\ntarfile.open(p).extractfile(m)",
        "model.eval()",
    ],
)
def test_what_is_harmless_is_none(code: str) -> None:
    assert not faults(code)


def test_modules_are_imported_by_name_in_two_places_only() -> None:
    """By a name that is among the project's files, and for a server of jobs by what starts it."""
    users = {file for file in FILES if "import_module" in file.read_text(encoding="utf-8")}
    assert {file.relative_to(ROOT).as_posix() for file in users} == {
        "pipeline/ground/plugins.py",
        "pipeline/console/forking.py",
    }
