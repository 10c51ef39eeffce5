"""Learning curves: lines, units, limits, spikes and peaks."""

import math
from dataclasses import replace

import numpy as np
import pytest
from figure_inputs import INPUTS, blind, digits, rows, two_players
from figure_reading import assert_well_set, caption, drawn, legend, tick_labels, titles

from pipeline.figures import curves
from pipeline.figures.common.inputs import Inputs


@pytest.mark.parametrize(
    ("name", "lines"),
    [("conditional", 3 + 1), ("one seed", 1), ("gan", 1), ("scenes", 3 + 1), ("scenes of one seed", 1)],
)
def test_curves_have_a_line_a_seed_and_the_mean(name: str, lines: int) -> None:
    inputs = INPUTS[name]
    found, all_curves = drawn("curves", inputs), list(inputs.curves.values())
    assert len(found.legends) == (lines > 1 or len(curves.players(all_curves)) > 1)
    for axes, shown in zip(found.axes, curves.panels(all_curves).values(), strict=True):
        assert len(axes.lines) == lines * len(shown)
        bold = [line for line in axes.lines if line.get_linewidth() > 1]
        for line, values in zip(bold, shown.values(), strict=True):
            assert values.shape == (len(inputs.models), 60)
            np.testing.assert_allclose(np.asarray(line.get_ydata()), values.mean(0))


def test_curves_name_terms_and_units() -> None:
    found = drawn("curves", INPUTS["conditional"])
    assert titles(found) == ["loss", "reconstruction", "KL"]
    assert {axes.get_ylabel() for axes in found.axes} == {"nats per image"}
    assert "each point the mean of 10 iterations" in caption(found)
    found = drawn("curves", INPUTS["gan"])
    # A player with a single term has the same numbers twice.
    assert titles(found) == ["loss of each player", "discriminator real", "discriminator fake"]
    assert {axes.get_ylabel() for axes in found.axes} == {"loss"}


@pytest.mark.parametrize("first", ["discriminator", "critic"])
def test_curves_of_players_are_together_and_told_apart(first: str) -> None:
    names = [f"{first}_{term}" for term in ("real", "fake", "penalty")]
    both = {seed: two_players(seed, names, ["generator_adversarial", "generator_label"]) for seed in (0, 1)}
    found = drawn("curves", replace(INPUTS["scenes"], curves=both))
    wanted = [*names, "generator_adversarial", "generator_label"]
    assert titles(found) == ["loss of each player", *(name.replace("_", " ") for name in wanted)]
    colours = legend(found)
    assert list(colours) == [first, "generator", "one seed", "mean of seeds"]
    assert len({colours[first], colours["generator"], colours["mean of seeds"]}) == 3
    means = [
        {line.get_color(): np.asarray(line.get_ydata()) for line in axes.lines if line.get_linewidth() > 1}
        for axes in found.axes
    ]
    for player in (first, "generator"):
        mean = np.mean([[row[f"{player}_loss"] for row in curve] for curve in both.values()], 0)
        np.testing.assert_allclose(means[0][colours[player]], mean)
    assert [list(each) for each in means[1:]] == [[colours[first]]] * 3 + [[colours["generator"]]] * 2


def test_players_with_the_same_loss_keep_it_each() -> None:
    curve = [{**row, "a_loss": row["loss"], "b_loss": row["loss"]} for row in rows(0, ["loss"])]
    assert [list(lines) for lines in curves.panels([curve]).values()] == [["a", "b"]]


def test_one_loss_is_of_no_player() -> None:
    curve = [{**row, "label_loss": 1.0} for row in rows(0, ["loss"])]
    assert curves.players([curve]) == []
    assert {title: list(lines) for title, lines in curves.panels([curve]).items()} == {"loss": [""], "label loss": [""]}


def test_spikes_of_either_player_are_told() -> None:
    curve = two_players(0, ["discriminator_real", "discriminator_fake"], ["generator_adversarial"])
    curve[30] |= {"discriminator_loss": -12345.6, "discriminator_real": -12345.6}
    found = drawn("curves", replace(INPUTS["scenes"], curves={0: curve}))
    assert_well_set(found, "a_gan_of_scenes")  # as long remarks have room below the titles
    assert found.axes[0].get_title("right") == "↑ 2161 ↓ -1.235e+04"
    assert "↑ ↓ extremes beyond the axis" in caption(found)
    low, high = found.axes[0].get_ylim()
    assert -500 < low < 80
    assert 170 < high < 1000


def test_limits_of_curves_cut_outliers_and_say_so() -> None:
    found = drawn("curves", INPUTS["conditional"])
    for axes in found.axes:
        low, high = axes.get_ylim()
        assert 70 < low < 85
        assert 90 < high < 400
        assert axes.get_title("right").startswith("↑ 108")
    assert "↑ ↓ extremes beyond the axis" in caption(found)
    quiet = Inputs("quiet", INPUTS["one seed"].models, {0: rows(0)[20:]}, {}, blind, blind, digits(), 0)
    assert {axes.get_title("right") for axes in drawn("curves", quiet).axes} == {""}
    assert "↑" not in caption(drawn("curves", quiet))


