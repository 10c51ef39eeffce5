"""The checks of tests/gpu can fail: each against the fault that it is there to find, on the CPU."""

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import checks, experiments
from pipeline.contracts.images import to_unit
from pipeline.evaluation import collect
from pipeline.evaluation.seeds import Evaluation, Found
from pipeline.training.loop import Run

CPU = torch.device("cpu")


def test_noise_is_the_same_whatever_a_generator_holds() -> None:
    drawn = []
    for seed in (1, 2):
        own = torch.Generator().manual_seed(seed)
        with checks.SharedNoise():
            parts = torch.randn(3, 2, generator=own), torch.rand((2, 1), generator=own, device=CPU)
            which = torch.multinomial(torch.ones(5), 9, replacement=True, generator=own)
            drawn.append([*parts, torch.randint(9, (4,), generator=own), which])
    assert all(torch.equal(one, other) for one, other in zip(*drawn, strict=True))
    assert not torch.equal(torch.rand(9, generator=own), drawn[0][1].flatten())  # only inside


def test_all_that_a_model_draws_is_shared(content: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The known fault: a family that draws in a way that `SharedNoise` does not see, so that no devices could agree."""
    for name in experiments.kinds(content["experiments"]).values():
        curves = []
        for seed in (1, 2):
            draw = torch.Generator().manual_seed(seed)
            monkeypatch.setattr("pipeline.training.loop.generator", lambda *keys, draw=draw: draw)
            orders = torch.Generator().manual_seed(0)
            monkeypatch.setattr(Run, "_order", lambda run, epoch, g=orders: torch.randperm(len(run.data), generator=g))
            curves.append(checks.losses(name, content["experiments"][name], CPU))
        assert checks.furthest(*curves) == (0, 0), name


def test_all_that_an_evaluation_draws_is_shared(
    content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The known fault: fitted Gaussians, of which each drawing first takes one."""
    name = next(name for name, block in content["experiments"].items() if block.get("mixture"))
    made, means = checks.trained(name, content, tmp_path), []
    for seed in (1, 2):
        halves = torch.Generator().manual_seed(0)  # which images are left out is drawn on the CPU everywhere
        draw = torch.Generator().manual_seed(seed)
        monkeypatch.setattr(
            "pipeline.evaluation.seeds.generator",
            lambda device, what, *keys, draw=draw, halves=halves: halves if what == "halves" else draw,
        )
        task, found = made.evaluated(CPU)
        means.append({metric: measured.mean for metric, measured in task.measurements(found, "").metrics.items()})
    assert means[0] == means[1]


def test_losses_that_differ_by_more_than_rounding_are_found(
    content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a device that computes in bfloat16."""
    block = content["experiments"]["cgan"]
    assert checks.losses_agree("cgan", block, CPU).startswith("losses differ by 0.0e+00")
    reduced, precisions = checks.small, ["bfloat16", "float32"]
    monkeypatch.setattr(checks, "small", lambda *block: reduced(*block) | {"precision": precisions.pop()})
    with pytest.raises(AssertionError, match="losses differ"):
        checks.losses_agree("cgan", block, CPU)


def test_a_run_that_forgets_its_noise_does_not_pass_for_resumed(
    content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    restore = Run.restore

    def forgetful(run: Run, state: Any) -> None:
        restore(run, state)
        run.generator.manual_seed(1)

    assert checks.resumes("fc_vae", content["experiments"]["fc_vae"], CPU) == "same bits"
    monkeypatch.setattr(Run, "restore", forgetful)
    with pytest.raises(AssertionError, match="weights differ"):
        checks.resumes("fc_vae", content["experiments"]["fc_vae"], CPU)


def test_a_metric_beyond_its_interval_is_found(
    content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a device whose drawings are brighter."""
    made = checks.trained("face_ae", content, tmp_path)
    assert "metrics within" in checks.metrics_agree(made, CPU)
    evaluated, calls = checks.Trained.evaluated, []

    def brighter(one: checks.Trained, device: torch.device) -> tuple[Evaluation, dict[int, Found]]:
        calls.append(device)
        if len(calls) == 2:
            monkeypatch.setattr(collect, "to_unit", lambda *pair: (to_unit(*pair) + 0.4).clamp(0, 1))
        return evaluated(one, device)

    monkeypatch.setattr(checks.Trained, "evaluated", brighter)
    with pytest.raises(AssertionError, match=r"beyond their intervals.*mse"):
        checks.metrics_agree(made, CPU)
