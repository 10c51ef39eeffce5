"""The textbook's loop: it trains what the experiment trains, counts as the loop does, and has none of our shortcuts."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import experiments, textbook
from benchmarks.experiments import updated
from pipeline.contracts.images import scale
from pipeline.costs.work import Entry, planned
from pipeline.training.loop import Run

SIZES = {"hidden": 24, "width": 4, "batch": 8, "epochs": 1, "snapshots": 0}
CPU = torch.device("cpu")


def _entry(content: dict[str, Any], name: str) -> Entry:
    return planned(name, updated(content["experiments"][name], SIZES) | {"precision": "float32"})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`kind`: the first experiment of each family and network, and those whose settings make another loop of it."""
    if "kind" in metafunc.fixturenames:
        from pipeline.ground import params

        blocks = params.load()["experiments"]
        metafunc.parametrize("kind", [*experiments.kinds(blocks).values(), "wgan_gp", "scenes_cgan", "dcgan"])


def test_every_player_learns(content: dict[str, Any], kind: str) -> None:
    """The known fault: an optimiser whose weights no loss reaches. Two iterations move every weight of every player."""
    entry = _entry(content, kind)
    with textbook.plain():
        data = experiments.noise(entry.experiment.data, 8)
        model, step, draws = textbook.started(entry, data, CPU)
        before = {
            player.name: [weight.detach().clone() for module in player.modules for weight in module.parameters()]
            for player in model.players()
        }
        images, labels = scale(data.images, model.pixels), data.labels.float()
        losses: dict[str, float] = {}
        for _ in range(2 * draws):
            losses |= step(images, labels)
    for player in model.players():
        after = [weight for module in player.modules for weight in module.parameters()]
        same = [torch.equal(old, new) for old, new in zip(before[player.name], after, strict=True)]
        assert sum(same) <= len(same) // 3, player.name  # a bias in front of a norm has no gradient
    assert all(value == value for value in losses.values())


def test_it_counts_images_and_updates_as_the_loop_does(content: dict[str, Any], kind: str) -> None:
    entry = _entry(content, kind)
    data = experiments.noise(entry.experiment.data, 80)
    _, _, draws = textbook.started(entry, data, CPU)
    assert draws == experiments.started(entry, data).draws
    assert draws * entry.training.batch == experiments.started(entry, data).images


def test_networks_keep_torchs_default_layout(content: dict[str, Any]) -> None:
    """The known fault: networks that ask for channels_last in their forward, so that the textbook has it too."""
    entry = _entry(content, "cgan")
    seen: list[Tensor] = []
    data = experiments.noise("colour", 8)
    model: Any
    with textbook.plain():
        model, step, _ = textbook.started(entry, data, CPU)
        convolution = model.discriminator.layers[2]
        convolution.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
        step(scale(data.images, "symmetric"), data.labels.float())
    assert all(maps.is_contiguous() for maps in seen)
    assert all(weight.is_contiguous() for weight in model.parameters())
    ours = experiments.started(entry, data)
    assert not ours.model.discriminator.layers[2].weight.is_contiguous()  # type: ignore[union-attr, index]


def test_networks_are_the_same_functions_by_torchs_own_layers(content: dict[str, Any]) -> None:
    for name in ("dcgan", "face_gan", "scenes_projection"):
        entry = _entry(content, name)
        data = experiments.noise(entry.experiment.data, 8)
        model: Any = experiments.built(entry, data).eval()
        latents, labels = torch.randn(8, model.latent), data.labels.float()
        ours = model.generate(latents, labels)
        with textbook.plain(), FlopCounterMode(display=False) as counted:
            model.to(memory_format=torch.contiguous_format)
            torch.testing.assert_close(model.generate(latents, labels), ours, rtol=1e-4, atol=1e-5)
        products = {operation.__name__ for operation in counted.get_flop_counts()["Global"]} - {"convolution.default"}
        assert not {name for name in products if "mm" in name} or name != "scenes_projection", (
            products
        )  # first layer, skips


def test_pictures_are_what_the_loop_sees(content: dict[str, Any]) -> None:
    """To the last bits: ToTensor and Normalize round in another order."""
    for name in ("fc_vae", "cgan"):
        entry = _entry(content, name)
        data = experiments.noise(entry.experiment.data, 8)
        run: Run = experiments.started(entry, data)
        batch = run._batch(torch.arange(8))
        pictures = textbook.Pictures(data, run.model.pixels)
        images, labels = zip(*(pictures[number] for number in range(8)), strict=True)
        torch.testing.assert_close(torch.stack(images), batch.images, rtol=0, atol=1e-6)
        assert torch.equal(torch.stack(labels), batch.labels)


def test_the_vaes_loss_is_the_models(content: dict[str, Any]) -> None:
    """In nats per image, but for a Gaussian's constant: of the same weights, with a posterior that hardly scatters."""
    for name in ("fc_vae", "face_vae"):
        entry = _entry(content, name)
        data = experiments.noise(entry.experiment.data, 8)
        model: Any
        model, step, _ = textbook.started(entry, data, CPU)
        ours: Any = experiments.started(entry, data)
        for each in (model, ours.model):
            head = [layer for layer in each.encoder.modules() if isinstance(layer, torch.nn.Linear)][-1]
            with torch.no_grad():
                head.weight.zero_()
                head.bias.fill_(-20)
                head.bias[: model.latent] = 0
        terms = ours.model.terms(ours._batch(torch.arange(8)))
        a_pixel = 0.0 if model.bernoulli else math.log(model.sigma) + 0.5 * math.log(2 * math.pi)
        constant = a_pixel * math.prod(data.shape)
        found = step(scale(data.images, model.pixels), data.labels.float())["vae"]
        assert found + constant == pytest.approx(sum(terms.values()).item(), rel=1e-4)


def test_a_rate_counts_whole_iterations(content: dict[str, Any]) -> None:
    entry = _entry(content, "wgan_clip")
    assert textbook.images_a_second(entry, experiments.noise("colour", 80), 0.01, 0) > 0
