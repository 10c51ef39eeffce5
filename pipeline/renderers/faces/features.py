"""Which faces there are: a choice of one option for each slot.

The tables say which attributes an option shows, so that labels are exact: a label holds if and only if the drawing
shows it. Men have short hair, thick brows and collars, women long hair, thin brows and wide necklines.
"""

from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

T = TypeVar("T", int, Tensor)
ATTRIBUTES = (
    "Bangs",
    "Beard",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Eyeglasses",
    "Male",
    "Mouth_Slightly_Open",
    "Smiling",
    "Wavy_Hair",
)
_LEAST_CONTRAST = 85  # between skin and hair: a distance in RGB, of 442 at most


class Cut(NamedTuple):
    """Hair of the package, with curls and a fringe of our own or without."""

    part: str
    male: bool
    wavy: bool
    bangs: bool
    back: str = ""  # of BACKS, as the others are of CURLS and FRINGES
    curls: str = ""
    fringe: str = ""


class Mouth(NamedTuple):
    part: str
    smiling: bool
    open: bool


CUTS = (
    Cut("SHORT_FLAT", male=True, wavy=False, bangs=False),
    Cut("CAESAR", male=True, wavy=False, bangs=False),
    Cut("POMPADOUR", male=True, wavy=False, bangs=False),
    Cut("SHORT_FLAT", male=True, wavy=False, bangs=True, fringe="straight"),
    Cut("CAESAR", male=True, wavy=False, bangs=True, fringe="straight"),
    Cut("POMPADOUR", male=True, wavy=False, bangs=True, fringe="straight"),
    Cut("SHORT_FLAT", male=True, wavy=True, bangs=False, curls="short"),
    Cut("SHORT_CURLY", male=True, wavy=True, bangs=False, curls="short"),
    Cut("SHORT_FLAT", male=True, wavy=True, bangs=True, curls="short", fringe="wavy"),
    Cut("SHORT_CURLY", male=True, wavy=True, bangs=True, curls="short", fringe="wavy"),
    Cut("STRAIGHT_1", male=False, wavy=False, bangs=False),
    Cut("BUN", male=False, wavy=False, bangs=False, back="straight"),
    Cut("SHORT_FLAT", male=False, wavy=False, bangs=False, back="straight"),
    Cut("STRAIGHT_1", male=False, wavy=False, bangs=True, fringe="straight"),
    Cut("BOB", male=False, wavy=False, bangs=True, fringe="straight"),
    Cut("MIA_WALLACE", male=False, wavy=False, bangs=True),
    Cut("CURLY", male=False, wavy=True, bangs=False),
    Cut("SHORT_FLAT", male=False, wavy=True, bangs=False, back="wavy", curls="long"),
    Cut("CURVY", male=False, wavy=True, bangs=True, fringe="wavy"),
    Cut("CURLY", male=False, wavy=True, bangs=True, fringe="wavy"),
    Cut("SHORT_FLAT", male=False, wavy=True, bangs=True, back="wavy", curls="long", fringe="wavy"),
)
MOUTHS = (
    Mouth("SMILE", smiling=True, open=True),
    Mouth("BIG_SMILE", smiling=True, open=True),
    Mouth("TWINKLE", smiling=True, open=False),
    Mouth("SCREAM_OPEN", smiling=False, open=True),
    Mouth("CONCERNED", smiling=False, open=True),
    Mouth("SERIOUS", smiling=False, open=False),
    Mouth("SAD", smiling=False, open=False),
)
# Three of each kind, so that all kinds are equally frequent; the last have no name among the attributes.
HAIR = {
    "Black_Hair": ("#1A1412", "#241A18", "#14161C"),
    "Blond_Hair": ("#E6C35C", "#DDB556", "#EFD27A"),
    "Brown_Hair": ("#724133", "#7D4A32", "#68392C"),
    "": ("#C93305", "#E8E1E1", "#F59797"),
}
COLOURS = tuple((name, colour) for name, colours in HAIR.items() for colour in colours)
SKINS = ("#FD9841", "#FFDBB4", "#EDB98A", "#D08B5B", "#AE5D29", "#614335")
EYES = ("DEFAULT", "SQUINT", "SURPRISED", "CLOSED")
BROWS = ("DEFAULT", "RAISED_EXCITED", "ANGRY")
NOSES = ("DEFAULT", "SMALL", "WIDE")
GLASSES = ("NONE", "PRESCRIPTION_2", "ROUND")
BEARDS = ("NONE", "BEARD_LIGHT", "BEARD_MEDIUM")


