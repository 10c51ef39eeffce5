"""docs/performance.md: prose that stays, and a section a machine that the benchmark writes."""

import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.cold_run import ColdRun
from benchmarks.speed import Round, Speed
from pipeline.ground.device import precision

PAGE = Path("docs/performance.md")
HEAD = "## Measured on "
GOALS = {"fc_vae": 5.0}  # times the textbook's speed; of convolutional experiments CONVOLUTIONAL
CONVOLUTIONAL, SHARE = 2.0, 0.5  # SHARE: of the speed of matrix products
FLAGS = {  # of x86, as torch names them
    "avx2": "AVX2",
    "avx512_f": "AVX-512",
    "avx512_bf16": "AVX-512 BF16",
    "amx_bf16": "AMX BF16",
}


def instructions(able: dict[str, Any]) -> str:
    """Which instructions that matter the processor has, and which it has not; `able` as torch tells."""
    if able.get("architecture") != "x86_64":
        return f"architecture {able.get('architecture', platform.machine())}"
    has = [name for key, name in FLAGS.items() if able.get(key)]
    lacks = [name for key, name in FLAGS.items() if not able.get(key)]
    return f"with {', '.join(has) or 'none of these'}" + (f"; without {', '.join(lacks)}" if lacks else "")


def goal(speed: Speed) -> float | None:
    """How many times the textbook's speed it should be; None where nothing is asked for."""
    return GOALS.get(speed.name, CONVOLUTIONAL if speed.convolutional else None)


def reached(value: float, wanted: float | None) -> str:
    if wanted is None:
        return ""
    return "reached" if value >= wanted else "missed"


def speeds(measured: Sequence[Speed]) -> str:
    """The table of images a second against the textbook's."""
    lines = [
        "| experiment | family, network | seeds | precision | textbook | ours | times | goal | | rounds |",
        "|---|---|--:|---|--:|--:|--:|--:|---|---|",
    ]
    for each in measured:
        common, ratio, wanted = each.entry.experiment, each.median(lambda one: one.ratio), goal(each)
        chosen = precision(each.entry.training.precision, torch.device("cpu"))
        rounds = ", ".join(f"{one.ratio:.2f}" for one in each.rounds)
        rates = f"{each.median(_best):,.0f} | {each.median(lambda one: one.ours):,.0f}"
        asked = f"{wanted:g} | {reached(ratio, wanted)}" if wanted else " | "
        lines.append(
            f"| `{each.name}` | {common.family}, {common.network} | {len(common.seeds)} | {chosen}"
            f" | {rates} | {ratio:.2f} | {asked} | {rounds} |"
        )
    return "\n".join(lines)


def shares(measured: Sequence[Speed]) -> str:
    """The table of the share of a matrix product's speed."""
    lines = [
        "| experiment | million operations an image | 10^9 a second | of | share | goal | | rounds |",
        "|---|--:|--:|--:|--:|--:|---|---|",
    ]
    for each in measured:
        share, wanted = each.median(lambda one: one.share), SHARE if each.convolutional else None
        rounds = ", ".join(f"{one.share:.2f}" for one in each.rounds)
        rates = f"{each.median(lambda one: one.operations) / 1e9:.0f} | {each.median(lambda one: one.peak) / 1e9:.0f}"
        asked = f"{wanted:g} | {reached(share, wanted)}" if wanted else " | "
        lines.append(f"| `{each.name}` | {each.per_image / 1e6:.0f} | {rates} | {share:.2f} | {asked} | {rounds} |")
    return "\n".join(lines)


def summary(measured: Sequence[Speed]) -> str:
    """How many of the goals are reached, and what misses them."""
    asked = [each for each in measured if goal(each)]
    missed = [each.name for each in asked if each.median(lambda one: one.ratio) < (goal(each) or 0)]
    networks = [each for each in measured if each.convolutional]
    idle = [each.name for each in networks if each.median(lambda one: one.share) < SHARE]
    parts = []
    for what, count, names in (("times the textbook", len(asked), missed), ("share", len(networks), idle)):
        tail = f"; missed by {', '.join(f'`{name}`' for name in names)}" if names else ""
        parts.append(f"Goal of {what}: {count - len(names)} of {count} reached{tail}.")
    return "\n".join(parts)


def cold(run: ColdRun) -> str:
    """The table of where a run's time went."""
    spent = sum(kind.wall for kind in run.kinds)
    lines = [
        f"A run of {run.stages} stages, {run.jobs} at a time, took {run.total / 60:.1f} minutes ({run.machine}).",
        "",
        "| kind | stages | wall, s | share | CPU, s |",
        "|---|--:|--:|--:|--:|",
    ]
    for kind in run.kinds:
        cpu = "" if kind.cpu is None else f"{kind.cpu:,.0f}"
        part = f"{kind.wall / spent:.1%}" if spent else ""
        lines.append(f"| {kind.name} | {kind.stages or ''} | {kind.wall:,.0f} | {part} | {cpu} |")
    return "\n".join(lines)


def section(machine: str, facts: Sequence[str], measured: Sequence[Speed], run: str) -> str:
    """All of one machine. run: the table of a cold run, or why there is none."""
    parts = [HEAD + machine, "\n".join(facts)]
    if measured:
        parts += [summary(measured), "### Training, against the textbook", speeds(measured)]
        parts += ["### Share of the speed of matrix products, on one core", shares(measured)]
    return "\n\n".join([*parts, "### Where a cold run's time goes", run]) + "\n"


def replaced(page: str, machine: str, text: str) -> str:
    """The page with the machine's section in place of its former one, or at the end; all else as it is."""
    pattern = rf"^{re.escape(HEAD + machine)}\n.*?(?=^## |\Z)"
    if re.search(pattern, page, re.M | re.S):
        return re.sub(pattern, lambda found: text + "\n", page, count=1, flags=re.M | re.S).rstrip("\n") + "\n"
    return page.rstrip("\n") + "\n\n" + text


def able() -> dict[str, Any]:
    """What torch says of the processor's instructions."""
    return dict(torch.cpu.get_capabilities())


def _best(one: Round) -> float:
    return max(one.textbook.values())
