"""Drawings and what is seen in them, a few at a time, and how much of such work is done."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pipeline.contracts.images import Pixels, to_unit
from pipeline.evaluation.needs import finite
from pipeline.ground.parallel import Report

# What the work costs, roughly: one pass of an image through a network each.
DRAWN = 4  # a drawing and what a judge or referee sees in it, whose networks are the largest
REBUILT = 3  # a test image encoded, and decoded twice
WEIGHED = 1  # a draw of the posterior decoded
PAIRS = 2000  # of images compared
Step = Callable[[int], None]  # so many units of work are done
MOST_REPORTS = 2000  # so many tell of any progress soon enough, and cost nothing


def untold(done: int) -> None:
    """Where nobody wants to know."""


class Steps:
    """Counts units of work towards a total, known from the start, and reports them."""

    def __init__(self, total: int, report: Report) -> None:
        self.total, self.report = total, report
        self.done = self.told = 0
        report(0, total, {})

    def __call__(self, done: int) -> None:
        self.done += done
        if self.done == self.total or (self.done - self.told) * MOST_REPORTS >= self.total:
            self.told = self.done
            self.report(self.done, self.total, {})


def compared(images: int) -> int:
    """Units of work of comparing so many images with one another."""
    return images**2 // PAIRS


def at_once(device: torch.device, most: int) -> int:
    """How many images pass a network together, `most` on a GPU.

    On a CPU few: its cache then holds what passes from layer to layer, and a judge is twice as fast as with 500.
    """
    return min(64, most) if device.type == "cpu" else most


def drawings(
    generate: Callable[[Tensor, Tensor], Tensor],
    pixels: Pixels,
    look: Callable[[Tensor], tuple[Tensor, ...]],
    latents: Tensor,
    labels: Tensor,
    step: Step = untold,
) -> Iterator[tuple[Tensor, ...]]:
    """Images (B, C, H, W) in [0, 1] and what is seen in them, of a few drawings after the other.

    generate: from latents (B, Z) and labels (B, K) to images in the range `pixels`. look: from images to columns (B,
    ...). labels: on the home of evidence, where all that is found goes. Raises InputError where one is not finite.
    """
    size = at_once(latents.device, 500)
    for z, hot in zip(latents.split(size), labels.split(size), strict=True):
        fakes = to_unit(generate(z, hot.to(z.device).float()), pixels)
        found = (fakes, *look(fakes))
        for column in found:
            finite("drawings and what is seen in them", column)
        yield tuple(column.to(labels.device) for column in found)
        step(DRAWN * len(z))


def seen(
    generate: Callable[[Tensor, Tensor], Tensor],
    pixels: Pixels,
    look: Callable[[Tensor], tuple[Tensor, ...]],
    latents: Tensor,
    labels: Tensor,
    step: Step = untold,
) -> list[Tensor]:
    """What is seen in all of these drawings, (N, ...) each, without the drawings."""
    return [
        torch.cat(column)
        for column in zip(*(rest for _, *rest in drawings(generate, pixels, look, latents, labels, step)), strict=True)
    ]