class Faces(NamedTuple, Generic[T]):
    """An index into each table: of one face an int, of N faces a tensor (N,) int64."""

    cut: T
    colour: T
    skin: T
    mouth: T
    eyes: T
    brows: T
    nose: T
    glasses: T
    beard: T


TABLES: tuple[Sequence[object], ...] = (CUTS, COLOURS, SKINS, MOUTHS, EYES, BROWS, NOSES, GLASSES, BEARDS)


def choose(count: int, random: torch.Generator) -> Faces[Tensor]:
    """Faces at random: each attribute as likely as its opposite, independent of all others, but for two.

    Hair has one colour, black, blond, brown and another equally likely, and only men have beards, every other one.
    """

    def any_of(kinds: Iterable[object]) -> Tensor:
        """Indices of options; all kinds are equally likely, and so are the options of a kind."""
        kinds = list(kinds)
        weights = torch.tensor([1 / kinds.count(kind) for kind in kinds])
        return torch.multinomial(weights, count, replacement=True, generator=random)

    cut = any_of(each[1:4] for each in CUTS)
    male = torch.tensor([each.male for each in CUTS])[cut]
    colour = any_of(range(len(COLOURS)))
    skin = (torch.rand(count, len(SKINS), generator=random) * _contrasts()[colour]).argmax(1)
    return Faces(
        cut,
        colour,
        skin,
        mouth=any_of(each[1:] for each in MOUTHS),
        eyes=any_of(EYES),
        brows=any_of(BROWS),
        nose=any_of(NOSES),
        glasses=any_of(part == "NONE" for part in GLASSES),
        beard=any_of(part == "NONE" for part in BEARDS) * male,
    )


def attributes(faces: Faces[Tensor]) -> Tensor:
    """What the faces show: (N, K) uint8, in the order of ATTRIBUTES."""
    columns = {
        "Bangs": torch.tensor([cut.bangs for cut in CUTS])[faces.cut],
        "Beard": faces.beard > 0,
        "Eyeglasses": faces.glasses > 0,
        "Male": torch.tensor([cut.male for cut in CUTS])[faces.cut],
        "Mouth_Slightly_Open": torch.tensor([mouth.open for mouth in MOUTHS])[faces.mouth],
        "Smiling": torch.tensor([mouth.smiling for mouth in MOUTHS])[faces.mouth],
        "Wavy_Hair": torch.tensor([cut.wavy for cut in CUTS])[faces.cut],
    }
    for name in filter(None, HAIR):
        columns[name] = torch.tensor([kind == name for kind, _ in COLOURS])[faces.colour]
    return torch.stack([columns[name] for name in ATTRIBUTES], 1).to(torch.uint8)


def numbers(faces: Faces[Tensor]) -> Tensor:
    """(N,) int64, equal for equal faces only."""
    total = torch.zeros_like(faces.cut)
    for slot, options in zip(faces, TABLES, strict=True):
        total = total * len(options) + slot
    return total


def _contrasts() -> Tensor:
    """(colours, skins) bool: whether hair is seen on skin, so that a fringe or a beard is."""
    hair = torch.tensor([_rgb(colour) for _, colour in COLOURS])
    skin = torch.tensor([_rgb(colour) for colour in SKINS])
    return torch.cdist(hair, skin) >= _LEAST_CONTRAST


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(float(value) for value in bytes.fromhex(colour[1:]))
