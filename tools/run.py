"""`latentlab run`: what `latentlab repro` does, on workers of this machine or of others."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    from pipeline.cluster.depot import Depot, Remote
    from pipeline.running.commands import Events

WORKERS = 2


def run(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="Stages, such as evaluate@fc_vae or train, with all they need; default: all."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", help=f"So many workers on this machine; default: {WORKERS}.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads of each of --workers; default: the cores, shared out evenly.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler that runs already: tls://HOST:8786.")
    ] = None,
    cluster: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A cluster to start: docs/cluster.md says what is in the file.")
    ] = None,
    remote: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The DVC remote for workers that do not see this disk; default: DVC's own."),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls/--no-tls", help="Encrypt what goes between machines.")] = True,
    force: Annotated[bool, typer.Option("--force", "-f", help="Also run stages that have not changed.")] = False,
) -> None:
    """Run the stages that have changed, as `dvc repro` does, on Dask workers: on this machine, a cluster, the cloud.

    Independent stages run at the same time, and so do the seeds of one experiment. A stage that fails stops only those
    that need it; one whose worker is lost runs again elsewhere, from its last state. dvc.lock and all results are those
    that `dvc repro` makes. Where each stage ran, and with how many threads, goes to .latentlab/run.jsonl.
    """
    from pipeline.cluster.connect import Choice, connected, dashboard, expected
    from pipeline.cluster.workers import Workers
    from pipeline.running import record as records
    from pipeline.running.run import Run
    from pipeline.running.screen import screen
    from pipeline.running.tracked import opened
    from tools.repro import Rows, runnable

    runnable("run")
    if workers is None and scheduler is None and cluster is None:
        workers = WORKERS
    choice = Choice(workers, threads, scheduler, cluster, tls)
    offers = expected(choice)
    rows, log = Rows(), records.Log(records.LOG, sum(offer.count for offer in offers))
    with screen() as shown, opened(targets or [], force) as tracked, ExitStack() as stack:

        def begin(events: "Events", modules: bool) -> Workers:
            """Starts a cluster, or finds one, when it is certain that a stage will run."""
            client = stack.enter_context(connected(choice, shown.say))
            if link := dashboard(client):
                shown.say(f"what each worker does: {link}")
            depot, sent = _shared(remote)
            return Workers(client, Path.cwd(), offers, depot, sent, events, modules)

        found = Run(tracked, records.load(), begin, log, shown, rows.of, keep_going=True, parts=True)
        found()
    print(found.conclude())


def _shared(name: str | None) -> "tuple[Depot, Remote] | tuple[None, None]":
    """The DVC remote for workers that do not see this disk, if there is one. Raises InputError: not the named one."""
    from pipeline.cluster import depot

    try:
        return depot.of_project(Path.cwd(), name), depot.remote(Path.cwd(), name)
    except InputError:
        if name is not None:
            raise
        return None, None
