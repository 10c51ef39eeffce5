"""What the report shows, and in which order: the block `report` of params.yaml."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from pipeline.ground.params import Strict


class Lead(Strict):
    """What a section begins with. question: of the report. pictures: that answer it, each EXPERIMENT/FIGURE.

    conclusions: by their name in conclusions.yaml, what the report answered, and whether it holds.
    """

    question: str = Field(min_length=1)
    pictures: tuple[Annotated[str, StringConstraints(pattern=r"^\w+/\w+$")], ...] = Field(min_length=1)
    conclusions: tuple[str, ...] = ()


class Part(Strict):
    """experiments: of a section, by name; the first is the one that the others' parameters are held against."""

    title: str = Field(min_length=1)
    leads: tuple[Lead, ...] = ()
    experiments: tuple[str, ...] = Field(min_length=1)


class Settings(Strict):
    """metrics: by role, those that tables show first. explorer: VAEs of digits that one can move through.

    overview: experiments whose images stand side by side at the top, in order; those that there are.
    sections: in order; experiments that none of them names come last, in one of their own.
    """

    metrics: Mapping[str, tuple[str, ...]]
    explorer: tuple[str, ...]
    overview: tuple[str, ...] = ()
    sections: tuple[Part, ...]
