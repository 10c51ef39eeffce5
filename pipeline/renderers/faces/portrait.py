"""A face as SVG, put together from the drawn parts of python-avatars (Avataaars by Pablo Stanley).

Lengths are the units of the package's drawings, 264 x 280. A head is 112 wide around (132, 112), the chin at 186.
"""

import re
from functools import cache
from typing import Any, NamedTuple
from xml.etree import ElementTree

from pipeline.renderers.faces.features import BEARDS, BROWS, COLOURS, CUTS, EYES, GLASSES, MOUTHS, NOSES, SKINS, Faces
from pipeline.renderers.faces.hair import BACKS, CURLS, FRINGES

SIZE = 64  # pixels
_CLOTHES = {True: ("BLAZER_SHIRT", "COLLAR_SWEATER"), False: ("SHIRT_SCOOP_NECK", "OVERALL")}


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
        BACKS[cut.back].replace("HAIR", hair),
        _part("Body").replace("SKIN", SKINS[face.skin]),
        _part("Clothing", clothes).replace("CLOTH", cloth),
        '<g fill="#000000">',
        _part("Nose", NOSES[face.nose]),
        _scaled(_part("Eyes", EYES[face.eyes]), 1.15, 112),
        _scaled(_part("Eyebrow", brows), 1.1, 112),
        "</g>",
        _part("Top", cut.part).replace("HAIR", hair),
        CURLS[cut.curls].replace("HAIR", hair),
        FRINGES[cut.fringe].replace("HAIR", hair),
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
