"""The report: one HTML page that needs nothing besides itself, made of what the pipeline measured and drew."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.conclusions.verdicts import Result
from pipeline.report import conclusion_charts, glossary
from pipeline.report.embedding import Picture
from pipeline.report.explorer import Embedded
from pipeline.report.settings import Part, Settings
from pipeline.statistics.intervals import mean
from pipeline.statistics.measurements import Measurements
from pipeline.statistics.numerals import written

MOST: Final = 14_600_000  # characters of the page, that it stays below 15 MB
_TEXT: Final = 500_000  # of them at most for everything but pictures and decoders
_NOTED: Final = 3  # parameters that differ, below a picture
_ABSENT: Final = "–"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """An experiment. parameters: its block of params.yaml; pictures: by kind."""

    name: str
    parameters: Mapping[str, Any]
    found: Measurements
    pictures: Mapping[str, Picture]

    @property
    def role(self) -> str:
        return str(self.parameters["data"])


@dataclass(frozen=True)
class Content:
    """All that the page shows. judges: by role, the judge's accuracy file; budget: the name of the one that
    params.yaml holds, None for none of them; sizes: the picture of how many latent dimensions are needed.
    """

    runs: Sequence[Run]
    settings: Settings
    judges: Mapping[str, Mapping[str, Any]]
    conclusions: Sequence[Result]
    decoders: Sequence[Embedded]
    sizes: Picture
    budget: str | None


@dataclass(frozen=True)
class Cell:
    """A number of the results: as text and as numbers; one_seed: whether its interval leaves seeds out."""

    mean: str
    interval: str
    value: float
    low: float | None
    high: float | None
    one_seed: bool


@dataclass(frozen=True)
class Column:
    """A metric. arrow: which direction is better; first: whether it is shown at first."""

    name: str
    arrow: str
    words: str
    first: bool


@dataclass(frozen=True)
class Table:
    """The results of a role's experiments; a cell is None where a metric does not apply."""

    role: str
    judge: Mapping[str, Any]
    columns: Sequence[Column]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]


@dataclass(frozen=True)
class Parameter:
    """A row of a section's parameters: a value for each experiment, and whether it differs from the first one's."""

    key: str
    values: Sequence[tuple[str, bool]]


@dataclass(frozen=True)
class Plate:
    """A kind of figure, of each experiment that has it: the experiment, what is special about it, the picture."""

    kind: str
    pictures: Sequence[tuple[str, str, Picture]]


@dataclass(frozen=True)
class Section:
    """differing, optimisers: parameters in which its experiments differ; common: those that all of them share."""

    title: str
    names: Sequence[str]
    differing: Sequence[Parameter]
    optimisers: Sequence[Parameter]
    common: Mapping[str, str]
    plates: Sequence[Plate]


def room(decoders: Sequence[Embedded]) -> int:
    """How many characters are left for pictures."""
    return MOST - _TEXT - sum(len(decoder.weights) for decoder in decoders)


def flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested parameters as text with dotted keys, as DVC's commands name them."""
    found: dict[str, str] = {}
    for key, value in parameters.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": _value(value)}
    return found


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def tabulated(role: str, judge: Mapping[str, Any], runs: Sequence[Run], first: Sequence[str]) -> Table:
    """An experiment a row, a metric a column: those of `first` first and in its order, then all others."""
    there = {name: measured.better for run in runs for name, measured in run.found.metrics.items()}
    names = [*(name for name in first if name in there), *(name for name in there if name not in first)]
    shown = [name for name in first if name in there] or names
    arrows = {"higher": "↑", "lower": "↓", "neither": ""}
    columns = [Column(name, arrows[there[name]], glossary.metric(name), name in shown) for name in names]
    return Table(role, judge, columns, [(run.name, [_cell(run.found, name) for name in names]) for run in runs])


def _cell(found: Measurements, metric: str) -> Cell | None:
    if metric not in found.metrics:
        return None
    estimate = mean(found.metrics[metric])
    text = written(estimate.value, estimate.low, estimate.high)
    one_seed = estimate.leaves_out_seeds and bool(text.interval)
    numbers = (estimate.value, estimate.low, estimate.high)
    return Cell(_typeset(text.mean), _typeset(text.interval), *numbers, one_seed)


def _typeset(number: str) -> str:
    """With true minus signs."""
    return number.replace("-", "−")


