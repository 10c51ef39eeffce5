"""Heat maps: colours make no pattern of noise, and the look is the theme's."""

from pathlib import Path

import pytest
from comparison import made_runs

from pipeline.comparison import heatmap
from pipeline.comparison.grid import fields
from pipeline.figures.common import style
from pipeline.ground.errors import InputError
from pipeline.statistics.intervals import Estimate


def test_colours_make_no_pattern_of_noise() -> None:
    wide = [Estimate(value, value - 10, value + 10, 3) for value in (1.0, 2.0, 3.0)]
    assert heatmap.span(wide) == (-8.0, 12.0)
    narrow = [Estimate(value, value - 0.1, value + 0.1, 3) for value in (1.0, 2.0, 3.0)]
    assert heatmap.span(narrow) == (1.0, 3.0)
    low, high = heatmap.span([Estimate(1.0, None, None, 1)])
    assert low < 1.0 < high


def test_the_look_is_that_of_all_pictures() -> None:
    names = ("DPI", "FONT", "TITLE_SIZE", "TEXT_SIZE", "SMALL_SIZE", "INK", "GREY", "FAINT", "PAPER")
    assert [getattr(heatmap, name) for name in names] == [getattr(style, name) for name in names]
    assert style.PALETTE[0] == heatmap.BLUE


def test_more_than_a_picture_holds_is_refused_in_a_line(tmp_path: Path) -> None:
    base = made_runs.revision("base", -90.0)
    found = fields(made_runs.summary(base, made_runs.revision("a", -80.0, latent=5)))
    with pytest.raises(InputError, match=r"--heatmap: expected at most \d+ metrics, found 201; choose some"):
        heatmap.draw(found * (heatmap.PANELS + 1), "base", {"experiments.vae.latent": "latent"}, tmp_path / "a.png")
    heads = [made_runs.revision(f"{n}", -80.0 + n, latent=n, layers=m) for n in range(600) for m in (1, 2)]
    wide = fields(made_runs.summary(base, *heads))
    names = {key: key for key in (wide[0].down[0], wide[0].across[0])}
    with pytest.raises(InputError, match=r"--heatmap: expected a picture of at most 65,000 pixels a side, found"):
        heatmap.draw(wide, "base", names, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
