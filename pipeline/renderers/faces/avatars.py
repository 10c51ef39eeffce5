"""Faces with known attributes, put together from the drawn parts of python-avatars (Avataaars by Pablo Stanley).

A face is a choice of one option for each slot. The tables below say which attributes an option shows, so that labels
are exact: a label holds if and only if the drawing shows it. Men have short hair, thick brows and collars, women long
hair, thin brows and wide necklines. Fringes and curls are drawn here, for any hair to have them or not.

Lengths are the units of the package's drawings, 264 x 280. A head is 112 wide around (132, 112), the chin at 186.
"""

import io
import math
import multiprocessing
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
T = TypeVar("T", int, Tensor)
SIZE = 64  # pixels
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

_BATCH = 50  # faces that a worker draws at a time
_FEW = 500  # faces: drawn sooner than other processes start
_LEAST_CONTRAST = 85  # between skin and hair: a distance in RGB, of 442 at most


class Cut(NamedTuple):
    """Hair of the package, with curls and a fringe of our own or without."""

    part: str
    male: bool
    wavy: bool
    bangs: bool
    back: str = ""  # of _BACKS, as the others are of _CURLS and _FRINGES
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

_CLOTHES = {True: ("BLAZER_SHIRT", "COLLAR_SWEATER"), False: ("SHIRT_SCOOP_NECK", "OVERALL")}


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


_TABLES: tuple[Sequence[object], ...] = (CUTS, COLOURS, SKINS, MOUTHS, EYES, BROWS, NOSES, GLASSES, BEARDS)


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
    for slot, options in zip(faces, _TABLES, strict=True):
        total = total * len(options) + slot
    return total


def _contrasts() -> Tensor:
    """(colours, skins) bool: whether hair is seen on skin, so that a fringe or a beard is."""
    hair = torch.tensor([_rgb(colour) for _, colour in COLOURS])
    skin = torch.tensor([_rgb(colour) for colour in SKINS])
    return torch.cdist(hair, skin) >= _LEAST_CONTRAST


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(float(value) for value in bytes.fromhex(colour[1:]))


# Drawing


def draw(
    faces: Faces[Tensor], random: torch.Generator, show: Callable[[int], None] | None = None, workers: int | None = None
) -> Tensor:
    """Pictures (N, 3, 64, 64) uint8, each with a camera, light, clothes and a background of its own.

    `show` is told now and then how many are done. `workers` are processes, by default one for each thread that torch
    may use; pictures do not depend on how many.
    """
    count = len(faces.cut)
    chance = torch.rand(count, len(Shot._fields), generator=random).tolist()
    rows = torch.stack(list(faces), 1).tolist()
    work = [(rows[i : i + _BATCH], chance[i : i + _BATCH]) for i in range(0, count, _BATCH)]
    images = np.empty((count, 3, SIZE, SIZE), np.uint8)
    workers = workers or (1 if count < _FEW else torch.get_num_threads())
    with _mapper(min(workers, len(work))) as over:
        done = 0
        for part in over(_pictures, work):
            images[done : done + len(part)] = part
            done += len(part)
            if show is not None:
                show(done)
    return torch.from_numpy(images)


_Work = tuple[list[list[int]], list[list[float]]]


@contextmanager
def _mapper(workers: int) -> Iterator[Callable[..., Iterator[Bytes]]]:
    if workers == 1:
        yield map
        return
    # A fork is there at once; it is safe as what runs there uses no threads, torch's neither.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        yield pool.map


class Shot(NamedTuple):
    """All that a picture has by chance: numbers from 0 to 1."""

    turn: float
    zoom: float
    across: float
    down: float
    hue: float
    other_hue: float
    vivid: float
    light: float
    other_light: float
    slope: float
    hard: float
    clothes: float
    cloth_hue: float
    cloth_light: float
    mouth: float
    exposure: float
    warmth: float
    lamp: float
    lamp_side: float


def _pictures(work: _Work) -> Bytes:
    import resvg_py
    from PIL import Image

    images = np.empty((len(work[0]), SIZE, SIZE, 3), np.uint8)
    for image, face, chance in zip(images, *work, strict=True):
        shot = Shot(*chance)
        svg = resvg_py.svg_to_bytes(svg_string=compose(Faces(*face), shot), skip_system_fonts=True)
        with Image.open(io.BytesIO(svg)) as png:
            image[:] = _lit(np.asarray(png.convert("RGB")), shot)
    return images.transpose(0, 3, 1, 2)


