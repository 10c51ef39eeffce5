"""Names of classes are anyone's: in any script, of any length, and no formulas; and there may be many of them."""

import string
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import figure_inputs
import pytest
import torch
from figure_inputs import Averager, Coder, Writer, faces, observer, rows, scenes
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from pipeline.contracts.images import Kind
from pipeline.contracts.model import GenerativeModel
from pipeline.figures import classes, interpolation, learning, reconstructions
from pipeline.figures.common import saving, style
from pipeline.figures.common.inputs import Inputs
from pipeline.figures.common.lettering import ELLIPSIS, settable, shortened
from pipeline.figures.common.words import legible
from pipeline.ground import storage

LONG = "a long name of many words" * 12
NAMES = (
    "<script>alert(1)</script>",
    "$x^2$",
    "$\\frac$",
    "$100 and $5",
    "\u202eevil",
    "文字",
    "🙂 smile",
    "w" * 300,
    f"{LONG} one",
    f"{LONG} two",
    "שלום é ñ",
)
LETTERS = tuple(string.ascii_uppercase)
BALANCED = (*string.digits, *LETTERS, *"abdefghnqrt")  # EMNIST's


class Small(Writer):
    """A writer of 28x28 images of no more than 28 labels."""

    def generate(self, latents: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        images = latents[:, :, None, None].repeat(1, 1, 28, 28)
        images[:, :, 0, : labels.shape[1]] = labels[:, None, :28]
        return images


def named(names: tuple[str, ...], kind: Kind, model: GenerativeModel | None = None) -> Inputs:
    test = scenes(names, kind=kind)
    if kind == "attributes":
        test = replace(test, conditions={})

    def seen(images: torch.Tensor) -> torch.Tensor:
        return images[:, 0, 0, : len(names)] * 2 - 1

    return Inputs("an_experiment", {0: model or Writer()}, {0: rows(0)}, {}, seen, seen, test, 0)


def small(names: tuple[str, ...]) -> Inputs:
    inputs = named(names, "classes", Small())
    blank = torch.zeros(len(inputs.test), 1, 28, 28, dtype=torch.uint8)
    return replace(inputs, test=replace(inputs.test, images=blank))


def drawn(figure: str, inputs: Inputs) -> list[Figure]:
    found: Any = import_module(f"pipeline.figures.{figure}").draw(inputs)
    return [] if found is None else list(found.values()) if isinstance(found, dict) else [found]


def texts(figure: Figure) -> list[Text]:
    return [each for each in figure.findobj(Text) if isinstance(each, Text) and each.get_text()]


def fits(figure: Figure) -> bool:
    """Whether every text lies in the figure, as it is drawn."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    renderer, bounds = canvas.get_renderer(), figure.bbox
    boxes = [each.get_window_extent(renderer) for each in texts(figure) if each.get_visible()]
    return all(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= bounds.x1 + 1 and box.y1 <= bounds.y1 + 1 for box in boxes)


@pytest.mark.parametrize("kind", ["classes", "objects", "attributes"])
@pytest.mark.parametrize("figure", ["classes", "interpolation", "conditions", "flips", "corners", "real_fake"])
def test_any_name_is_set_within_the_figure(figure: str, kind: Kind, tmp_path: Path) -> None:
    """A glyph that is missing, and a formula that is none, would be warnings and errors."""
    for number, each in enumerate(drawn(figure, named(NAMES, kind))):
        assert fits(each)
        assert each.bbox.width < 3000
        style.save(each, tmp_path / f"{number}.png")


def test_any_name_is_set_on_maps_and_below_codes(tmp_path: Path) -> None:
    test = replace(faces(), classes=NAMES[1:9])
    for figure, model in (("latent_map", Averager()), ("codes", Coder())):
        found = drawn(figure, Inputs("some_faces", {0: model}, {}, {}, observer, observer, test, 0))
        assert found
        assert all(map(fits, found))


@pytest.mark.parametrize("name", ["$x^2$", "$\\frac$", "$", "a $b$ c", "\\$5"])
def test_a_dollar_is_a_dollar(name: str) -> None:
    (figure,) = drawn("classes", named((name, "b"), "classes"))
    assert fits(figure)
    labels = [each for each in texts(figure) if each.get_text() == name]
    assert labels
    assert not any(label.get_parse_math() for label in labels)
    other = style.image_grid(torch.zeros(1, 1, 8, 8), 1, name, name, row_labels=[name], column_labels=[name])
    assert fits(other)


def test_long_names_keep_both_ends_and_stay_apart() -> None:
    (figure,) = drawn("classes", named(NAMES, "classes"))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(set(labels)) == len(NAMES)
    assert labels[8].startswith("a long name")
    assert labels[8].endswith("one")
    assert ELLIPSIS in labels[8]
    assert style.text_width(labels[8], style.TEXT_SIZE) <= style.LABEL


def test_what_the_type_lacks_stands_as_its_code() -> None:
    assert settable("文字") == "\\u6587\\u5b57"
    assert settable("🙂 smile") == "\\U0001f642 smile"
    assert settable("a\u202eb\x1b[31m\x00") == "a\\u202eb\\x1b[31m\\x00"
    assert settable("é ñ ✓ … −\nZ") == "é ñ ✓ … −\nZ"


@given(st.text())
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_set(text: str) -> None:
    found = settable(text)
    assert found.replace("\n", "").isprintable() or legible(found) == found
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        width = style.text_width(style.fitted(text.replace("\n", " "), 1.0, style.TEXT_SIZE), style.TEXT_SIZE)
    assert width <= 1.0


@given(st.text("abc", min_size=1), st.integers(1, 20))
def test_what_is_cut_is_as_long_as_fits(text: str, width: int) -> None:
    found = shortened(text, width, len)
    if len(text) <= width:
        assert found == text
    else:
        assert len(found) == width
        start, end = found.split(ELLIPSIS)
        assert text.startswith(start)
        assert text.endswith(end)
        assert 0 <= len(start) - len(end) <= 1


@pytest.mark.parametrize(("names", "columns"), [(("a", "b", "c"), 10), (LETTERS, 20), (BALANCED, 20)])
def test_every_class_has_a_row_smaller_where_there_are_many(names: tuple[str, ...], columns: int) -> None:
    inputs = small(names)
    (figure,) = drawn("classes", inputs)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(names)
    assert fits(figure)
    assert figure.bbox.height < 3000
    assert "each column: one latent, every class" in caption(figure)
    scale = 1150 // (columns * 28)
    assert figure.axes[0].get_xlim()[1] == columns * (28 * scale + 3) - 3


def test_of_very_many_classes_the_first_are_shown_and_said_to_be() -> None:
    names = tuple(f"class {number}" for number in range(200))
    (figure,) = drawn("classes", small(names))
    assert len(figure.axes[0].get_yticklabels()) == classes.ROWS
    assert "each of the first 50 of 200 classes" in caption(figure)


@pytest.mark.parametrize(("count", "said"), [(3, False), (10, False), (26, True), (47, True)])
def test_what_figures_of_a_few_classes_leave_out_they_say(count: int, said: bool, tmp_path: Path) -> None:
    inputs = small(BALANCED[:count])
    told = {interpolation: f"the first 12 of {count} classes", reconstructions: f"the first 10 of {count} classes"}
    for figure, words in told.items():
        model = Small() if figure is interpolation else Averager()
        found = figure.draw(replace(inputs, models={0: model}) if figure is interpolation else painted(inputs, model))
        assert found is not None
        assert (words in caption(found)) == said
        assert ("of the first" in caption(found)) == said
    storage.write(tmp_path / "seed0-1.safetensors", {}, {"iteration": 1, "images_seen": 2})
    film = learning.draw(replace(inputs, kept=[tmp_path / "seed0-1.safetensors"]))
    assert film is not None
    assert film.lines[0].endswith(f"the first 10 of {count} classes") == said
    saving.save(film, tmp_path, "a_model", "learning")


def painted(inputs: Inputs, model: GenerativeModel) -> Inputs:
    colours = torch.zeros(len(inputs.test), 3, 64, 64, dtype=torch.uint8)
    return replace(inputs, models={0: model}, test=replace(inputs.test, images=colours))


def caption(figure: Figure) -> str:
    """Of a figure, in one line."""
    return figure.texts[1].get_text().replace("\n", " ")


def test_the_look_of_usual_names_is_as_it_was() -> None:
    for name in (*figure_inputs.ATTRIBUTES, *figure_inputs.OBJECTS, "recognised", "without"):
        assert style.fitted(f"saw {name}", style.NOTE, style.SMALL_SIZE) == f"saw {name}"
        assert style.fitted(name, style.LABEL, style.TEXT_SIZE) == name
