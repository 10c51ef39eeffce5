"""How far the work is: told from the start, in one count, to the end."""

from collections.abc import Mapping

import pytest
import torch
from torch import Generator, Tensor

from pipeline.evaluation import drawing
from pipeline.evaluation.drawing import DRAWN, Steps


def test_the_count_begins_at_once_and_ends_with_the_total() -> None:
    told: list[tuple[int, int, Mapping[str, float]]] = []
    step = Steps(10, lambda *content: told.append(content))
    assert told == [(0, 10, {})]
    for _ in range(5):
        step(2)
    assert told == [(done, 10, {}) for done in (0, 2, 4, 6, 8, 10)]


def test_a_long_count_is_told_now_and_then() -> None:
    told: list[int] = []
    step = Steps(1_000_000, lambda done, total, values: told.append(done))
    for _ in range(100_000):
        step(10)
    assert told[-1] == 1_000_000
    assert 1000 < len(told) <= drawing.MOST_REPORTS + 1


def sums(images: Tensor) -> tuple[Tensor, Tensor]:
    """One who sees an image's sum, and twice that."""
    total = images.flatten(1).sum(1, keepdim=True)
    return total, 2 * total


@pytest.mark.parametrize("count", [1, 64, 150])
def test_drawings_come_in_order_whatever_their_number(count: int) -> None:
    latents, labels = torch.randn(count, 4, generator=Generator().manual_seed(0)), torch.arange(count)[:, None] % 7
    steps: list[int] = []

    def generate(z: Tensor, hot: Tensor) -> Tensor:
        return (z.tanh() + hot / 100).view(-1, 1, 2, 2)

    shown = list(drawing.drawings(generate, "symmetric", sums, latents, labels, steps.append))
    images, features, logits = (torch.cat(column) for column in zip(*shown, strict=True))
    whole = ((generate(latents, labels) + 1) / 2).clamp(0, 1)
    torch.testing.assert_close(images, whole)
    torch.testing.assert_close(features, whole.flatten(1).sum(1, keepdim=True))
    torch.testing.assert_close(logits, 2 * features)
    assert sum(steps) == DRAWN * count
    assert all(len(some) <= 64 for some, _, _ in shown)
    again = drawing.seen(generate, "symmetric", sums, latents, labels)
    assert all(torch.equal(one, other) for one, other in zip(again, (features, logits), strict=True))
