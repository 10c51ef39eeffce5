"""DVC's own time at some revisions, in turn on the same machine: the stages' commands do next to nothing.

`python -m benchmarks.dvc_overhead [--rounds N] [REVISION ...]`, by default HEAD, once. Each revision is laid out in a
folder of its own, without models; every stage writes its outputs as empty files, and when it ran.

before: seconds from typing `dvc repro` on a cold clone to its first stage; between: seconds from one stage's end to the
next one's start, median of a run with a full dvc.lock; status, repro: seconds of `dvc status` and `dvc repro` when
nothing has changed; lock: KB of dvc.lock.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

COMMAND = """import json, sys, time
from pathlib import Path
start = time.time()
for path in map(Path, json.loads(Path(".files.json").read_text())[sys.argv[1]]):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
with open(".log", "a") as log:
    log.write(json.dumps([start, time.time()]) + "\\n")
"""


def lay_out(revision: str, folder: Path) -> None:
    """The revision's files in a git and DVC repository of their own, with commands that only write their outputs."""
    from dvc.repo import Repo

    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", revision], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
    git = ["git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    subprocess.run([*git, "init", "-q"], cwd=folder, check=True)
    with Repo(str(folder)) as repo:
        stages = {stage.name: stage for stage in repo.index.stages}
        needed = {dep.def_path for stage in stages.values() for dep in stage.deps}
        outs = {name: [out.def_path for out in stage.outs] for name, stage in stages.items()}
    files = {name: [file for path in paths for file in _files(path, needed)] for name, paths in outs.items()}
    (folder / ".files.json").write_text(json.dumps(files), encoding="utf-8")
    (folder / ".command.py").write_text(COMMAND, encoding="utf-8")
    pipeline = folder / "dvc.yaml"
    text = re.sub(
        r"cmd: python -m stages\.(\w+)", rf"cmd: {sys.executable} -S .command.py \1", pipeline.read_text("utf-8")
    )
    pipeline.write_text(re.sub(r"(\.command\.py \w+) (?=\S)", r"\1@", text), encoding="utf-8")
    subprocess.run([*git, "add", "-A"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-qm", "start"], cwd=folder, check=True)


def _files(out: str, needed: set[str]) -> list[str]:
    """The files to write for one output: of a folder those that stages need, or any."""
    if Path(out).suffix:
        return [out]
    return [path for path in needed if Path(out) in Path(path).parents] or [f"{out}/file"]


def timed(folder: Path, *command: str) -> tuple[float, float]:
    """When a command started and how many seconds it took."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    start = time.time()
    subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"DVC_NO_ANALYTICS": "1", "PATH": path},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return start, time.time() - start


def measure(revision: str, folder: Path) -> dict[str, float]:
    """All figures of one revision, laid out in `folder`, which must not exist."""
    lay_out(revision, folder)
    log = folder / ".log"
    start, _ = timed(folder, "dvc", "repro")
    before = json.loads(log.read_text(encoding="utf-8").splitlines()[0])[0] - start
    log.unlink()
    timed(folder, "dvc", "repro", "--force")
    runs = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return {
        "before": before,
        "between": statistics.median(after[0] - before[1] for before, after in pairwise(runs)),
        "stages": len(runs),
        "status": timed(folder, "dvc", "status")[1],
        "repro": timed(folder, "dvc", "repro")[1],
        "lock": (folder / "dvc.lock").stat().st_size / 1000,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revisions", nargs="*", default=["HEAD"])
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            for place, revision in enumerate(options.revisions):
                found = measure(revision, Path(folder) / f"{number}-{place}")
                print(f"{revision}: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()), flush=True)


if __name__ == "__main__":
    main()