@pytest.mark.parametrize("values", [np.full((2, 5), 3.0), np.array([[1.0]]), np.linspace(-1, 1, 50)[None]])
def test_limits_hold_all_of_ordinary_curves(values: np.ndarray) -> None:
    low, high = curves.limits(values)
    assert low < values.min()
    assert high > values.max()
    assert math.isfinite(high - low)


def test_extremes_beyond_the_limits_are_told() -> None:
    values = np.linspace(-1, 1, 100)[None]
    assert curves.beyond(values, *curves.limits(values)) == ""
    spikes = values.copy()
    spikes[0, 50], spikes[0, 60] = 123.456, -40
    assert curves.beyond(spikes, *curves.limits(spikes)) == "↑ 123.5 ↓ -40"


def with_peaks(seed: int, spike: float) -> list[dict[str, float]]:
    """A calm curve of two players, with accuracies, in which the discriminator's loss once rose so high."""
    curve = two_players(seed, ["discriminator_real", "discriminator_fake"], ["generator_adversarial"])[20:]
    shares = {"discriminator_real_accuracy": 0.9, "discriminator_fake_accuracy": 0.5 + seed / 10}
    for row in curve:
        row |= shares | {f"{name}_peak": row[f"{name}_loss"] + 1 for name in ("discriminator", "generator")}
    curve[7]["discriminator_peak"] = spike
    return curve


def test_peaks_and_accuracies_are_no_losses() -> None:
    found = drawn("curves", replace(INPUTS["scenes"], curves={0: with_peaks(0, 200), 1: with_peaks(1, 200)}))
    assert_well_set(found, "a_gan_of_scenes")
    losses = ["loss of each player", "discriminator real", "discriminator fake"]
    assert titles(found) == [*losses, "discriminator accuracy"]


@pytest.mark.parametrize(("spike", "scale"), [(200, "linear"), (9000, "symlog"), (700, "symlog"), (2e6, "symlog")])
@pytest.mark.parametrize("sign", [1, -1])
def test_peaks_are_seen_however_high_and_losses_beside_them(spike: float, scale: str, sign: int) -> None:
    both = {0: with_peaks(0, spike), 1: with_peaks(1, 150)}
    for row in (row for curve in both.values() for row in curve):
        row["generator_loss"] *= sign  # as a critic's opponent may have it
        row["generator_peak"] = row["generator_loss"] + 1
    found = drawn("curves", replace(INPUTS["scenes"], curves=both))
    assert_well_set(found, "a_gan_of_scenes")
    axes, *others = found.axes
    assert axes.get_yscale() == scale
    assert ("log above" in axes.get_ylabel()) == (scale == "symlog")
    assert {each.get_yscale() for each in others} == {"linear"}
    dots = {line.get_color(): np.asarray(line.get_ydata()) for line in axes.lines if line.get_marker() == "o"}
    assert list(dots) == [legend(found)[name] for name in ("discriminator", "generator")]
    wanted = np.max([[row["discriminator_peak"] for row in curve] for curve in both.values()], 0)
    np.testing.assert_array_equal(next(iter(dots.values())), wanted)
    assert wanted.max() == spike
    assert "highest of a single iteration" in legend(found)
    low, high = axes.get_ylim()
    assert all(low < values.min() and values.max() < high for values in dots.values())
    bold = [line for line in axes.lines if line.get_linewidth() > 1 and line.get_linestyle() == "-"]
    means = np.concatenate([np.asarray(line.get_ydata()) for line in bold])
    heights = axes.transAxes.inverted().transform(
        axes.transData.transform([(0, y) for y in (means.min(), means.max())])
    )
    assert heights[1, 1] - heights[0, 1] > 0.2 / (1 + (scale == "linear"))
    numbers = [float(label.replace("−", "-")) for label in tick_labels(axes)]
    assert len([tick for tick in numbers if low < tick < high]) >= 3


def test_accuracies_of_a_player_are_together() -> None:
    found = drawn("curves", replace(INPUTS["scenes"], curves={0: with_peaks(0, 200), 1: with_peaks(1, 200)}))
    axes = found.axes[-1]
    assert axes.get_ylim() == (0, 1.03)
    assert axes.get_ylabel() == "share right"
    bold = [line for line in axes.lines if line.get_linewidth() > 1]
    assert [float(np.mean(np.asarray(line.get_ydata()))) for line in bold] == pytest.approx([0.9, 0.55])
    assert {line.get_color() for line in bold} == {legend(found)["discriminator"]}
    (keys,) = found.legends
    dashes = {
        text.get_text(): line.get_linestyle() for text, line in zip(keys.get_texts(), keys.get_lines(), strict=True)
    }
    assert [line.get_linestyle() for line in bold] == [dashes[f"accuracy on {of}"] for of in ("real images", "fakes")]
    assert len({line.get_linestyle() for line in bold}) == 2


def test_curves_without_peaks_tell_of_none() -> None:
    assert list(legend(drawn("curves", INPUTS["scenes of one seed"]))) == ["discriminator", "generator"]
