"""Fringes and curls, drawn here for any hair to have them or not: SVG, with HAIR instead of a colour."""

import math
from collections.abc import Iterable, Iterator


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
BACKS = {
    "": "",
    "straight": f'<path d="M66,90 C66,16 198,16 198,90 L202,214 L62,214 Z" fill="HAIR" {_EDGE}/>',
    "wavy": _locks([(132 + side * (62 + 5 * (i % 2)), 84 + 20 * i) for i in range(7) for side in (-1, 1)], 19),
}
CURLS = {"": "", "short": _locks(_arch(57, 88, 22), 12.5), "long": _locks(_arch(58, 86, 22), 15)}
FRINGES = {
    "": "",
    "straight": _fringe(
        "L170,84 L166,90 L152,84 L146,90 L132,84 L126,90 L112,84 L106,90 L92,84 L82,90",
        (f"M{132 + 12 * i},{50 + 2 * i * i} L{132 + 14 * i},{78}" for i in range(-3, 4)),
    ),
    "wavy": _fringe("q-7,12 -14,0 " * 7, (f"M{104 + 28 * i},{66} q8,-12 16,0 q8,10 16,-2" for i in range(-1, 3))),
}
