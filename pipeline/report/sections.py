"""The page's sections, one a report: how its experiments differ, and their pictures side by side."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.report import glossary
from pipeline.report.embedding import Picture, Reel
from pipeline.report.runs import Run
from pipeline.report.settings import Lead, Part, Settings

_NOTED: Final = 3  # parameters that differ, below a picture
_ABSENT: Final = "–"


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
class Answer:
    """What a section begins with. pictures: the experiment, what is special about it, the figure's kind, the picture;
    conclusions: by id.
    """

    question: str
    pictures: Sequence[tuple[str, str, str, Picture]]
    conclusions: Sequence[str]


@dataclass(frozen=True)
class Screen:
    """A kind of film, of each experiment that has it, as of `Plate`."""

    kind: str
    films: Sequence[tuple[str, str, Reel]]

    @property
    def moments(self) -> int:
        """Frames of the longest of them."""
        return max(len(reel.frames) for _, _, reel in self.films)


@dataclass(frozen=True)
class Section:
    """answers: what it begins with. differing, optimisers: parameters in which its experiments differ; common: those
    that all of them share.
    """

    title: str
    names: Sequence[str]
    answers: Sequence[Answer]
    differing: Sequence[Parameter]
    optimisers: Sequence[Parameter]
    common: Mapping[str, str]
    plates: Sequence[Plate]
    screens: Sequence[Screen]


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
    told = [parameter for parameter in (*others, *players) if parameter.key != "seeds"]  # of which pictures show one
    notes = {name: _note(told, place) for place, name in enumerate(names)}
    kinds = _ordered({kind for name in names for kind in runs[name].pictures})
    plates = [
        Plate(kind, [(n, notes[n], runs[n].pictures[kind]) for n in names if kind in runs[n].pictures])
        for kind in kinds
    ]
    screens = [
        Screen(kind, [(n, notes[n], runs[n].films[kind]) for n in names if kind in runs[n].films])
        for kind in _ordered({kind for name in names for kind in runs[name].films})
    ]
    answers = [found for lead in part.leads if (found := _answer(lead, runs, notes)).pictures]
    return Section(part.title, names, answers, others, players, common, plates, screens)


def _ordered(kinds: Collection[str]) -> list[str]:
    return sorted(kinds, key=lambda kind: (glossary.place(kind), kind))


def _answer(lead: Lead, runs: Mapping[str, Run], notes: Mapping[str, str]) -> Answer:
    """Those of a lead's pictures that there are; what is special is the objective, unless it is the same in several."""
    named = [picture.split("/") for picture in lead.pictures]
    there = [(name, kind) for name, kind in named if name in runs and kind in runs[name].pictures]
    objectives = {name: glossary.objective(runs[name].parameters) for name, _ in there}
    if len(there) == 1 or len(set(objectives.values())) > 1:
        notes = objectives
    found = [(name, notes.get(name, ""), kind, runs[name].pictures[kind]) for name, kind in there]
    return Answer(lead.question, found, lead.conclusions)


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
