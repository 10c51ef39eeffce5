"""How numbers, verdicts and parameters of a comparison are said, be it of a pair of revisions or of several runs."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pipeline.comparison.document import Cell, Table
from pipeline.comparison.gate import Gate
from pipeline.comparison.pairs import Absent, Change
from pipeline.statistics.discoveries import RATE
from pipeline.statistics.intervals import Estimate, Verdict
from pipeline.statistics.measurements import Better
from pipeline.wording.numbers import ALONE, ALONE_WORDS, ONE_SEED, mark, written

ARROWS: Final[Mapping[Better, str]] = {"higher": " ↑", "lower": " ↓", "neither": ""}
CHANCE: Final = "°"
CHANCE_NOTE: Final = (
    f"{CHANCE} By itself beyond its interval, but so is one of twenty by chance: among those shown here it does not "
    f"stand (false discovery rate {RATE:.0%}), counts as noise, and fails no check."
)
ALONE_NOTE: Final = f"{ALONE} {ALONE_WORDS}."
ONE_SEED_NOTE: Final = f"{ONE_SEED} One side has one seed: another may say otherwise, and the interval leaves that out."


def places(estimate: Estimate) -> int:
    """Decimals that show half the interval to two digits, of a number without one its first four."""
    half = (estimate.high - estimate.low) / 2 if estimate.low is not None and estimate.high is not None else 0.0
    size, digits = (half, 2) if half else (abs(estimate.value), 4)
    return min(9, max(0, digits - 1 - math.floor(math.log10(size)))) if size else 0


def signed(value: float, decimals: int) -> str:
    """With + or -, but for what rounds to 0."""
    text = f"{value:+z.{decimals}f}"
    return text if float(text) else text.removeprefix("+")


def spread(estimate: Estimate) -> str:
    """`12.34 ± 0.05`, as in the report."""
    return " ".join(written(estimate.value, estimate.low, estimate.high)).rstrip()


def said(value: Any) -> str:
    """A parameter's value as YAML has it, on one line."""
    return (
        value.value
        if isinstance(value, Absent)
        else value
        if isinstance(value, str)
        else json.dumps(value, default=str)
    )


def short(keys: Sequence[str]) -> dict[str, str]:
    """The last words of dotted keys, as many as tell them apart."""
    for words in range(1, max((key.count(".") + 1 for key in keys), default=1) + 1):
        found = {key: ".".join(key.split(".")[-words:]) for key in keys}
        if len(set(found.values())) == len(keys):
            break
    return found


def verdict(found: Verdict, difference: Estimate, stands: bool) -> str:
    """With the marks of one seed, of what may be chance, and of an interval without a pool, where that says less than
    it seems to."""
    known = found not in ("same", "unknown")
    marks = mark(difference.leaves_out_seeds, difference.alone) if known else ""
    marks += CHANCE if known and found != "noise" and not stands else ""
    return f"{found} {marks}" if marks else found


def small_print(verdicts: Sequence[str]) -> list[str]:
    """What the marks on these verdicts mean."""
    notes = {ONE_SEED: ONE_SEED_NOTE, CHANCE: CHANCE_NOTE, ALONE: ALONE_NOTE}
    return [note for mark, note in notes.items() if any(mark in each for each in verdicts)]


def failures(gate: Gate) -> list[str]:
    """What fails a check, a line each, then what cannot be judged."""
    return [*(f"failed: {line}" for line in gate.worse), *gate.unclear]


def changed(changes: Sequence[Change], base: str, head: str) -> Table:
    """Parameters; one that changed alike in several experiments takes one line."""
    lines: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        block, *path = change.key.split(".")
        within = block == "experiments" and len(path) > 1
        name, key = (path[0], ".".join(path[1:])) if within else ("", change.key)
        lines.setdefault((key, said(change.base), said(change.head)), []).append(name)
    rows = []
    for (key, old, new), names in lines.items():
        which = names[0] if len(names) == 1 else f"{{{', '.join(names)}}}"
        rows.append([Cell(f"experiments.{which}.{key}" if which else key, "code"), Cell(old), Cell(new)])
    return Table(("parameter", base, head), rows)
