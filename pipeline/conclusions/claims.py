"""What conclusions.yaml may say: the reports' conclusions, as claims about metrics.

Light to import, as `latentlab check` reads the file too.
"""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import Field, StringConstraints, model_validator

from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.ground.params import Strict
from pipeline.statistics.measurements import Measured

FILE: Final = Path("conclusions.yaml")
FORMS: Final = "one of higher_than (by), lower_than (by), close_to and within, above and/or below, changes_less_than"
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
T = TypeVar("T")


class Claim(Strict):
    """What is claimed of a metric, in one of these forms. unit: of the metric, for showing it.

    higher_than, lower_than: the mean `of` one experiment lies above or below another's, by more than `by` (0).
    close_to: the two differ by less than `within` times the other's |mean|.
    above, below: the mean lies above a number, below one, or between two.
    changes_less_than: the mean differs less between the two experiments `of` than between two others.
    """

    metric: Text
    of: Text | tuple[Text, Text]
    higher_than: Text | None = None
    lower_than: Text | None = None
    by: float | None = Field(None, ge=0)
    close_to: Text | None = None
    within: float | None = Field(None, gt=0)
    above: float | None = None
    below: float | None = None
    changes_less_than: tuple[Text, Text] | None = None
    unit: str = ""

    @property
    def given(self) -> frozenset[str]:
        """The keys that make its form."""
        return frozenset(key for key, value in self if value is not None) - {"metric", "of", "unit"}

    @property
    def experiments(self) -> tuple[str, ...]:
        """Those whose metric it needs; of two pairs: those of `of` first."""
        other = self.higher_than or self.lower_than or self.close_to or self.changes_less_than
        return *_names(self.of), *_names(other or ())

    @model_validator(mode="after")
    def _has_one_form(self) -> "Claim":
        sides = ({"higher_than"}, {"higher_than", "by"}, {"lower_than"}, {"lower_than", "by"})
        others = ({"close_to", "within"}, {"above"}, {"below"}, {"above", "below"}, {"changes_less_than"})
        if self.given not in (*sides, *others):
            raise ValueError(f"expected {FORMS}; found {', '.join(sorted(self.given)) or 'none'}")
        if isinstance(self.of, tuple) != (self.changes_less_than is not None):
            raise ValueError("expected `of` to be two experiments with changes_less_than, one with any other form")
        if any(one == other for one, other in compared(self.experiments)):
            raise ValueError(f"expected different experiments, found {', '.join(self.experiments)}")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError("expected above to be the smaller of the two bounds")
        return self

    @property
    def text(self) -> str:
        """As a clause: sharpness is higher for fc_vae_layers4 than for fc_vae."""
        names = self.experiments
        if self.changes_less_than:
            return f"{self.metric} changes less from {names[0]} to {names[1]} than from {names[2]} to {names[3]}"
        if self.within:
            return f"{self.metric} of {names[0]} is within {100 * self.within:g} % of that of {names[1]}"
        if len(names) == 2:
            side, margin = "higher" if self.higher_than else "lower", f", by more than {self.by:g}" if self.by else ""
            return f"{self.metric} is {side} for {names[0]} than for {names[1]}{margin}"
        return f"{self.metric} of {names[0]} is {_range(self.above, self.below)}"

    def bounds(self, sides: Sequence[Measured]) -> tuple[float, float]:
        """Between which its effect must lie; sides: the metric of its experiments, none where it is not measured."""
        if self.within:
            band = self.within * abs(sides[1].mean) if sides else math.inf
            return -band, band
        if self.higher_than:
            return self.by or 0.0, math.inf
        if self.lower_than:
            return -math.inf, 0.0 - (self.by or 0.0)
        if self.changes_less_than:
            return -math.inf, 0.0
        return -math.inf if self.above is None else self.above, math.inf if self.below is None else self.below


class Requirement(Strict):
    """What an experiment's key of params.yaml, dotted, must be: above or below a number, or equal to a value."""

    experiment: Text
    key: Text
    above: float | None = None
    below: float | None = None
    equals: bool | int | float | str | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> "Requirement":
        if (self.equals is None) == (self.above is None and self.below is None):
            raise ValueError("expected either equals, or above and/or below")
        return self

    @property
    def text(self) -> str:
        wanted = _range(self.above, self.below) if self.equals is None else f"equal to {self.equals}"
        return f"{self.experiment}.{self.key} {wanted}"

    def met(self, experiments: Mapping[str, Any]) -> bool:
        value: Any = experiments[self.experiment]
        for part in self.key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        try:
            number = float(value)  # YAML 1.1 takes 1e-3 for a string
        except (TypeError, ValueError):
            return self.equals is not None and bool(value == self.equals)
        if self.equals is not None:
            return self.equals in (value, number)
        return (self.above is None or number > self.above) and (self.below is None or number < self.below)


class Conclusion(Strict):
    """sentence: what a report concluded. measured: how that is measured here, in plain words. looks: how often it has
    been tested, this time included, with seeds that were added because it was open; `latentlab decide` counts them.
    """

    sentence: Text
    measured: Text
    looks: int = Field(1, ge=1)
    claims: tuple[Claim, ...] = Field(min_length=1)
    requires: tuple[Requirement, ...] = ()

    @property
    def experiments(self) -> list[str]:
        """All it is about, each once."""
        named = [name for claim in self.claims for name in claim.experiments]
        return list(dict.fromkeys([*named, *(each.experiment for each in self.requires)]))


def load(path: Path = FILE) -> dict[str, Conclusion]:
    """The conclusions by id, in the file's order. Raises InputError naming the first fault."""
    return {str(name): parse(name, value) for name, value in params.load(path).items()}


def parse(name: Any, value: Any) -> Conclusion:
    """One entry. Raises InputError naming each wrong key."""
    if not re.fullmatch("[A-Z][1-9][0-9]*", str(name)):
        raise InputError(f"{FILE}: expected ids of the report's letter and a number, such as A1; found {name!r}")
    try:
        return params.parse(Conclusion, value, str(name))
    except InputError as error:
        raise InputError(f"{FILE}: {str(error).removeprefix(f'{params.PARAMS}: ')}") from None


def counted(text: str, names: Collection[str]) -> str:
    """The file's text with one look more at each of the conclusions; all else stays as it is."""
    from ruamel.yaml import YAML

    content = YAML().load(text)
    lines = text.splitlines(keepends=True)
    for name in sorted(names, key=lambda each: -content[each].lc.line):  # from the end, as lines move
        block = content[name]
        looks = block.get("looks", 1) + 1
        told = f"{' ' * block.lc.col}looks: {looks} # each at a level of its own; `latentlab decide` counts them\n"
        if "looks" in block:
            lines[block.lc.key("looks")[0]] = told
        else:
            lines.insert(block.lc.line, told)
    return "".join(lines)


def faults(content: Mapping[Any, Any]) -> list[str]:
    """What is wrong with the file's content, a line an entry."""
    found = []
    for name, value in content.items():
        try:
            parse(name, value)
        except InputError as error:
            found.append(str(error))
    return found


def compared(sides: Sequence[T]) -> list[tuple[T, T]]:
    """The first with the second, the third with the fourth."""
    return list(zip(sides[::2], sides[1::2], strict=False))


def _names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _range(above: float | None, below: float | None) -> str:
    """In words; at least one is given."""
    if above is None:
        return f"below {below:g}"
    return f"above {above:g}" if below is None else f"between {above:g} and {below:g}"
