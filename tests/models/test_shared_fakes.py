"""The players of one iteration look at the same fakes, drawn once, until the generator moves."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.contracts.model import Batch
from pipeline.ground import plugins
from pipeline.networks import dcgan

SHAPE = (1, 8, 8)
FAMILIES: Mapping[str, Mapping[str, Any]] = {
    "gan": {"conditional": True, "loss": "bce", "auxiliary": 1.0, "rejection": 1.0, "generator_steps": 2},
    "acgan": {},
    "infogan": {"codes": 3},
}


@pytest.mark.parametrize("name", FAMILIES)
def test_fakes_are_drawn_once_for_all_players_and_anew_after_each_update(name: str) -> None:
    torch.manual_seed(0)
    family = plugins.load("models", name)
    settings = family.Settings(latent=4, moving_average=0.9, drawn_by="generator", **FAMILIES[name])
    model = family.build(settings, dcgan.build(dcgan.Settings(width=4), SHAPE), 3)
    drawn: list[Tensor] = []
    model.generator.current.register_forward_hook(lambda module, inputs, images: drawn.append(images))
    noise = torch.Generator().manual_seed(0)
    batch = Batch(torch.rand(8, *SHAPE) * 2 - 1, torch.eye(3)[torch.randint(3, (8,))], noise)
    *opponents, generator = model.players()
    for player in opponents:
        terms = player.terms(batch)
        loss = torch.stack([term for term_name, term in terms.items() if term_name not in player.observed]).sum()
        weights = [weight for module in player.modules for weight in module.parameters()]
        torch.autograd.grad(loss, weights, allow_unused=True)
        assert len(drawn) == 1, player.name
    ours = list(generator.modules[0].parameters())
    for turn in range(2):
        # The opponents' gradients have left the fakes' own graph alone
        gradients = torch.autograd.grad(generator.terms(batch)["adversarial"], ours)
        assert all(bool(gradient.isfinite().all()) for gradient in gradients)
        assert len(drawn) == 1 + turn
    assert not torch.equal(drawn[0], drawn[1])
