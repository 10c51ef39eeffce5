"""What the report shows, and in which order: the block `report` of params.yaml."""

from collections.abc import Mapping

from pydantic import Field

from pipeline.ground.params import Strict


class Part(Strict):
    """experiments: of a section, by name; the first is the one that the others' parameters are held against."""

    title: str = Field(min_length=1)
    experiments: tuple[str, ...] = Field(min_length=1)


class Settings(Strict):
    """metrics: by role, those that tables show first. explorer: VAEs of digits that one can move through.

    sections: in order; experiments that none of them names come last, in one of their own.
    """

    metrics: Mapping[str, tuple[str, ...]]
    explorer: tuple[str, ...]
    sections: tuple[Part, ...]
