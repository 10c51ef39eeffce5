import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from pipeline.renderers.colour import houses

SEED = 0


@pytest.fixture(scope="module")
def originals() -> Tensor:
    return torch.tensor(load_digits().images, dtype=torch.float32) / 16


@pytest.fixture(scope="module")
def targets() -> Tensor:
    return torch.tensor(load_digits().target)


@pytest.fixture(scope="module")
def neighbours(originals: Tensor) -> Tensor:
    return torch.stack([originals.roll(1, 0), originals.roll(2, 0)], 1)


def painted(originals: Tensor, neighbours: Tensor) -> Tensor:
    """Luminance (N, 32, 32) in [0, 1]; by chance the same whatever the digits are."""
    images = houses.paint(originals, neighbours, torch.Generator().manual_seed(SEED))
    return (images / 255 * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)


@pytest.fixture(scope="module")
def wall(originals: Tensor, neighbours: Tensor) -> Tensor:
    return painted(torch.zeros_like(originals), torch.zeros_like(neighbours))


@pytest.fixture(scope="module")
def alone(originals: Tensor, neighbours: Tensor) -> Tensor:
    return painted(originals, torch.zeros_like(neighbours))


@pytest.fixture(scope="module")
def contrast(alone: Tensor, wall: Tensor) -> Tensor:
    """(N, 1, 1): how far the digit's body is from the wall, lighter above 0 and darker below."""
    difference = (alone - wall).flatten(1)
    return (difference.abs().quantile(0.97, dim=1) * difference.sum(1).sign())[:, None, None]


@pytest.fixture(scope="module")
def masks(alone: Tensor, wall: Tensor, contrast: Tensor) -> Tensor:
    """(N, 32, 32), about 1 where the digit is and 0 where the wall shows."""
    return (alone - wall) / contrast


def test_painting_does_not_depend_on_the_batch(originals: Tensor, neighbours: Tensor) -> None:
    whole = houses.paint(originals[:50], neighbours[:50], torch.Generator().manual_seed(SEED))
    parts = houses.paint(originals[:50], neighbours[:50], torch.Generator().manual_seed(SEED), batch=7)
    assert whole.dtype == torch.uint8
    assert whole.shape == (50, 3, 32, 32)
    assert torch.equal(whole, parts)


def test_each_class_gives_a_fifth_of_its_originals_to_the_test() -> None:
    targets = torch.tensor([3] * 50 + [7] * 25)[torch.randperm(75)]
    train, test = houses.split(targets)
    assert targets[test].sort().values.tolist() == [3] * 10 + [7] * 5
    assert torch.cat([train, test]).sort().values.tolist() == list(range(75))
    assert test[targets[test] == 7].tolist() == torch.nonzero(targets == 7).flatten()[4::5].tolist()


def test_every_digit_stands_out_from_its_wall(contrast: Tensor) -> None:
    assert contrast.abs().min() > 0.12
    assert contrast.abs().median() > 0.3


def test_digits_are_light_on_dark_and_dark_on_light(contrast: Tensor) -> None:
    assert 0.3 < (contrast > 0).float().mean() < 0.7


def test_digits_are_whole_and_in_the_middle(masks: Tensor) -> None:
    ink = (masks > 0.5).float()
    assert ink[:, 2:-2, 5:-5].sum() > 0.99 * ink.sum()
    assert ink.mean((1, 2)).min() > 0.05
    assert ink.mean((1, 2)).max() < 0.3
    rows = ink.amax(2).sum(1)
    assert 20 < rows.mean() < 25


def test_unseen_originals_are_recognised_by_what_stands_out(masks: Tensor, targets: Tensor) -> None:
    train, test = houses.split(targets)
    distances = torch.cdist(masks[test].abs().flatten(1), masks[train].abs().flatten(1))
    assert (targets[train][distances.argmin(1)] == targets[test]).float().mean() > 0.88


def test_neighbours_are_cut_off_at_the_edges_and_leave_the_middle_clear(
    originals: Tensor, neighbours: Tensor, alone: Tensor, contrast: Tensor
) -> None:
    change = (painted(originals, neighbours) - alone).abs() / contrast.abs()
    columns = change.sum((0, 1))
    assert columns[8:-8].sum() < 0.01 * columns.sum()
    for edge in (columns[:4], columns[-4:]):
        assert edge.sum() > 0.3 * columns.sum()
    for edge in (change[:, :, :4], change[:, :, -4:]):
        assert 0.35 < (edge.amax((1, 2)) > 0.3).float().mean() < 0.6  # half of the images have one


def test_neighbours_have_the_digits_own_colour(monkeypatch: pytest.MonkeyPatch, originals: Tensor) -> None:
    monkeypatch.setattr(houses, "_WALLS", ("101010",))
    monkeypatch.setattr(houses, "_PAINTS", ("ff2020",))
    blank = torch.zeros_like(originals[:200])
    images = houses.paint(blank, originals[:200, None].expand(-1, 2, -1, -1), torch.Generator().manual_seed(SEED)).int()
    brightest = images.sum(1).flatten(1).argmax(1)
    at = images.flatten(2)[torch.arange(200), :, brightest]
    assert (at[:, 0] > at[:, 1:].amax(1) + 50).float().mean() > 0.6


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_channels_are_red_green_blue(monkeypatch: pytest.MonkeyPatch, originals: Tensor, channel: int) -> None:
    monkeypatch.setattr(houses, "_WALLS", tuple(["c00000", "00c000", "0000c0"][channel : channel + 1]))
    monkeypatch.setattr(houses, "_PAINTS", ("ffffff",))
    zeros = torch.zeros(100, 8, 8)
    images = houses.paint(zeros, zeros[:, None].expand(-1, 2, -1, -1), torch.Generator().manual_seed(SEED))
    assert (images.float().mean((2, 3)).argmax(1) == channel).all()


def test_walls_vary_in_colour_from_image_to_image_and_little_within_one(
    originals: Tensor, neighbours: Tensor, wall: Tensor
) -> None:
    bare = houses.paint(torch.zeros_like(originals), neighbours * 0, torch.Generator().manual_seed(SEED)) / 255
    means = bare.mean((2, 3))
    assert (means.std(0) > 0.15).all()
    assert torch.corrcoef(means.T)[0, 2] < 0.8  # colours, not only greys
    assert (means.amax(1) - means.amin(1)).median() > 0.08
    within = wall.flatten(1).std(1)
    assert within.min() > 0.003
    assert within.median() < 0.08