def _lit(picture: Bytes, shot: Shot) -> Bytes:
    """Under light of a colour and from a side."""
    warm = (shot.warmth - 0.5) * 0.16
    gain = np.float32(0.85 + 0.25 * shot.exposure) * np.array([1 + warm, 1, 1 - warm], np.float32)
    ramp = np.linspace(-1, 1, SIZE, dtype=np.float32)
    side = 2 * math.pi * shot.lamp_side
    fall = 1 + 0.15 * shot.lamp * (math.cos(side) * ramp + math.sin(side) * ramp[:, None])
    return (picture * gain * fall[..., None].astype(np.float32)).clip(0, 255).round().astype(np.uint8)


def compose(face: Faces[int], shot: Shot) -> str:
    """A picture as SVG."""
    cut, mouth = CUTS[face.cut], MOUTHS[face.mouth].part
    hair = COLOURS[face.colour][1]
    brows = BROWS[face.brows] + ("_NATURAL" if cut.male else "")
    clothes = _CLOTHES[cut.male][int(shot.clothes * 2)]
    cloth = f"hsl({360 * shot.cloth_hue:.0f},45%,{25 + 50 * shot.cloth_light:.0f}%)"
    size = 186 + 18 * shot.zoom
    left = 132 - size / 2 + 14 * (shot.across - 0.5)
    top = 110 - size / 2 + 14 * (shot.down - 0.5)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{SIZE}" '
        f'height="{SIZE}" viewBox="{left:.2f} {top:.2f} {size:.2f} {size:.2f}">',
        _background(shot),
        f'<g transform="rotate({12 * (shot.turn - 0.5):.2f} 132 130)" fill="none" fill-rule="evenodd">',
        _BACKS[cut.back].replace("HAIR", hair),
        _part("Body").replace("SKIN", SKINS[face.skin]),
        _part("Clothing", clothes).replace("CLOTH", cloth),
        '<g fill="#000000">',
        _part("Nose", NOSES[face.nose]),
        _scaled(_part("Eyes", EYES[face.eyes]), 1.15, 112),
        _scaled(_part("Eyebrow", brows), 1.1, 112),
        "</g>",
        _part("Top", cut.part).replace("HAIR", hair),
        _CURLS[cut.curls].replace("HAIR", hair),
        _FRINGES[cut.fringe].replace("HAIR", hair),
        _part("Facial-Hair", BEARDS[face.beard]).replace("HAIR", hair),
        # Clear of the beard, for the mouth to be seen.
        f'<ellipse cx="132" cy="151" rx="25" ry="14" fill="{SKINS[face.skin]}"/>' if face.beard else "",
        _scaled(_part("Mouth", mouth), 1.2 + 0.2 * shot.mouth, 148),
        _scaled(_part("Accessory", GLASSES[face.glasses]), 1.1, 112),
        "</g></svg>",
    ]
    return "".join(parts)


def _background(shot: Shot) -> str:
    """A gradient, or two halves, of cool or pale colours, which no hair has."""
    one, other = (
        f"hsl({90 + 190 * hue:.0f},{10 + 40 * shot.vivid:.0f}%,{45 + 35 * light:.0f}%)"
        for hue, light in ((shot.hue, shot.light), (shot.other_hue, shot.other_light))
    )
    near, far = (50, 50) if shot.hard > 0.7 else (20, 80)
    return (
        f'<linearGradient id="wall" gradientTransform="rotate({360 * shot.slope:.0f} 0.5 0.5)">'
        f'<stop offset="{near}%" stop-color="{one}"/><stop offset="{far}%" stop-color="{other}"/></linearGradient>'
        '<rect x="-100" y="-100" width="464" height="480" fill="url(#wall)"/>'
    )


def _scaled(svg: str, factor: float, middle: float) -> str:
    """Larger, about the point of the head's axis at the height `middle`."""
    return f'<g transform="translate(132 {middle}) scale({factor:.3f}) translate(-132 -{middle})">{svg}</g>'


