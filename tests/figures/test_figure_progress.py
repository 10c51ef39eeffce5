"""Progress over training."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from figure_inputs import INPUTS, moments
from figure_reading import assert_well_set, caption, drawn, legend, titles

from pipeline.contracts.training_progress import Moment
from pipeline.figures import progress


def test_progress_has_a_line_a_seed_and_the_mean_of_each_drawer() -> None:
    inputs = INPUTS["scenes"]
    found = drawn("progress", inputs)
    accuracies = ["recognised", "accuracy on test", "accuracy on new test"]
    assert titles(found) == ["Fréchet distance", "diversity", *accuracies]
    colours = legend(found)
    drawers = {"generator": "weights as they were", "average": "their moving average"}
    assert list(colours) == [*drawers.values(), "one seed", "mean of seeds", "real images"]
    for axes, name in zip(found.axes, inputs.progress[0][0].values, strict=True):
        assert len(axes.lines) == 2 * (3 + 1) + (name == "diversity")
        marked = {line.get_color(): line for line in axes.lines if line.get_marker() not in ("None", "")}
        assert len({line.get_marker() for line in marked.values()}) == len(marked) == 2
        for drawer, words in drawers.items():
            line = marked[colours[words]]
            np.testing.assert_allclose(np.asarray(line.get_xdata()), [192 * n for n in range(1, 9)])
            values = [[moment.values[name] for moment in moments(seed, [drawer])] for seed in inputs.progress]
            np.testing.assert_allclose(np.asarray(line.get_ydata()), np.mean(values, 0))
        low, high = axes.get_ylim()
        assert all(low <= y <= high for line in axes.lines for y in np.asarray(line.get_ydata()))
        if "accuracy" in name:
            assert low == 0
            assert 1 < high < 1.1
    facts = ("noise", "3 seeds", "measured at 8 moments, every 1,500 iterations", "which is of the moving average")
    assert all(fact in caption(found) for fact in facts)


def test_progress_of_diversity_has_real_images_as_a_yardstick() -> None:
    dotted = {
        axes.get_title("left"): set(np.asarray(line.get_ydata()))
        for axes in drawn("progress", INPUTS["scenes"]).axes
        for line in axes.lines
        if line.get_linestyle() == ":"
    }
    assert dotted == {"diversity": {1}}


def test_steep_distances_have_a_logarithmic_axis() -> None:
    assert drawn("progress", INPUTS["scenes"]).axes[0].get_yscale() == "log"
    flat = [replace(moment, values={"frechet_distance": 10 + moment.iteration / 1000}) for moment in moments(0)]
    found = drawn("progress", replace(INPUTS["one seed"], progress={0: flat}))
    assert_well_set(found, "an_experiment")
    assert found.axes[0].get_yscale() == "linear"
    assert found.axes[0].get_ylim()[0] == 0


def test_legends_of_few_panels_are_broken() -> None:
    few = {
        seed: [replace(moment, values=dict(list(moment.values.items())[:2])) for moment in each]
        for seed, each in INPUTS["scenes"].progress.items()
    }
    found = drawn("progress", replace(INPUTS["scenes"], progress=few))
    assert_well_set(found, "a_gan_of_scenes")
    assert len(found.axes) == 2
    assert len(legend(found)) == 5


def test_progress_of_one_drawer_tells_of_no_other() -> None:
    found = drawn("progress", replace(INPUTS["scenes"], progress={3: moments(3, ["generator"])}))
    assert_well_set(found, "a_gan_of_scenes")
    assert list(legend(found)) == ["weights as they were", "real images"]


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ([100, 200, 300], "measured at 3 moments, every 100 iterations"),
        ([1000, 2000, 2500], "measured at 3 moments, every 500 to 1,000 iterations"),
        ([1200], "measured once, after 1,200 iterations"),
    ],
)
def test_cadence(at: Sequence[int], wanted: str) -> None:
    both = [Moment(iteration, 0, drawer, {}) for iteration in at for drawer in ("generator", "average")]
    assert progress.cadence(both) == wanted


def test_values_of_progress_are_written_readably() -> None:
    assert progress.written("new_test_accuracy") == ("accuracy on new test", "share right")
    assert progress.written("kernel_distance") == ("kernel distance", "value")
