"""How fast the project is on this machine: writes its section of docs/performance.md.

`make bench`, or `python -m benchmarks.performance [--quick] [EXPERIMENT ...]` after the images are prepared (`latentlab
repro` does). In turn, in fresh processes: the textbook's loop, loading in its own process and in two workers; the
experiment with all its seeds side by side; one seed and a matrix product on one core. Then the log of the last run.

Both sides count training images, an image once a pass over it, in a window that leaves out start-up; a critic's batches
count. `--quick`: the first experiment of each family and network, one round. A selection is printed and, unless told to
by `--write`, not written: it would replace all that the page has of this machine.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import cold_run, page, speed
from benchmarks.experiments import kinds
from benchmarks.speed import Round, Speed
from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.ground.files import replacing
from pipeline.ground.machine import describe
from pipeline.running.record import LOG

QUIET = 0.5  # processes that want a core, on average of a minute


def chosen(experiments: Mapping[str, Mapping[str, Any]], quick: bool) -> list[str]:
    """The first experiment of each family and network; unless `quick`, every convolutional one besides."""
    first = set(kinds(experiments).values())
    return [name for name, block in experiments.items() if name in first or (not quick and block["network"] != "mlp")]


def told(measured: Speed, found: Round) -> str:
    """A round in a line for the terminal."""
    loops = ", ".join(f"{rate:,.0f} with {workers} workers" for workers, rate in found.textbook.items())
    wanted = page.goal(measured)
    goal = f" (goal {wanted:g}: {page.reached(found.ratio, wanted)})" if wanted else ""
    part = page.reached(found.share, page.SHARE) if measured.convolutional else ""
    share = f"{found.share:.2f} of matrix speed" + (f" (goal {page.SHARE:g}: {part})" if part else "")
    return f"textbook {loops}; ours {found.ours:,.0f} images/s: {found.ratio:.2f} times{goal}; {share}"


def measure(speeds: Sequence[Speed], rounds: int, seconds: float) -> None:
    """All rounds, each experiment once in every round, told as they come."""
    start, total, done = time.monotonic(), rounds * len(speeds), 0
    for number in range(1, rounds + 1):
        for each in speeds:
            found = speed.measured(each, seconds)
            done += 1
            left = (time.monotonic() - start) / done * (total - done) / 60
            print(f"[{number}/{rounds}] {each.name}: {told(each, found)}; {left:.0f} min left", flush=True)


def load() -> str:
    """How much else the machine had to do in the last minute, in words; with that, the textbook's threads wait for each
    other and ours do not, which flatters ours beyond measure.
    """
    busy = os.getloadavg()[0]
    said = f"Other work at the start: {busy:.1f} processes."
    return said if busy < QUIET else f"{said} **That is too much for these numbers to mean anything.**"


def section(speeds: Sequence[Speed], rounds: int, seconds: float, busy: str, log: Path) -> tuple[str, str]:
    """This machine's heading, and its section of the page."""
    machine, cores, rest = describe(speed.CPU).split(", ", 2)
    instructions = page.instructions(page.able())
    facts = [
        f"{instructions[0].upper()}{instructions[1:]}; {rest}; {date.today().isoformat()}.",
        f"{f'Medians of {rounds} rounds' if rounds > 1 else 'One round'}, {seconds:g} seconds each. {busy}",
    ]
    try:
        run = page.cold(cold_run.read(params.read("experiments"), log))
    except InputError as error:
        run = f"Not measured: {error}."
    return f"{machine}, {cores}", page.section(f"{machine}, {cores}", facts, speeds, run)


def write(heading: str, text: str) -> None:
    """Rewrites one machine's section of the page."""
    with replacing(page.PAGE) as beside:
        beside.write_text(page.replaced(page.PAGE.read_text(encoding="utf-8"), heading, text), encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true", help="a selection too")
    parser.add_argument("--rounds", type=int, help="3; with --quick 1")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--log", type=Path, default=LOG, help="of the run whose time is told apart")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 3)
    try:
        experiments = params.read("experiments")
        speeds = speed.listed(experiments, options.experiments or chosen(experiments, options.quick))
        for each in speeds:
            speed.prepared(each.entry)  # before the minutes that the others take
        busy = load()
        print(busy, flush=True)
        measure(speeds, rounds, options.seconds)
        heading, text = section(speeds, rounds, options.seconds, busy, options.log)
        print("\n" + text)
        if options.write or not (options.quick or options.experiments):
            write(heading, text)
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
