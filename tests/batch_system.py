"""A stand-in for SLURM: `sbatch` starts a job's script on this machine, `scancel` kills it, `squeue` lists what runs.

As little of it as is needed, by what its manual says: https://slurm.schedmd.com/man_index.html
"""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

STATE = (
    "FAKE_SLURM"  # variable: the folder of jobs, a file `ID.job` with the process group of each; `pending` starts none
)


def installed(folder: Path) -> Path:
    """A folder of commands, for PATH."""
    commands = folder / "bin"
    commands.mkdir(parents=True)
    (folder / "state").mkdir()
    for name in ("sbatch", "scancel", "squeue"):
        file = commands / name
        file.write_text(f'#!/bin/sh\nexec {sys.executable} -S "{__file__}" {name} "$@"\n')
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return commands


def running(folder: Path) -> dict[str, int]:
    """Process groups of jobs that have processes."""
    groups = {file.stem: int(file.read_text()) for file in folder.glob("*.job")}
    return {number: group for number, group in groups.items() if group > 0 and alive(group)}


def alive(group: int) -> bool:
    """Whether it has a process that is no zombie."""
    for process in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = process.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False


def sbatch(folder: Path, script: str) -> int:
    refuse = folder / "refuse"
    if refuse.exists():
        print("sbatch: error: invalid partition specified: nowhere", file=sys.stderr)
        return 1
    number = str(len(list(folder.glob("*.sh"))) + 1)
    while True:
        try:
            copy = (folder / f"{number}.sh").open("x")
            break
        except FileExistsError:
            number = str(int(number) + 1)
    with copy:
        copy.write(Path(script).read_text())
    group = 0
    if not (folder / "pending").exists():
        with (folder / f"{number}.out").open("w") as output:
            job = subprocess.Popen(
                ["/bin/bash", str(folder / f"{number}.sh")], stdout=output, stderr=output, start_new_session=True
            )
        group = job.pid
    (folder / f"{number}.job").write_text(str(group))
    print(f"Submitted batch job {number}")
    return 0


def scancel(folder: Path, number: str) -> int:
    group = int((folder / f"{number}.job").read_text())
    (folder / f"{number}.job").write_text("-1")
    if group > 0 and alive(group):
        os.killpg(group, signal.SIGKILL)
    return 0


def squeue(folder: Path, asked: list[str]) -> int:
    there = running(folder)
    for number in asked:
        group = int((folder / f"{number}.job").read_text())
        if group == 0:
            print(f"{number} PENDING Priority")
        elif number in there:
            print(f"{number} RUNNING None")
    return 0


def main(name: str, *arguments: str) -> int:
    folder = Path(os.environ[STATE])
    if name == "sbatch":
        return sbatch(folder, arguments[0])
    if name == "scancel":
        return scancel(folder, arguments[0])
    return squeue(folder, arguments[arguments.index("--jobs") + 1].split(","))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
