"""The report: one HTML page that needs nothing besides itself, made of what the pipeline measured and drew.

Names of classes, sentences of conclusions and the like are anyone's, so all text is escaped; and the page itself tells
browsers to run no script and load nothing but what is listed here, were one to come in all the same.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.conclusions import results
from pipeline.conclusions.results import Result
from pipeline.figures.common.words import legible
from pipeline.report import conclusion_charts, glossary
from pipeline.report.embedding import Picture
from pipeline.report.explorer import Embedded
from pipeline.report.overview import Overview
from pipeline.report.runs import Run
from pipeline.report.sections import sections
from pipeline.report.settings import Settings
from pipeline.report.tables import tabulated
from pipeline.wording.numbers import ALONE_WORDS

MOST: Final = 19_600_000  # characters of the page, that it stays below 20 MB
_TEXT: Final = 500_000  # of them at most for everything but pictures and decoders, or
_EACH: Final = 8_000  # for each experiment, where there are many
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Content:
    """All that the page shows. judges, referees: by role, the files of what they make of real images; budget: the name
    of the one that params.yaml holds, None for none of them; sizes: the picture of how many latent dimensions are
    needed; overview: models side by side; covers: their images, by file; left_out: how many pictures did not fit.
    """

    runs: Sequence[Run]
    settings: Settings
    judges: Mapping[str, Mapping[str, Any]]
    referees: Mapping[str, Mapping[str, Any]]
    conclusions: Sequence[Result]
    decoders: Sequence[Embedded]
    sizes: Picture
    budget: str | None
    overview: Overview = field(default_factory=lambda: Overview((), ""))
    covers: Mapping[Path, Picture] = field(default_factory=dict)
    left_out: int = 0


def room(decoders: Sequence[Embedded], experiments: int) -> int:
    """How many characters are left for pictures."""
    return MOST - max(_TEXT, _EACH * experiments) - sum(len(decoder.weights) for decoder in decoders)


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
            f"{100 * judge['accuracy']:.2f} % of {judge['test_images']} real test images, the referee names "
            f"{100 * content.referees[role]['recognised']:.1f} % of what they show"
        )
        found.append((glossary.role(role), text))
    budget = content.budget or "none of the budgets, but params.yaml's own sizes"
    found += [("Budget", budget), ("Machine", "; ".join(machines))]
    if precisions := sorted({run.found.precision for run in content.runs if run.found.precision}):
        found.append(("Trained in", " or ".join(precisions)))
    if content.left_out:
        more = f"{_counted(content.left_out, 'picture')} more in results/figures and results/showcase"
        found.append(("Not shown", f"{more}, as the page would be larger than {MOST / 1e6:.0f} MB with them"))
    return found


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def render(content: Content) -> str:
    """The page, as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        finalize=_legible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    of_role: dict[str, list[Run]] = {}
    for run in content.runs:
        of_role.setdefault(run.role, []).append(run)
    tables = [
        tabulated(role, content.judges[role], content.referees[role], runs, content.settings.metrics.get(role, ()))
        for role, runs in of_role.items()
    ]
    found = sections(content.settings, content.runs)
    places = {name: number for number, each in enumerate(found, 1) for name in each.names}
    style, first, *scripts = map(_part, ("page.css", "theme.js", "page.js", "explorer.js"))
    return environment.get_template("page.html.j2").render(
        facts=facts(content),
        overview=content.overview,
        covers=content.covers,
        conclusions=content.conclusions,
        concluded={each.id: each for each in content.conclusions},
        counts=results.counts(content.conclusions),
        verdicts=conclusion_charts,
        tables=tables,
        marks={cell.mark for table in tables for _, cells in table.rows for cell in cells if cell and cell.mark},
        alone=ALONE_WORDS,
        sizes=content.sizes,
        decoders=content.decoders,
        models=Markup(json.dumps([_known(decoder) for decoder in content.decoders]).replace("<", "\\u003c")),
        sections=found,
        places=places,
        words=glossary,
        breakable=breakable,
        policy=_policy(style, [first, *scripts]),
        style=style,
        first=first,
        scripts=scripts,
    )


def breakable(name: str) -> Markup:
    """A name that may go on in another line after an underscore or a dot."""
    return Markup(re.sub(r"([_.])", r"\1<wbr>", str(escape(legible(name)))))


def _legible(value: Any) -> Any:
    """What the template puts into the page: others' text with codes for what would turn the text beside it round."""
    return legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _known(decoder: Embedded) -> dict[str, Any]:
    """What the page's scripts know of a decoder."""
    classes = [legible(name) for name in decoder.facts["classes"]]
    return {**decoder.facts, "name": legible(decoder.name), "classes": classes}


def _policy(style: str, scripts: Sequence[str]) -> str:
    """What a browser may do with the page: run these scripts, use this style, show pictures that are in the page."""
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src {_hash(style)}; "
        f"script-src {allowed}"
    )


def _hash(text: str) -> str:
    """As Content Security Policy Level 3 names what stands between a script's tags."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _part(name: str) -> Markup:
    """A file of ours that becomes part of the page as it is."""
    return Markup((_FOLDER / name).read_text(encoding="utf-8"))
