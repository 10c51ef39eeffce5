"""What is counted on shapes is what training does on numbers."""

import contextlib
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from benchmarks.experiments import Enough, kinds, noise, started, updated
from pipeline.contracts.curves import Row
from pipeline.costs.work import Operations, Work, iteration, iterations, planned
from pipeline.ground.errors import InputError
from pipeline.ground.plugins import ROOT as PIPELINE
from pipeline.report.budget import overlaid, overlays

ROOT = PIPELINE.parent

SIZES = {"hidden": 24, "width": 4, "batch": 8, "epochs": 1, "snapshots": 0}


def small(block: dict[str, Any], **sizes: Any) -> dict[str, Any]:
    return updated(block, SIZES | sizes) | {"precision": "float32"}


def trained(name: str, block: dict[str, Any]) -> tuple[int, int]:
    """Images and operations of one iteration of real training."""
    entry = planned(name, block)
    data = noise(entry.experiment.data, 80)

    def first(row: Row) -> None:
        raise Enough  # before what follows the last update

    run = started(entry, data, points=10**6)
    with Operations() as counted, contextlib.suppress(Enough):
        run.train(first)
    assert run.iteration == 1
    return run.images, counted.total


def test_operations_of_forward_and_backward_are_counted() -> None:
    layer, inputs = nn.Linear(8, 16), torch.randn(4, 8, requires_grad=True)
    with Operations() as counted:
        layer(inputs).sum().backward()
    assert counted.total == 3 * 2 * 4 * 8 * 16  # the product, its gradient by inputs and by weights
    maps = torch.randn(2, 3, 8, 8)
    with Operations() as counted:
        nn.Conv2d(3, 5, 4, 2, 1, bias=False)(maps)
    assert counted.total == 2 * 2 * 5 * (4 * 4) * (3 * 4 * 4)
    with Operations() as counted:
        maps.view(2, -1).add(1)
    assert counted.calls == 1  # a view is none


@pytest.mark.parametrize("budget", ["laptop", "full"])
def test_shapes_count_as_real_images_do_in_each_family_and_network(content: dict[str, Any], budget: str) -> None:
    """Of both budgets: the reports' own settings have other networks and steps."""
    for overlay in overlays(ROOT / f"budgets/{budget}.yaml"):
        content = overlaid(content, overlay)
    for name in {*kinds(content["experiments"]).values(), "scenes_cgan_g1", "face_acgan_fakes"}:
        block = small(content["experiments"][name])
        work = iteration(planned(name, block))
        assert (work.images, work.operations) == trained(name, block), name
        assert work.calls > 50, name


def test_operations_grow_with_the_batch_and_calls_do_not(content: dict[str, Any]) -> None:
    """Of wgan_gp the second derivatives count, and every batch of the critic."""
    block = content["experiments"]["wgan_gp"]
    few, many = (iteration(planned("wgan_gp", small(block, batch=size))) for size in (8, 16))
    assert many == replace(few, images=2 * few.images, operations=2 * few.operations)
    assert few.images == 5 * 8
    clip = iteration(planned("wgan_clip", small(content["experiments"]["wgan_clip"])))
    assert clip.operations < 0.7 * few.operations


def test_iterations_are_those_of_the_loop(content: dict[str, Any]) -> None:
    for name in ("fc_vae", "wgan_gp"):
        entry = planned(name, small(content["experiments"][name], epochs=3))
        run = started(entry, noise(entry.experiment.data, 130))
        assert iterations(entry, iteration(entry), 130) == run.total


def test_what_cannot_be_trained_is_told(content: dict[str, Any]) -> None:
    block = small(content["experiments"]["fc_vae"]) | {"optimisers": {"nobody": {"learning_rate": 0.1}}}
    with pytest.raises(InputError, match="optimisers: expected one for each of vae, found nobody"):
        iteration(planned("fc_vae", block))
    with pytest.raises(InputError, match=r"experiments.fc_vae.epochs"):
        planned("fc_vae", block | {"epochs": 0})


def test_no_memory_is_taken(content: dict[str, Any]) -> None:
    """A generator of a terabyte is counted as quickly as a small one."""
    wide = iteration(planned("dcgan", small(content["experiments"]["dcgan"], width=16384)))
    assert wide.operations > 1e6 * iteration(planned("dcgan", small(content["experiments"]["dcgan"]))).operations
    assert isinstance(wide, Work)
