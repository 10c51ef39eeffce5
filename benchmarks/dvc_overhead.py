"""DVC's own time at some revisions, in turn on the same machine: the stages' commands do nothing.

`python -m benchmarks.dvc_overhead [--rounds N] [REVISION ...]`, by default HEAD, once. Each revision is laid out in a
folder of its own, without its models; every stage writes its outputs as empty files and the time at which it ran.

before: seconds from typing `dvc repro` on a cold clone to its first stage; between: median seconds from one stage's end
to the next one's start; status, repro: seconds of `dvc status` and `dvc repro` when nothing has changed; lock: KB.
"""

import argparse
import json
import os
import platform
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
for path in map(Path, sys.argv[2:]):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}") if path.suffix else (path.mkdir(exist_ok=True), (path / "file").write_text(sys.argv[1]))
with open(".log", "a") as log:
    log.write(json.dumps([start, time.time()]) + "\\n")
"""


def lay_out(revision: str, folder: Path) -> None:
    """The revision's files in a git and DVC repository of their own, with commands that only write their outputs."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", revision], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x"], cwd=folder, input=archive, check=True)
    (folder / ".command.py").write_text(COMMAND, encoding="utf-8")
    outs: dict[str, list[str]] = {}
    lines = []
    stage, within = "", False
    for line in (folder / "dvc.yaml").read_text(encoding="utf-8").splitlines():
        words = line.strip()
        if line.startswith("  ") and not line.startswith("   ") and not words.startswith("#"):
            stage, within = words.rstrip(":"), False
        if words in ("outs:", "metrics:", "plots:"):
            within = True
        elif words in ("deps:", "params:"):
            within = False
        elif within and words.startswith("- "):
            outs.setdefault(stage, []).append(words.removeprefix("- ").rstrip(":"))
        lines.append(line)
    stage = ""
    for number, line in enumerate(lines):
        words = line.strip()
        if line.startswith("  ") and not line.startswith("   ") and not words.startswith("#"):
            stage = words.rstrip(":")
        if words.startswith("cmd:"):
            name = words.rpartition(" ")[2]
            lines[number] = (
                line.partition("cmd:")[0] + f"cmd: {sys.executable} -S .command.py {name} " + " ".join(outs[stage])
            )
    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    identity = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "start"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def timed(folder: Path, *command: str) -> tuple[float, float]:
    """When a command started and how many seconds it took."""
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    start = time.time()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return start, time.time() - start


def measure(revision: str, folder: Path) -> dict[str, float]:
    lay_out(revision, folder)
    start, _ = timed(folder, "dvc", "repro")
    runs = [json.loads(line) for line in (folder / ".log").read_text(encoding="utf-8").splitlines()]
    return {
        "before": runs[0][0] - start,
        "between": statistics.median(after[0] - before[1] for before, after in pairwise(runs)),
        "stages": len(runs),
        "status": timed(folder, "dvc", "status")[1],
        "repro": timed(folder, "dvc", "repro")[1],
        "lock": (folder / "dvc.lock").stat().st_size / 1000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revisions", nargs="*", default=["HEAD"])
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            for place, revision in enumerate(options.revisions):
                found = measure(revision, Path(folder) / f"{number}-{place}")
                print(f"{revision}: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()), flush=True)
    print(platform.processor() or platform.machine())


if __name__ == "__main__":
    main()
