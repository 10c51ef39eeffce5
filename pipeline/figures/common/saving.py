"""Where what a figure's `draw` returns goes: charts and grids to results/figures, what one would show to showcase."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pipeline.figures.common import film, style
from pipeline.figures.common.film import Film
from pipeline.figures.common.plain import Plain
from pipeline.ground.files import replacing

Drawn = Figure | Film | Plain | Mapping[str, Figure] | None


def save(drawn: Drawn, results: Path, name: str, figure: str) -> None:
    """Writes what a figure of an experiment is; nothing where it does not apply.

    A figure becomes figures/NAME/FIGURE.png, each of several FIGURE_PART.png; a film showcase/NAME/FIGURE.webp; a plain
    picture showcase/NAME/FIGURE.png. DVC shows all that lies in `figures`, and knows no WebP.
    """
    figures, showcase = (results / folder / name / figure for folder in ("figures", "showcase"))
    if isinstance(drawn, Mapping):
        for part, picture in drawn.items():
            style.save(picture, figures.with_name(f"{figure}_{part}.png"))
    elif isinstance(drawn, Figure):
        style.save(drawn, figures.with_suffix(".png"))
    elif isinstance(drawn, Film):
        film.save(drawn, showcase.with_suffix(".webp"))
    elif isinstance(drawn, np.ndarray):
        with replacing(showcase.with_suffix(".png")) as beside:
            Image.fromarray(drawn).save(beside, format="PNG")
