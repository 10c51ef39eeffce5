"""`latentlab plan`: what a run would cost on a device, and how long it would take with so many workers."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pipeline.ground.errors import InputError

if TYPE_CHECKING:  # which import torch
    from pipeline.costs.costs import Costs, Reference
    from pipeline.costs.rates import Device
    from pipeline.costs.wall import Wall

BUDGETS: Final = Path("budgets")
WIDTH: Final = 100  # columns of a pipe
MOST: Final = 100_000  # workers
MARKS: Final = {"measured": "", "estimated": "≈ ", "guessed": "? "}
# Stages besides training, as the table has them; those of no other row are in the last one.
ROWS: Final = {"evaluation": ("evaluate",), "judges and referees": ("classify", "referee")}
REST: Final = "images, figures, page"


class Format(StrEnum):
    TERMINAL = "terminal"
    JSON = "json"


def plan(
    budget: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of budgets/NAME.yaml. Default: params.yaml as it stands.")
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="cpu (a core of the committed run's machine), H100, A100, ...")
    ] = "cpu",
    price: Annotated[
        float | None, typer.Option(min=0, metavar="DOLLARS", help="An hour of one GPU or core. Default: the table's.")
    ] = None,
    workers: Annotated[
        str, typer.Option(metavar="N,N,...", help="GPUs or cores at a time, for the wall times.")
    ] = "1,2,4,8,16,32,64",
    format: Annotated[Format, typer.Option(help="Of what is printed.")] = Format.TERMINAL,
) -> None:
    """Say what a run would cost: hours, GPU-hours and money of each experiment and in all, and the wall time.

    Nothing is trained, and params.yaml stays as it is. A worker is one GPU or one core, and trains one seed at a time.
    Rates are measured ones where there are any of the same sizes; else told from counted operations and calls by what
    was measured (≈), or guessed from another device or precision (?). docs/plan.md says how.
    """
    counts = _workers(workers)
    from pipeline.costs import rates

    devices = rates.load()
    name = rates.pick(device, devices)
    chosen = devices[name]
    content, sizes = sized(budget)

    from pipeline.costs import wall  # torch takes a second: what is mistyped is told before
    from pipeline.costs.costs import costs

    dollars = chosen.price.dollars if price is None else price
    reference = committed(chosen, devices)
    found = costs(content, chosen, devices, reference)
    walls, enough = wall.walls(found.units, counts), wall.enough(found.units)
    if format is Format.JSON:
        import json

        record = _record(found, walls, enough, dollars) | {"sizes": sizes, "device": name, "worker": chosen.worker}
        print(json.dumps(record, indent=2, ensure_ascii=False))
    else:
        source = "--price" if price is not None else f"{chosen.price.date:%d %B %Y}, {chosen.price.source}"
        _show(
            found,
            walls,
            enough,
            chosen.worker,
            dollars,
            [
                f"{sizes} on {name}: {chosen.description}",
                f"{dollars:g} dollars an hour of a {chosen.worker} ({source})",
                _elsewhere(reference) if chosen.times else "",
            ],
        )


def _workers(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.strip().isdecimal() and 1 <= int(part) <= MOST for part in parts):
        raise InputError(f"--workers {text}: expected whole numbers from 1 to {MOST} with commas, such as 1,2,4,8")
    return sorted({int(part) for part in parts})


def sized(budget: str | None) -> tuple[Mapping[str, Any], str]:
    """params.yaml with a budget laid over it, as `latentlab budget` would write it, and in words what it is."""
    from pipeline.ground import params
    from pipeline.report import budget as budgets

    if budget is None:
        from tools.check import faults

        content = params.load()
        if found := faults(content):
            raise InputError(found[0])
        known = budgets.name(content, BUDGETS)
        return content, f"params.yaml as it stands{f', the budget {known}' if known else ''}"
    names = sorted(path.stem for path in BUDGETS.glob("*.yaml"))
    if budget not in names:
        raise InputError(f"--budget {budget}: expected one of {', '.join(names) or 'budgets/*.yaml, which has none'}")
    import yaml

    from tools.budget import apply

    path = BUDGETS / f"{budget}.yaml"
    params.load()  # whose faults are told in one line
    text = params.PARAMS.read_text(encoding="utf-8")
    for overlay in budgets.overlays(path):
        text = apply(text, overlay, str(path))
    return yaml.safe_load(text), f"the budget {budget}"


def committed(device: "Device", devices: Mapping[str, "Device"]) -> "Reference | None":
    """The committed run, if its times are there. Experiments that a budget names and params.yaml lacks matter not."""
    from pipeline.costs.costs import Reference
    from pipeline.ground import params
    from pipeline.report.budget import overlaid, overlays
    from pipeline.running import record

    named = device.times or next((each.times for each in devices.values() if each.times), None)
    times, path = record.load(), BUDGETS / f"{named}.yaml"
    if times is None or not path.exists():
        return None
    content: Mapping[str, Any] = params.load()
    for overlay in overlays(path):
        content = overlaid(content, overlay)
    return Reference(times, content)


def _elsewhere(reference: "Reference | None") -> str:
    """That this is another machine than the table's; nothing where it is the same."""
    from pipeline.running import record

    here = record.machine()
    if reference is None or here == reference.times.machine:
        return ""
    return f"this machine is {here}, which may take longer or less than {reference.times.machine}"


