"""Heat maps: colours make no pattern of noise, and the look is the theme's."""

from pipeline.comparison import heatmap
from pipeline.figures.common import style
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
