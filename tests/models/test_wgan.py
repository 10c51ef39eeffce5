"""The Wasserstein GAN: the penalty against closed forms, the clip's bounds, the signs of its losses."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline.contracts.images import ImageSet
from pipeline.contracts.model import Batch
from pipeline.models import wgan
from pipeline.networks import dcgan
from pipeline.training.loop import Run, Settings

SHAPE = (3, 16, 16)


def _model(**changes: Any) -> wgan.Wgan:
    torch.manual_seed(0)
    known = {
        "latent": 6,
        "conditional": False,
        "critic_steps": 3,
        "constraint": "clip",
        "strength": 0.01,
        "moving_average": 0.9,
        "drawn_by": "generator",
    }
    network = dcgan.build(dcgan.Settings(width=4, normalisation="none"), SHAPE)
    return wgan.Wgan(wgan.Settings.model_validate(known | changes), network, 10)


def _linear(weight: Tensor) -> Any:
    return lambda images: images.flatten(1) @ weight


@pytest.mark.parametrize("shape", [(8, 5), (8, 3, 4, 4)])
def test_the_penalty_of_a_linear_critic_is_its_norm_less_one_squared(shape: tuple[int, ...]) -> None:
    """The known fault: a norm over some dimensions instead of all of an image's values together."""
    draw = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(*shape, generator=draw, dtype=torch.float64) for _ in range(2))
    mix = torch.rand(shape[0], *[1] * (len(shape) - 1), generator=draw, dtype=torch.float64)
    for scale in (0.1, 1.0, 3.0):
        weight = scale * torch.randn(real[0].numel(), generator=draw, dtype=torch.float64)
        found = wgan.gradient_penalty(_linear(weight), real, fake, mix)
        assert found.item() == pytest.approx((weight.norm().item() - 1) ** 2, rel=1e-9)


def test_the_penalty_is_taken_between_real_and_fake_image_by_image() -> None:
    """With f(x) = |x|^2 / 2 the gradient is x itself, so the penalty tells where it was taken."""
    real, fake = torch.full((2, 3, 1, 1), 4.0), torch.zeros(2, 3, 1, 1)
    mix = torch.tensor([0.25, 1.0]).view(2, 1, 1, 1)
    found = wgan.gradient_penalty(lambda x: x.square().flatten(1).sum(1) / 2, real, fake, mix)
    norms = torch.tensor([1.0, 4.0]) * 3**0.5
    torch.testing.assert_close(found, (norms - 1).square().mean())


def test_the_penalty_trains_the_critic_and_nothing_flows_back_through_the_images() -> None:
    """The known fault: fakes that are not detached in the critic's step."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 1))
    real, fake = (torch.randn(4, 3, 2, 2, requires_grad=True) for _ in range(2))
    loss = wgan.gradient_penalty(lambda x: critic(x)[:, 0], real, fake, torch.rand(4, 1, 1, 1))
    gradients = torch.autograd.grad(loss, [*critic[1].parameters(), real, fake], allow_unused=True)
    assert gradients[0] is not None
    assert gradients[0].abs().sum() > 0
    assert gradients[-2] is None
    assert gradients[-1] is None


@pytest.mark.parametrize("constraint", ["clip", "penalty"])
def test_the_critic_descends_fake_minus_real_and_the_generator_minus_fake(constraint: str) -> None:
    model = _model(constraint=constraint, strength=10.0 if constraint == "penalty" else 0.01)

    class Mean(nn.Module):
        def forward(self, images: Tensor, labels: Tensor) -> Tensor:
            return images.flatten(1).mean(1, keepdim=True)

    model.critic = Mean()
    batch = Batch(torch.full((4, *SHAPE), 0.75), torch.zeros(4, 10), torch.Generator().manual_seed(0))
    terms = model.criticise(batch)
    assert terms["real"].item() == pytest.approx(-0.75)
    model.eval()
    fakes = model.generate(model.prior(4, torch.Generator().manual_seed(1)), batch.labels)
    loss = model.deceive(Batch(batch.images, batch.labels, torch.Generator().manual_seed(1)))
    assert loss["adversarial"].item() == pytest.approx(-fakes.mean().item(), abs=1e-6)
    if constraint == "penalty":  # the mean's gradient is 1 / D everywhere: its norm is 1 / sqrt(D)
        size = 3 * 16 * 16
        assert terms["penalty"].item() == pytest.approx(10 * (size**-0.5 - 1) ** 2, rel=1e-4)
    else:
        assert set(terms) == {"real", "fake"}


def _run(model: wgan.Wgan, rate: float) -> Run:
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(256, (48, *SHAPE), generator=draw, dtype=torch.uint8)
    labels = torch.eye(10, dtype=torch.uint8)[torch.arange(48) % 10]
    data = ImageSet(images, labels, torch.arange(48), tuple("0123456789"), "classes", "noise")
    optimiser = {"algorithm": "rmsprop", "learning_rate": rate}
    settings = {"batch": 4, "epochs": 1, "precision": "float32"}
    return Run(
        model,
        data,
        Settings.model_validate(settings | {"optimisers": dict.fromkeys(("critic", "generator"), optimiser)}),
        0,
    )


def test_the_critics_weights_stay_within_the_clip_after_every_step() -> None:
    """The known fault: a clip that is skipped or comes too early. Steps are large enough to leave the bounds."""
    model = _model(strength=0.01)
    largest: list[float] = []
    clip, run = model.clip, _run(model, rate=0.05)

    def watched() -> None:
        before = max(w.abs().max().item() for w in model.critic.parameters())
        clip()
        largest.extend((before, max(w.abs().max().item() for w in model.critic.parameters())))

    player = run.players[0]
    assert player.after == model.clip
    run.players = (
        type(player)(player.name, player.modules, player.terms, player.repeat, player.fresh, watched),
        run.players[1],
    )
    run.train(lambda row: None)
    assert len(largest) == 2 * 4 * 3  # 48 images in batches of 4, three an iteration: four iterations of three steps
    assert max(largest[::2]) > 0.01
    assert max(largest[1::2]) <= 0.01 + 1e-9


def test_critic_steps_each_have_images_of_their_own() -> None:
    model = _model(critic_steps=3)
    seen: list[Tensor] = []
    criticise = model.criticise

    def watched(batch: Batch) -> dict[str, Tensor]:
        seen.append(batch.images)
        return criticise(batch)

    model.criticise = watched  # type: ignore[method-assign]
    run = _run(model, rate=1e-4)
    run.train(lambda row: None)
    assert len(seen) == 12
    assert len({image.sum().item() for batch in seen for image in batch}) == 48  # every image once
    assert run.curve[-1]["images_seen"] == 48
