"""A referee that has seen spoiled images: what it is taught, and what it tells then."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Generator, Tensor, nn

from pipeline.contracts.images import ImageSet
from pipeline.data import digits
from pipeline.ground.errors import InputError
from pipeline.judges import referee
from pipeline.judges.scores import recognised
from pipeline.judges.spoiling import SPOILINGS, blur

SETTINGS: dict[str, Any] = {
    "width": 6,
    "batch": 32,
    "epochs": 6,
    "learning_rate": 0.006,
    "illegible": 3.0,
    "precision": "float32",
}
Split = tuple[ImageSet, ImageSet]


def _quiet(*told: Any) -> None: ...


def _made(data: ImageSet, **changes: Any) -> referee.Referee:
    settings = referee.Settings(**{**SETTINGS, **changes})
    made = referee.build(settings, data)
    referee.fit(made, data, settings, _quiet)
    return made


@pytest.fixture(scope="module")
def split() -> Split:
    train, test = digits.load(digits.Settings(source="digits8x8", train=3000, test=400))
    return train, test


@pytest.fixture(scope="module")
def made(split: Split) -> referee.Referee:
    return _made(split[0])


def _blurred(images: Tensor, sigma: float) -> Tensor:
    return blur(images.float() / 255, torch.full((len(images),), sigma), Generator())


def test_it_names_real_images_and_says_nothing_of_blurred_ones(made: referee.Referee, split: Split) -> None:
    _, test = split
    assert recognised(referee.look(made, test.images).logits, test.labels) > 0.8
    lost = referee.look(made, referee.unnameable(test.images, 3.0))
    assert recognised(lost.logits, test.labels) < 0.1
    assert (lost.logits > 0).any(1).double().mean() < 0.1  # nor of anything else


def test_it_tells_a_blurs_sigma_and_is_not_misled_by_noise(made: referee.Referee, split: Split) -> None:
    images = split[1].images
    noisy = (images.float() / 255 + 0.1 * torch.randn(images.shape, generator=Generator().manual_seed(0))).clamp(0, 1)
    told = [
        SPOILINGS[0].most * float(referee.look(made, each).degrees[:, 0].mean())
        for each in (images, noisy, *(_blurred(images, sigma) for sigma in (1.0, 2.0, 3.0)))
    ]
    assert SPOILINGS[0].name == "blur"
    assert max(told[:2]) < 0.2
    assert max(told[:2]) < told[2] < told[3] < told[4]
    assert told[4] > 0.5


def test_features_have_the_units_that_they_are_said_to_have(made: referee.Referee, split: Split) -> None:
    train, _ = split
    features = referee.look(made, train.images).features
    told = 1 + len(SPOILINGS)  # the degrees, and that nothing can be told
    maxima = features[:, :-told]
    torch.testing.assert_close(maxima.mean(0), torch.zeros(maxima.shape[1]), rtol=0, atol=1e-4)
    assert float(maxima.var(0).sum()) == pytest.approx(len(SPOILINGS), rel=1e-3)
    assert (features[:, -told:] >= 0).all()
    lost = referee.look(made, _blurred(train.images[:100], 3.0)).features
    for column in (-told, -1):  # the degree of blur, and that nothing can be told
        assert lost[:, column].mean() > 2 * features[:, column].mean() + 0.5


def test_views_and_weights_survive_their_files(made: referee.Referee, split: Split, tmp_path: Path) -> None:
    seen = referee.look(made, split[1].images)
    referee.save_views(tmp_path / "views.safetensors", {"test": seen})
    assert all(map(torch.equal, referee.load_views(tmp_path / "views.safetensors", "test"), seen))
    referee.save(tmp_path / "referee.safetensors", made)
    again = referee.load(tmp_path / "referee.safetensors", torch.device("cpu"))
    assert all(map(torch.equal, referee.look(again, split[1].images), seen))


def test_what_it_sees_does_not_hang_on_how_many_it_looks_at(made: referee.Referee, split: Split) -> None:
    images = split[1].images[:50]
    whole = referee.look(made, images)
    for found in (referee.look(made, images, batch=7), referee.look(made, images.float() / 255)):
        for one, other in zip(whole, found, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_logits_are_of_both_that_a_label_holds_and_that_it_can_be_told(made: referee.Referee, split: Split) -> None:
    images = split[1].images[:64].float() / 255
    with torch.inference_mode():
        _, names, found = made.raw(images)
        product = names.sigmoid() * found[:, -1:].sigmoid()
        torch.testing.assert_close(made(images).logits.sigmoid(), product, rtol=1e-4, atol=1e-5)


def test_the_same_seed_trains_the_same_referee(split: Split) -> None:
    few = split[0].first(256)
    one, again, other = (_made(few, epochs=1, seed=seed) for seed in (0, 0, 1))
    images = split[1].images[:20]
    assert torch.equal(referee.look(one, images).features, referee.look(again, images).features)
    assert not torch.equal(referee.look(one, images).features, referee.look(other, images).features)


def test_groups_are_spoiled_in_their_ways_and_say_so() -> None:
    images = torch.rand(24, 3, 32, 32, generator=Generator().manual_seed(0))
    for seed in range(5):
        changed, degrees, legible = referee.spoil(images, SPOILINGS, 3.0, Generator().manual_seed(seed))
        assert changed.shape == images.shape
        assert ((degrees > 0).sum(1) >= 1).all()
        assert ((degrees > 0).sum(1) <= referee.WAYS).all()
        assert (changed - images).abs().amax((1, 2, 3)).gt(0).double().mean() > 0.8  # patches may stay
        ways = [tuple(row.nonzero()[:, 0].tolist()) for row in degrees]
        assert all(len(set(ways[at : at + referee.GROUP])) == 1 for at in range(0, 24, referee.GROUP))
        assert legible.min() >= 0
        assert legible.max() <= 1


def test_a_spoiling_left_out_is_never_shown() -> None:
    images = torch.rand(48, 1, 28, 28)
    for seed in range(5):
        _, degrees, _ = referee.spoil(images, SPOILINGS[1:], 3.0, Generator().manual_seed(seed))
        assert (degrees[:, 0] == 0).all()


def test_moving_makes_no_seam() -> None:
    """A ramp, moved: neighbours stay as far apart as they were."""
    ramp = torch.linspace(0, 1, 20).expand(2, 1, 20, 20)
    step = ramp[0, 0, 0, 1] - ramp[0, 0, 0, 0]
    found = {tuple(referee.moved(ramp, Generator().manual_seed(seed))[0, 0, 5].tolist()) for seed in range(30)}
    assert len(found) == 2 * referee.MOVED + 1
    for row in found:
        assert torch.tensor(row).diff().abs().max() <= step + 1e-6


def test_the_loss_is_least_for_the_truth() -> None:
    labels, legible = torch.tensor([[1.0, 0], [1, 1]]), torch.tensor([1.0, 0])
    degrees = torch.tensor([[0.0] * 3, [1.0, 0, 0]])
    sure = torch.cat([degrees, legible[:, None]], 1) * 40 - 20
    truth = labels * legible[:, None] * 40 - 20
    assert referee.loss(truth, labels, legible, sure, degrees) < 1e-6
    assert referee.loss(labels * 40 - 20, labels, legible, sure, degrees) > 10  # names what nobody could
    assert referee.loss(truth, labels, legible, -sure, degrees) > 10
    flat = referee.loss(torch.zeros(2, 2), labels, legible, torch.zeros(2, 4), degrees)
    assert float(flat) == pytest.approx((4 + 8) / 2 * torch.log(torch.tensor(2.0)).item())


def test_a_batch_larger_than_the_images_is_one_line(split: Split) -> None:
    with pytest.raises(InputError, match="referee batch: expected at most the 20 training images, found 32"):
        _made(split[0].first(20))


@pytest.mark.parametrize("wrong", [{"illegible": 0}, {"batch": 8}, {"width": 0}, {"depth": 3}])
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        referee.Settings(**{**SETTINGS, **wrong})


def test_normalisation_forgets_no_batch_at_once() -> None:
    """A referee whose last batches were strongly spoiled must not see all later images through them."""
    layers = [layer for layer in referee.Referee(2, (1, 28, 28), 10).modules() if isinstance(layer, nn.BatchNorm2d)]
    assert layers
    assert all(layer.momentum is not None and layer.momentum <= 0.01 for layer in layers)
