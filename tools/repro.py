"""`latentlab repro`: what `dvc repro` does, several stages at a time, with results as they come."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pipeline.ground.errors import InputError


def repro(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Stages, such as evaluate@fc_vae or train, with all they need; default: all."),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", help="Stages at a time; each takes half the cores. Changes speed only.")
    ] = 2,
    force: Annotated[bool, typer.Option("--force", "-f", help="Also run stages that have not changed.")] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", "-k", help="A stage that fails stops only those that need it.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Write each stage's seconds to results/times.json, if all stages ran.")
    ] = False,
) -> None:
    """Run the stages that have changed, as `dvc repro` does, but independent ones at the same time.

    Prints each experiment's results as soon as they are there, and how long it will take. dvc.lock and all results are
    those that `dvc repro` makes. Each stage's seconds go to .latentlab/run.jsonl.
    """
    from pipeline.running import commands
    from pipeline.running import record as records
    from pipeline.running.run import Run
    from pipeline.running.screen import screen
    from pipeline.running.tracked import opened

    if jobs < 1:
        raise InputError(f"--jobs {jobs}: expected 1 or more")
    runnable("repro")
    resumes = any(Path(".resume").glob("*"))
    rows = Rows()
    with opened(targets or [], force) as tracked, screen() as shown:
        log = records.Log(records.LOG, jobs)
        run = Run(tracked, records.load(), partial(commands.runner, Path.cwd(), jobs), log, shown, rows.of, keep_going)
        run()
    print(run.conclude())
    if record:
        whole = not (targets or run.restored or resumes or run.unchanged > len(run.spared))
        known = records.load()
        before = {name: known.stages[name] for name in run.spared if known and name in known.stages}
        if not whole or not run.finished or len(before) < len(run.spared):
            why = ".resume spares training" if resumes else "not all stages ran"
            print(f"{records.TIMES} is not written: {why}; try `make clean` and `latentlab repro --force --record`")
        else:
            records.save(records.Times(records.machine(), jobs, run.seconds, {**run.finished, **before}, _seeds()))


def runnable(command: str) -> None:
    """Refuses now what a stage would refuse, by when DVC would have removed what that stage made before."""
    from pipeline.ground import params
    from tools.check import BLOCKS, faults

    if not Path("dvc.yaml").exists():
        raise InputError(f"dvc.yaml: expected it here; run `latentlab {command}` in the project's folder")
    content = params.load() if params.PARAMS.exists() else {}
    if set(BLOCKS) <= set(content) and (found := faults(content)):
        raise InputError("\nerror: ".join(found))


def _seeds() -> dict[str, int]:
    """How many each experiment of params.yaml has, if there is one: a pipeline may do without."""
    from pipeline.ground import params

    experiments = params.load().get("experiments", {}) if params.PARAMS.exists() else {}
    return {name: len(block["seeds"]) for name, block in experiments.items()}


class Rows:
    """Rows of the tables of `latentlab results`, one by one; a role's header comes with its first row."""

    def __init__(self) -> None:
        self.headers: dict[str, list[str]] = {}

    def of(self, stage: str) -> Iterator[str]:
        """The lines to show when a stage is done: of an evaluation, its results."""
        from pipeline.ground import params
        from pipeline.report.settings import Settings
        from pipeline.statistics import pools
        from tools.results import MEASUREMENTS, cell

        kind, _, name = stage.partition("@")
        if kind != "evaluate" or not (MEASUREMENTS / f"{name}.json").exists():
            return
        try:
            content = params.load()
            first = params.parse(Settings, content.get("report"), "report").metrics
            roles = {name: block["data"] for name, block in content.get("experiments", {}).items()}
            found = pools.load(MEASUREMENTS, roles)
        except InputError:  # edited or damaged meanwhile; a row must not end the run
            return
        if name not in found:
            return
        role = roles.get(name, "")
        there = {metric for each, values in found.items() if roles.get(each) == role for metric in values.metrics}
        columns = [metric for metric in first.get(role, ()) if metric in there]
        widths = [max(len(column), 17) for column in columns]
        if columns != self.headers.get(role):
            self.headers[role] = columns
            yield "  ".join([f"{role:24}", *(f"{column:>{w}}" for column, w in zip(columns, widths, strict=True))])
        cells = (cell(found[name], column) for column in columns)
        yield "  ".join([f"{name:24}", *(f"{cell:>{w}}" for cell, w in zip(cells, widths, strict=True))])
