"""A copy of the project in an empty folder, a git and DVC repository of its own, in which stages may really run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
KEPT = ("pipeline", "stages", "tools", "budgets", ".dvc/config", ".dvc/plots")
FILES = ("params.yaml", "conclusions.yaml", "dvc.yaml", ".dvcignore", ".gitignore")
PRIVATE = shutil.ignore_patterns("__pycache__", "*.pyc")


@dataclass(frozen=True)
class Workspace:
    """A project folder. `run` and `start` give commands the environment a user would have."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        # one thread: two cores run tests side by side, and threads that wait for each other would be slow
        identity = {f"GIT_{who}_{what}": "t@t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, **identity, "PATH": path, "OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1"}

    def run(self, *command: str, status: int = 0) -> str:
        """Both outputs of a command that must end with `status`."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A command in the background."""
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL)

    def stage(self, name: str, *arguments: str, status: int = 0) -> str:
        return self.run(sys.executable, "-m", f"stages.{name}", *arguments, status=status)

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes params.yaml."""
        path = self.folder / "params.yaml"
        content = yaml.safe_load(path.read_text())
        change(content)
        path.write_text(yaml.safe_dump(content, sort_keys=False))

    def reproduced(self) -> set[str]:
        """The stages that `dvc repro` runs now; it runs them."""
        return ran(self.run("dvc", "repro"))


def ran(output: str) -> set[str]:
    """The stages that DVC says it ran."""
    return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}


def make(folder: Path, experiments: Iterable[str]) -> Workspace:
    """The project at the smoke budget with these experiments and their roles only, committed to git."""
    for name in KEPT:
        source = ROOT / name
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=PRIVATE)
        else:
            shutil.copy(source, folder / name)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for path in ROOT.glob("data/*/*/.gitkeep"):  # the folders that stages depend on, whatever lies in them here
        (folder / path.relative_to(ROOT).parent).mkdir(parents=True)
        shutil.copy(path, folder / path.relative_to(ROOT))
    workspace = Workspace(folder)
    workspace.run("latentlab", "budget", "smoke")
    wanted = set(experiments)

    def keep(content: dict[str, Any]) -> None:
        content["experiments"] = {n: block for n, block in content["experiments"].items() if n in wanted}
        report = content["report"]
        report["explorer"] = [name for name in report["explorer"] if name in wanted]
        report["overview"] = [name for name in report["overview"] if name in wanted]
        for section in report["sections"]:
            section["leads"] = [
                lead | {"pictures": pictures}
                for lead in section.get("leads", ())
                if (pictures := [picture for picture in lead["pictures"] if picture.split("/")[0] in wanted])
            ]
        report["sections"] = [
            section | {"experiments": names}
            for section in report["sections"]
            if (names := [name for name in section["experiments"] if name in wanted])
        ]
        roles = {block["data"] for block in content["experiments"].values()} | {"digits"}  # the report's advice
        for kind in ("data", "classifier", "referee", "evaluation", "figures"):
            content[kind] = {role: block for role, block in content[kind].items() if role in roles}
        report["metrics"] = {role: names for role, names in report["metrics"].items() if role in roles}

    workspace.edit(keep)
    workspace.run("git", "init", "-q")
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-qm", "start")
    return workspace