def _groups(found: "Costs") -> dict[str, float]:
    """Seconds of training and of each row of other stages."""
    from pipeline.running.schedule import kind

    named = {"train", *(what for kinds in ROWS.values() for what in kinds)}
    rest = {kind(unit) for unit in found.units.seconds} - named
    rows = {"training": ("train",), **ROWS, REST: tuple(rest)}
    return {row: found.seconds(*kinds) for row, kinds in rows.items()}


def _record(found: "Costs", walls: Sequence["Wall"], enough: "Wall", dollars: float) -> dict[str, Any]:
    """All that the tables have, with hours and dollars as they are."""
    longest, path = found.units.critical()
    experiments = {
        name: {
            "seeds": list(cost.seeds),
            "precision": cost.precision,
            "iterations": cost.iterations,
            "images_per_iteration": cost.work.images,
            "operations_per_iteration": cost.work.operations,
            "calls_per_iteration": cost.work.calls,
            "images_per_second": cost.images_per_second,
            "basis": cost.seconds.basis,
            "like": cost.seconds.like,
            "seed_hours": cost.seed_seconds / 3600,
            "hours": found.side_by_side(name) / 3600,
            "worker_hours": found.one_by_one(name) / 3600,
            "dollars": found.one_by_one(name) / 3600 * dollars,
        }
        for name, cost in found.training.items()
    }
    total = found.units.total / 3600
    return {
        "dollars_per_worker_hour": dollars,
        "experiments": experiments,
        "worker_hours": {row: seconds / 3600 for row, seconds in _groups(found).items()} | {"all": total},
        "dollars": total * dollars,
        "critical_path": {"hours": longest / 3600, "units": path},
        "walls": [
            {
                "workers": wall.workers,
                "hours": wall.seconds / 3600,
                "worker_hours_paid": wall.workers * wall.seconds / 3600,
                "dollars": wall.workers * wall.seconds / 3600 * dollars,
            }
            for wall in walls
        ],
        "enough_workers": enough.workers,
    }


def _show(
    found: "Costs",
    walls: Sequence["Wall"],
    enough: "Wall",
    worker: str,
    dollars: float,
    heading: Sequence[str],
) -> None:
    """The tables, under some lines."""
    from rich.table import Table

    from pipeline.console.printable import console, printable
    from pipeline.running.record import span

    screen, unit = console(WIDTH), f"{worker}-hours"
    for line in filter(None, heading):
        screen.print(printable(line))
    table = Table("experiment")
    for head in ("seeds", "operations", "images/s", "hours", unit, "dollars"):
        table.add_column(head, justify="right")
    for each, cost in found.training.items():
        rate = f"{MARKS[cost.seconds.basis]}{_three(cost.images_per_second)}"
        hours = found.one_by_one(each) / 3600
        amounts = (_three(found.side_by_side(each) / 3600), _three(hours), _money(hours * dollars))
        table.add_row(printable(each), str(len(cost.seeds)), _prefixed(cost.operations), rate, *amounts)
    table.add_section()
    groups = _groups(found)
    for row, seconds in groups.items():
        table.add_row(row, *[""] * 4, _three(seconds / 3600), _money(seconds / 3600 * dollars))
    total = found.units.total / 3600
    table.add_section()
    table.add_row("all, by one worker", "", "", "", _three(total), _three(total), _money(total * dollars))
    screen.print(table)
    screen.print("hours: with a worker for each seed, evaluation and figures included")
    screen.print(f"images/s: of one seed, {_bases(found)}")
    if groups["evaluation"] == 0:
        screen.print("only training is counted: there is no results/times.json to tell of other stages")

    table = Table(title="Seeds side by side")
    for head in ("workers", "wall time", "speed-up", f"{unit} paid", "dollars", "busy"):
        table.add_column(head, justify="right")
    for wall in walls:
        paid = wall.workers * wall.seconds / 3600
        faster = found.units.total / wall.seconds
        cells = (f"{faster:.1f}", _three(paid), _money(paid * dollars), f"{faster / wall.workers:.0%}")
        table.add_row(str(wall.workers), span(wall.seconds), *cells)
    screen.print(table)
    longest, path = found.units.critical()
    screen.print(printable(f"critical path, {span(longest)}: {' → '.join(path)}"))
    screen.print(f"more than {enough.workers} workers are no faster")


def _bases(found: "Costs") -> str:
    """What the marks beside rates mean, of those that are there."""
    counts = {basis: sum(cost.seconds.basis == basis for cost in found.training.values()) for basis in MARKS}
    words = {
        "measured": "measured at these sizes",
        "estimated": "told from others on this device",
        "guessed": "guessed from another device, precision or network",
    }
    return "; ".join(f"{MARKS[basis]}{words[basis]} ({count})" for basis, count in counts.items() if count)


def _three(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3}f}"


def _money(dollars: float) -> str:
    return f"{dollars:,.{0 if dollars >= 100 else 2 if dollars >= 0.095 else 3}f}"


def _prefixed(operations: float) -> str:
    """`698 P`: 698 * 10^15."""
    for prefix in ("", "k", "M", "G", "T", "P"):
        if operations < 999.5:
            return f"{operations:.3g} {prefix}".strip()
        operations /= 1000
    return f"{operations:,.0f} E"
