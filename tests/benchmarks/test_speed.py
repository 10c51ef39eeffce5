"""How speed is told: of the time in which all seeds ran, of operations counted, in a process that is fresh."""

from typing import Any

import pytest
import torch

from benchmarks import performance, speed
from benchmarks.operations import product
from benchmarks.speed import Round, Speed
from pipeline.costs.work import planned
from pipeline.ground.errors import InputError


def test_rates_are_of_the_time_in_which_all_ran() -> None:
    """The known fault: a seed that had the cores for itself at the start, counted as if it always had."""
    quick = [(0.0, 0.0), (1.0, 900.0), (2.0, 1000.0), (3.0, 1100.0)]
    late = [(1.0, 0.0), (2.5, 300.0)]
    assert speed.together([quick, late]) == pytest.approx((150 + 300) / 1.5)
    with pytest.raises(InputError, match="same time"):
        speed.together([quick, [(3.0, 0.0), (4.0, 10.0)]])


def test_a_product_takes_time() -> None:
    assert 0 < product(torch.float32, side=64) < 1e15


def test_every_convolutional_experiment_is_measured_and_quickly_one_of_each_kind(content: dict[str, Any]) -> None:
    blocks = content["experiments"]
    chosen = performance.chosen(blocks, quick=False)
    assert {name for name, block in blocks.items() if block["network"] != "mlp"} < set(chosen)
    assert "fc_vae" in chosen
    quick = performance.chosen(blocks, quick=True)
    kinds = {(block["family"], block["network"]) for block in blocks.values()}
    assert sorted((blocks[name]["family"], blocks[name]["network"]) for name in quick) == sorted(kinds)
    with pytest.raises(InputError, match="no such experiment"):
        speed.listed(blocks, ["fc_vea"])


def test_the_better_of_both_loaders_is_the_textbooks() -> None:
    found = Round({0: 100.0, 2: 250.0}, 500.0, 30.0, 60.0)
    assert (found.ratio, found.share) == (2.0, 0.5)


def test_a_median_is_of_rounds_ratios(content: dict[str, Any]) -> None:
    """Not a ratio of medians, which come from different minutes."""
    each = Speed("fc_vae", planned("fc_vae", content["experiments"]["fc_vae"]))
    each.rounds = [Round({0: a}, b, 1, 1) for a, b in ((100, 100), (50, 300), (200, 400))]
    assert each.median(lambda one: one.ratio) == 2
