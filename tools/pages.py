"""`latentlab results --page`: the numbers at hand, in the tables of a page that tells of them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tools.results import cell

if TYPE_CHECKING:  # which import numpy
    from pipeline.conclusions.results import Result
    from pipeline.statistics.measurements import Measurements

_HEAD = re.compile(r"\| experiment \|")
_EXPERIMENT = re.compile(r"\| `(\w+)` \|")
_CONCLUSION = re.compile(r"\| ([A-Z]\d+) \|")
_COUNTS = re.compile(r"\d+ supported, \d+ contradicted, \d+ undecided\.")


def update(page: Path, folder: Path) -> None:
    """Rewrites a page by a folder's `measurements` and `conclusions.json`; see `updated`."""
    from pipeline.conclusions import results
    from pipeline.ground import params
    from pipeline.ground.errors import InputError
    from pipeline.ground.files import replacing
    from pipeline.statistics import pools

    if not page.is_file():
        raise InputError(f"--page {page}: expected a Markdown file, found none")
    experiments = params.load().get("experiments", {})
    found = pools.load(folder / "measurements", experiments)
    content = updated(page.read_text(encoding="utf-8"), found, results.load(folder / "conclusions.json"))
    with replacing(page) as beside:
        beside.write_text(content, encoding="utf-8")


def updated(page: str, found: "Mapping[str, Measurements]", conclusions: "Sequence[Result]") -> str:
    """A page in Markdown with its tables' rows as the measurements and the verdicts have them; all else as it was.

    Rows of a table with the column `experiment` begin with an experiment's name in backticks and have the metrics that
    the head names; rows of conclusions begin with a conclusion's letter and number. How many of these were supported,
    contradicted and left undecided is told anew, too. A row of what was not measured keeps its name, and has dashes.
    """
    from pipeline.conclusions.results import counts

    verdicts = {each.id: each for each in conclusions}
    columns: list[str] = []
    lines = []
    for line in page.splitlines():
        if _HEAD.match(line):
            columns = [each.strip().replace(" ", "_") for each in line.strip("| ").split("|")][1:]
        elif row := _EXPERIMENT.match(line):
            each = found.get(row[1])
            line = f"| `{row[1]}` | {' | '.join(cell(each, column) if each else '–' for column in columns)} |"
        elif (row := _CONCLUSION.match(line)) and row[1] in verdicts:
            told = verdicts[row[1]]
            line = f"| {told.id} | {_cell(told.sentence)} | {told.verdict} | {_cell(told.needs) or '–'} |"
        elif _COUNTS.match(line):
            line = ", ".join(f"{count} {verdict}" for verdict, count in counts(conclusions).items()) + "."
        lines.append(line)
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text in one line of a table, of which it makes no column and no element."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")