def section(part: Part, runs: Mapping[str, Run]) -> Section:
    """A section of the report, of those of its experiments that there are."""
    names = [name for name in part.experiments if name in runs]
    blocks = [flat(runs[name].parameters) for name in names]
    keys = list(dict.fromkeys(key for block in blocks for key in block))
    rows = {key: [block.get(key, _ABSENT) for block in blocks] for key in keys}
    common = {key: values[0] for key, values in rows.items() if len(set(values)) == 1}
    differing = [
        Parameter(key, [(value, value != values[0]) for value in values])
        for key, values in rows.items()
        if key not in common
    ]
    players = [parameter for parameter in differing if parameter.key.startswith("optimisers.")]
    others = [parameter for parameter in differing if parameter not in players]
    notes = {name: _note([*others, *players], place) for place, name in enumerate(names)}
    kinds = sorted(
        {kind for name in names for kind in runs[name].pictures}, key=lambda kind: (glossary.place(kind), kind)
    )
    plates = [
        Plate(kind, [(n, notes[n], runs[n].pictures[kind]) for n in names if kind in runs[n].pictures])
        for kind in kinds
    ]
    return Section(part.title, names, others, players, common, plates)


def _note(differing: Sequence[Parameter], place: int) -> str:
    """How an experiment differs from the first one of its section, in a few words."""
    if not place:
        return "the reference" if differing else ""
    values = {parameter.key: parameter.values[place] for parameter in differing}
    found = [f"no {key}" if text == _ABSENT else f"{key} {text}" for key, (text, differs) in values.items() if differs]
    more = len(found) - _NOTED
    return ", ".join(found[:_NOTED]) + (f" and {more} more" if more > 0 else "")


def sections(settings: Settings, runs: Sequence[Run]) -> list[Section]:
    """The report's sections, without empty ones; experiments that none names come last."""
    by_name = {run.name: run for run in runs}
    named = {name for part in settings.sections for name in part.experiments}
    rest = tuple(name for name in by_name if name not in named)
    parts = [*settings.sections, *([Part(title="Further experiments", experiments=rest)] if rest else [])]
    found = [section(part, by_name) for part in parts]
    return [each for each in found if each.names]


def facts(content: Content) -> list[tuple[str, str]]:
    """What ran, on which images, with which budget and on what machine."""
    roles = dict.fromkeys(run.role for run in content.runs)
    models = sum(len(run.found.seeds) for run in content.runs)
    machines = dict.fromkeys(run.found.machine for run in content.runs)
    found = [("Experiments", f"{len(content.runs)}, with {models} trained models")]
    for role in roles:
        runs = [run for run in content.runs if run.role == role]
        judge, seeds = content.judges[role], sorted({len(run.found.seeds) for run in runs})
        text = (
            f"{', '.join(dict.fromkeys(run.found.source for run in runs))}: {_counted(len(runs), 'experiment')} of "
            f"{' or '.join([*map(str, seeds[:-1]), _counted(seeds[-1], 'seed')])}; the judge is right on "
            f"{100 * judge['accuracy']:.2f} % of {judge['test_images']} real test images"
        )
        found.append((glossary.role(role), text))
    budget = content.budget or "none of the budgets, but params.yaml's own sizes"
    return [*found, ("Budget", budget), ("Machine", "; ".join(machines))]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def render(content: Content) -> str:
    """The page, as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    of_role: dict[str, list[Run]] = {}
    for run in content.runs:
        of_role.setdefault(run.role, []).append(run)
    tables = [
        tabulated(role, content.judges[role], runs, content.settings.metrics.get(role, ()))
        for role, runs in of_role.items()
    ]
    found = sections(content.settings, content.runs)
    places = {name: number for number, each in enumerate(found, 1) for name in each.names}
    return environment.get_template("page.html.j2").render(
        facts=facts(content),
        conclusions=content.conclusions,
        counts=conclusion_charts.counts(content.conclusions),
        verdicts=conclusion_charts,
        tables=tables,
        one_seed=any(cell and cell.one_seed for table in tables for _, cells in table.rows for cell in cells),
        sizes=content.sizes,
        decoders=content.decoders,
        models=Markup(json.dumps([decoder.facts for decoder in content.decoders]).replace("<", "\\u003c")),
        sections=found,
        places=places,
        words=glossary,
        breakable=breakable,
        style=_part("page.css"),
        scripts=[_part("page.js"), _part("explorer.js")],
    )


def breakable(name: str) -> Markup:
    """A name that may go on in another line after an underscore or a dot."""
    return Markup(re.sub(r"([_.])", r"\1<wbr>", str(escape(name))))


def _part(name: str) -> Markup:
    """A file of ours that becomes part of the page as it is."""
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))
