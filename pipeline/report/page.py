"""The report: one HTML page that needs nothing besides itself."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from pipeline.report.table import Metrics, text

WIDE = 1300  # pixels


@dataclass(frozen=True)
class Picture:
    """A PNG and what it shows."""

    title: str
    path: Path

    @property
    def data(self) -> str:
        """The picture as a data URI: as WebP, a third of the PNG, which stays in its folder."""
        content = io.BytesIO()
        with Image.open(self.path) as png:
            png.convert("RGB").save(content, format="WEBP", quality=70, method=1)
        return "data:image/webp;base64," + base64.b64encode(content.getvalue()).decode()

    @property
    def wide(self) -> bool:
        """Whether its text would be too small to read in one of several columns."""
        return int.from_bytes(self.path.read_bytes()[16:20], "big") > WIDE  # a PNG's width stands there


def flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested parameters with dotted keys, as DVC's commands name them."""
    found: dict[str, Any] = {}
    for key, value in parameters.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


@dataclass(frozen=True)
class Section:
    """One experiment: its parameters by dotted key, its metrics and its pictures."""

    name: str
    parameters: Mapping[str, Any]
    metrics: Metrics
    pictures: Sequence[Picture]

    def text(self, metric: str) -> str:
        """The metric's number, or a dash where the experiment has none."""
        return text(self.metrics[metric]) if metric in self.metrics else "–"


@dataclass(frozen=True)
class Table:
    """The results of a role's experiments. lines: of cells, each a text and the id of what it leads to, or none."""

    role: str
    judge: Mapping[str, Any]
    head: Sequence[tuple[str, str]]
    lines: Sequence[Sequence[tuple[str, str]]]


def tabulated(role: str, judge: Mapping[str, Any], sections: Sequence[Section], better: Mapping[str, str]) -> Table:
    """An experiment a line, or, where there are many more metrics than experiments, a metric a line."""
    arrows = {"higher": " ↑", "lower": " ↓", "neither": ""}
    names = [name for name in better if any(name in section.metrics for section in sections)]
    columns = [
        [("experiment", ""), *((section.name, section.name) for section in sections)],
        *([(name + arrows[better[name]], ""), *((section.text(name), "") for section in sections)] for name in names),
    ]
    turned = columns if len(names) > 2 * len(sections) else list(zip(*columns, strict=True))
    return Table(role, judge, turned[0], turned[1:])


def render(
    sections: Sequence[Section],
    better: Mapping[str, str],
    judges: Mapping[str, Any],
    advice: Picture | None,
    beside: Sequence[Picture],
) -> str:
    """The page. better: `higher`, `lower` or `neither` for each metric; judges: by role, the judge's accuracy file.

    beside: pictures of two experiments each.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    of_role = {role: [section for section in sections if section.parameters["data"] == role] for role in judges}
    tables = [tabulated(role, judges[role], found, better) for role, found in of_role.items() if found]
    shared = {key: value for key, value in sections[0].parameters.items() if _shared(key, value, sections)}
    page = environment.get_template("page.html.j2")
    return page.render(sections=sections, tables=tables, advice=advice, shared=shared, beside=beside)


def _shared(key: str, value: Any, sections: Sequence[Section]) -> bool:
    return all(section.parameters.get(key) == value for section in sections)
