"""What the page asks to be drawn, and what a model lets it ask for."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Self
from urllib.parse import parse_qs

from pydantic import Field, ValidationError

from pipeline.contracts.images import Kind
from pipeline.contracts.model import Drawer
from pipeline.ground.errors import InputError
from pipeline.ground.params import Strict

REACH: Final = 3.0  # how far a direction's slider goes, either way, in deviations of the model's own latents
OBJECTS: Final = 3  # at most, in one scene
_FIELDS: Final = 64  # of a query, at most

Draw = Annotated[int, Field(ge=0, lt=2**31)]
Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Facts:
    """What the page knows of an experiment.

    seeds: of its trained models. drawers: which of a generator and its average can draw; empty without an average.
    classes: names of the labels that it heeds, and kind, of labels; real: sets of them that real images have, where
    there are any to look at. codes: how many it has, if any. directions: how many it can be moved along. latents: what
    it draws when it samples, in words.
    """

    name: str
    family: str
    network: str
    source: str
    shape: tuple[int, int, int]
    latent: int
    latents: str
    seeds: tuple[int, ...]
    drawers: tuple[Drawer, ...]
    drawer: Drawer | None
    kind: Kind
    classes: tuple[str, ...]
    real: tuple[tuple[str, ...], ...]
    codes: int
    directions: int
    reach: float = REACH
    objects: int = OBJECTS

    def usual(self) -> dict[str, Any]:
        """Fields of the point that a page begins at."""
        label = self.real[0] if self.real else self.classes[:1] if self.kind != "attributes" else ()
        return {"seed": self.seeds[0], "drawer": self.drawer, "label": label}


class Point(Strict):
    """A point of the latent space, and what is drawn there by whom.

    seed: which trained model. drawer: None as it is trained to. start, end: numbers of two random latents, as
    `latentlab sample --seed`; share: how far from the one to the other. moves: along the first directions, in
    deviations. label: names. code, other: from 1 on; mixed: the share of the other.
    """

    seed: int
    drawer: Drawer | None = None
    start: Draw = 0
    end: Draw = 1
    share: Share = 0.0
    moves: tuple[Annotated[float, Field(ge=-REACH, le=REACH)], ...] = ()
    label: tuple[str, ...] = ()
    code: int = Field(default=1, ge=1)
    other: int = Field(default=1, ge=1)
    mixed: Share = 0.0

    def but(self, **fields: Any) -> Self:
        return self.model_copy(update=fields)

    def moved(self, direction: int, move: float) -> Self:
        """The same, at `move` along one direction."""
        moves = [*self.moves, *[0.0] * (direction + 1 - len(self.moves))]
        moves[direction] = move
        return self.but(moves=tuple(moves))


def parse(query: str, facts: Facts) -> Point:
    """The point that a URL's query asks for. Raises InputError, one line, for whatever the model does not have."""
    try:
        found = parse_qs(query, keep_blank_values=True, strict_parsing=True, max_num_fields=_FIELDS) if query else {}
    except ValueError as error:
        raise InputError(f"query: {error}") from None
    fields: dict[str, Any] = {"label": tuple(found.pop("label", ()))}
    for key, values in found.items():
        if len(values) > 1:
            raise InputError(f"{key}: expected it once, found it {len(values)} times")
        fields[key] = tuple(values[0].split(",")) if key == "moves" else values[0]
    try:
        point = Point.model_validate({"seed": facts.seeds[0], **fields})
    except ValidationError as error:
        fault = error.errors()[0]
        if fault["type"] == "extra_forbidden":
            raise InputError(f"{fault['loc'][0]}: expected one of {', '.join(Point.model_fields)}") from None
        raise InputError(f"{fault['loc'][0]}: {fault['msg']}, found {str(fault['input'])!r}") from None
    _check(point, facts)
    return point


def _check(point: Point, facts: Facts) -> None:
    """Raises InputError for what this model does not have."""
    if point.seed not in facts.seeds:
        raise InputError(f"seed: expected one of {', '.join(map(str, facts.seeds))}, found {point.seed}")
    if point.drawer is not None and point.drawer not in facts.drawers:
        raise InputError(f"drawer: {facts.name} has no average of its weights, found {point.drawer!r}")
    if len(point.moves) > facts.directions:
        raise InputError(f"moves: expected at most {facts.directions}, found {len(point.moves)}")
    if max(point.code, point.other) > max(1, facts.codes):
        known = f"numbers from 1 to {facts.codes}" if facts.codes else f"none, as {facts.name} has no codes"
        raise InputError(f"code, other: expected {known}, found {point.code}, {point.other}")
    unknown = [name for name in point.label if name not in facts.classes]
    if unknown:
        known = f"one of {', '.join(facts.classes)}" if facts.classes else f"none, as {facts.name} is not conditional"
        raise InputError(f"label: expected {known}, found {unknown[0]!r}")
    named = len(set(point.label))
    if facts.classes and facts.kind == "classes" and named != 1:
        raise InputError(f"label: expected one class, found {named}")
    if facts.classes and facts.kind == "objects" and not 1 <= named <= OBJECTS:
        raise InputError(f"label: expected 1 to {OBJECTS} objects, found {named}")
