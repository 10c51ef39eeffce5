"""Whether samples are copies of training images: are they nearer to those than to images never trained on?"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Judged

# One half is a model that has not memorised; far below it, one that has not learnt the training images' distribution.
BETTER: Final[Mapping[str, str]] = {"nearest_train": "neither"}


def _originals(images: Judged) -> Tensor:
    """Which images are variants of one; without word of it, none are."""
    return torch.arange(len(images.features)) if images.originals is None else images.originals


def _rows_of_originals(originals: Tensor) -> list[list[int]]:
    """The rows of each original's variants, originals and variants in order of appearance."""
    rows: dict[int, list[int]] = {}
    for row, original in enumerate(originals.tolist()):
        rows.setdefault(original, []).append(row)
    return list(rows.values())


def balanced(train_originals: Tensor, test_originals: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of as many train and test images, from as many originals with as many variants each.

    train_originals (N,), test_originals (M,): equal where images are variants of one. Variants crowd around their
    original, so it is originals that cover the space: equal numbers of images alone would favour the side with more
    originals. Of all such draws this is the one with the most images, then the most originals. It takes the first
    originals, and the first variants of each, which is a random choice because images come in random order.
    """
    sides = [_rows_of_originals(originals) for originals in (train_originals, test_originals)]

    def usable(variants: int) -> int:
        return min(sum(len(rows) >= variants for rows in side) for side in sides)

    most = max(len(rows) for side in sides for rows in side)
    variants = max(range(1, most + 1), key=lambda v: v * usable(v))  # the first, so the fewest, of equals
    drawn = ([rows[:variants] for rows in side if len(rows) >= variants][: usable(variants)] for side in sides)
    train, test = (torch.tensor(rows).flatten() for rows in drawn)
    return train, test


def nearer_share(samples: Tensor, one: Tensor, other: Tensor, block: int = 1024) -> float:
    """The share of samples (N, D) whose nearest point is in `one` (M, D) and not in `other` (M, D); a tie is a half.

    `block` bounds the memory and leaves the value alone.
    """
    one, other = one.double(), other.double()
    half_wins = 0
    for part in torch.split(samples.double(), block):
        gap = torch.cdist(part, other).amin(1) - torch.cdist(part, one).amin(1)
        half_wins += int((gap > 0).sum() + (gap >= 0).sum())
    return half_wins / (2 * len(samples))


def trials(evidence: Evidence) -> dict[str, int]:
    """One a sample."""
    return {"nearest_train": len(evidence.fake.features)}


def measure(evidence: Evidence) -> dict[str, float]:
    """nearest_train: the share of samples nearer, in the judge's features, to a training than to a test image.

    As many of each are compared (see `balanced`), so a model that has not memorised gives about one half; with few
    originals the draw alone moves that, by the order of 1 / (2 sqrt(originals of a side)). A copy of a training image
    counts fully only if some variant of that image is among those compared; copies of all others count a half.

    The judge was itself trained on the training images. If it overfits them, it sees them as surer, more typical
    examples than test images, and a model of clear, typical samples comes out above one half without having copied:
    hold a value against those of other models with the same judge.
    """
    train, test = evidence.train, evidence.test
    rows = balanced(_originals(train), _originals(test))
    return {"nearest_train": nearer_share(evidence.fake.features, train.features[rows[0]], test.features[rows[1]])}
