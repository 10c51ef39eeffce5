"""On a GPU as on the CPU. LATENTLAB_GPU_TESTS=cpu runs the same code on the CPU instead, for want of one."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from benchmarks import checks, experiments

NAME = os.environ.get("LATENTLAB_GPU_TESTS", "cuda")
MISSING = NAME.startswith("cuda") and not torch.cuda.is_available()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(MISSING, reason="no CUDA; LATENTLAB_GPU_TESTS=cpu runs them here")]
BLOCKS: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())[
    "experiments"
]
KINDS = list(experiments.kinds(BLOCKS).values())
Make = Callable[[str], checks.Trained]


@pytest.fixture(scope="module")
def device() -> torch.device:
    return torch.device(NAME)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """A small trained model of an experiment, trained once for all tests of it."""
    there: dict[str, checks.Trained] = {}

    def make(name: str) -> checks.Trained:
        if name not in there:
            content = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())
            there[name] = checks.trained(name, content, tmp_path_factory.mktemp(name))
        return there[name]

    return make


@pytest.mark.parametrize("name", BLOCKS)
def test_losses_of_ten_iterations_agree(name: str, device: torch.device) -> None:
    checks.losses_agree(name, BLOCKS[name], device)


@pytest.mark.parametrize("name", KINDS)
def test_a_killed_run_goes_on_to_the_same_bits(name: str, device: torch.device) -> None:
    checks.resumes(name, BLOCKS[name], device)


@pytest.mark.parametrize("name", KINDS)
def test_metrics_agree_within_their_intervals(name: str, device: torch.device, made: Make) -> None:
    checks.metrics_agree(made(name), device)


@pytest.mark.parametrize("name", KINDS)
def test_figures_draw(name: str, device: torch.device, made: Make) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    checks.figures_draw(made(name), device)
