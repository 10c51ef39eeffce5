"""`latentlab compare`: whether a change helped, by numbers that tell how sure they are."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    from pipeline.comparison.runs import Summary


class Format(StrEnum):
    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    JSON = "json"


def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A branch, tag, commit or DVC experiment.")],
    heads: Annotated[
        list[str] | None, typer.Argument(metavar="HEAD", help="What to hold against it. Default: the workspace.")
    ] = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="All finished experiments that were started from BASE.")
    ] = False,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Show these metrics: `elbo`, `*distance`, `fc_*:elbo`. Repeatable."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show also what is the same, and all metrics.")] = False,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Exit status 1 if such a metric got worse beyond noise. Repeatable."),
    ] = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[PATTERN=]SHARE",
            help="How much worse is still good enough for --fail-on: 0.02 is 2 % of the base's value. Repeatable.",
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="Markdown fits a comment on GitHub.")] = Format.TERMINAL,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there instead of to the screen.")] = None,
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a page of the changed pictures side by side.")
    ] = None,
    heatmap: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw several runs' metrics over the one or two parameters that vary."),
    ] = None,
) -> None:
    """Say what changed between two revisions, and which metrics got better or worse beyond noise.

    With several HEADs, or --queue, one table of them all, with the best and what cannot be told apart from it.
    """
    from pipeline.comparison import document, pairs, records, runs, selection
    from pipeline.comparison import gate as gates
    from pipeline.comparison.pair_document import pair_document
    from pipeline.comparison.revisions import WORKSPACE, Project, pooled
    from pipeline.comparison.runs_document import captions, runs_document

    if tolerance and not fail_on:
        raise InputError("--tolerance: expected with --fail-on, found without")
    tolerances = [gates.Tolerance.parse(text) for text in tolerance or []]
    if heatmap and heatmap.suffix != ".png":
        raise InputError(f"--heatmap {heatmap}: expected a name that ends with .png")
    project = Project()
    named = dict.fromkeys(heads or [], "") | (project.queue(base) if queue else {})
    if queue and not named:
        raise InputError(f"{base}: has no finished experiments; `dvc exp run --queue` and `dvc queue start` make some")
    others = (named or {WORKSPACE: ""}).items()
    before, *after = pooled([project.read(base), *(project.read(name, commit) for name, commit in others)])
    comparisons = [pairs.compare(before, each) for each in after]
    patterns = metric or []
    selection.known(patterns, comparisons, "--metric")
    gate = gates.gate(comparisons, fail_on or [], tolerances)
    if len(comparisons) > 1 or queue:
        summary = runs.summarise(comparisons, patterns, everything)
        content = runs_document(summary, comparisons, gate)
        record = records.runs_record(summary, comparisons, gate)
        changed = list(dict.fromkeys(column.experiment for column in summary.columns))
        sides = captions(summary)
        if heatmap:
            _draw(summary, heatmap)
    else:
        if heatmap:
            raise InputError("--heatmap: expected several HEADs or --queue, found one HEAD")
        shown = selection.chosen(comparisons[0], patterns, everything)
        content = pair_document(comparisons[0], shown, gate)
        record = records.pair_record(comparisons[0], shown, gate)
        changed = [each.name for each in shown if each.differs or everything]
        sides = {each.title: each for each in (before, comparisons[0].head)}
    if format is Format.JSON:
        import json

        text = json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n"
    elif format is Format.MARKDOWN:
        text = document.markdown(content)
    else:
        text = document.terminal(content, colour=out is None and sys.stdout.isatty())
    if out:
        from pipeline.ground.files import replacing

        with replacing(out) as beside:
            beside.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
        sys.stdout.flush()
    if pictures:
        from pipeline.comparison.side_by_side import write

        for line in write(project, content.title, sides, changed, pictures):
            print(line, file=sys.stderr)
        print(f"pictures: {pictures / 'index.html'}", file=sys.stderr)
    for line in gate.unclear:
        print(line, file=sys.stderr)
    for line in gate.worse:
        print(f"failed: {line}", file=sys.stderr)
    if gate.worse:
        raise typer.Exit(1)


def _draw(summary: "Summary", path: Path) -> None:
    """Raises InputError where no picture can show what varies."""
    from pipeline.comparison.grid import fields
    from pipeline.comparison.words import short

    found = fields(summary)
    if not found:
        varying = ", ".join(summary.varying) or "none"
        told = f"that vary, found {varying}" if summary.columns else "and a metric that differs, found no such metric"
        raise InputError(f"--heatmap: expected one or two parameters {told}")
    from pipeline.comparison.heatmap import draw

    draw(found, summary.base.revision.name, short(summary.varying), path)