@cache
def _part(slot: str, name: str = "NONE") -> str:
    """An option as the package draws it, in its place, with SKIN, HAIR and CLOTH instead of colours."""
    import python_avatars as avatars

    argument, kind, prefix, place = {
        "Body": ("top", avatars.HairType, "transparent", ""),
        "Clothing": ("clothing", avatars.ClothingType, "transparent", ""),
        "Nose": ("nose", avatars.NoseType, "transparent", "translate(76 82)"),
        "Eyes": ("eyes", avatars.EyeType, "transparent", "translate(76 82)"),
        "Eyebrow": ("eyebrows", avatars.EyebrowType, "transparent", "translate(76 82)"),
        "Mouth": ("mouth", avatars.MouthType, "transparent", "translate(76 82)"),
        "Top": ("top", avatars.HairType, "transparent", ""),
        "Facial-Hair": ("facial_hair", avatars.FacialHairType, "no_hair", ""),
        "Accessory": ("accessory", avatars.AccessoryType, "no_hair", ""),
    }[slot]
    bare: dict[str, Any] = dict.fromkeys(("eyebrows", "eyes", "nose", "mouth", "facial_hair", "accessory", "clothing"))
    colours = {"skin_color": "SKIN", "hair_color": "HAIR", "facial_hair_color": "HAIR", "clothing_color": "CLOTH"}
    avatar = avatars.Avatar(**(bare | colours | {"top": avatars.HairType.NONE} | {argument: kind[name]}))
    drawing = ElementTree.fromstring(avatar.render())
    (group,) = drawing.findall(f".//*[@id='{prefix}_{slot}']")
    shapes = drawing.findall("{*}defs") if slot == "Body" else []
    svg = "".join(ElementTree.tostring(element, encoding="unicode") for element in (*shapes, group))
    # Clipping is the same as these masks, and faster; the one filter, a shadow of the glasses, is not worth its time.
    svg = re.sub("mask=", "clip-path=", re.sub("(</?)mask", r"\1clipPath", re.sub(' filter="[^"]*"', "", svg)))
    return f'<g transform="{place}">{svg}</g>'


def _locks(places: Iterable[tuple[float, float]], radius: float) -> str:
    """Round locks around `places`."""
    circles = (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in places)
    return f'<g fill="HAIR" {_EDGE}>{"".join(circles)}</g>'


def _arch(radius: float, middle: float, step: int) -> Iterator[tuple[float, float]]:
    """Places from ear to ear over the head."""
    for angle in range(-88, 89, step):
        yield 132 + radius * math.sin(math.radians(angle)), middle - radius * math.cos(math.radians(angle))


def _fringe(edge: str, strands: Iterable[str]) -> str:
    """Over the forehead, down to `edge`, a path from its right to its left end."""
    lines = "".join(f'<path d="{strand}"/>' for strand in strands)
    return (
        f'<path d="M82,88 C80,56 98,38 132,38 C166,38 184,56 182,88 {edge} Z" fill="HAIR"/>'
        f'<g {_EDGE}><path d="M182,88 {edge}"/>{lines}</g>'
    )


_EDGE = 'stroke="#000" stroke-opacity="0.35" stroke-width="2.5"'
# Behind the head, down to the shoulders.
_BACKS = {
    "": "",
    "straight": f'<path d="M66,90 C66,16 198,16 198,90 L202,214 L62,214 Z" fill="HAIR" {_EDGE}/>',
    "wavy": _locks([(132 + side * (62 + 5 * (i % 2)), 84 + 20 * i) for i in range(7) for side in (-1, 1)], 19),
}
_CURLS = {"": "", "short": _locks(_arch(57, 88, 22), 12.5), "long": _locks(_arch(58, 86, 22), 15)}
_FRINGES = {
    "": "",
    "straight": _fringe(
        "L170,84 L166,90 L152,84 L146,90 L132,84 L126,90 L112,84 L106,90 L92,84 L82,90",
        (f"M{132 + 12 * i},{50 + 2 * i * i} L{132 + 14 * i},{78}" for i in range(-3, 4)),
    ),
    "wavy": _fringe("q-7,12 -14,0 " * 7, (f"M{104 + 28 * i},{66} q8,-12 16,0 q8,10 16,-2" for i in range(-1, 3))),
}
