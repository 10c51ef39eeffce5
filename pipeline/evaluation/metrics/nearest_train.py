"""Whether samples are copies of training images: are they nearer to those than to images never trained on?"""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Judged, Part
from pipeline.evaluation.needs import different
from pipeline.evaluation.neighbours import neighbours, used

# One half is a model that has not memorised; far below it, one that has not learnt the training images' distribution.
BETTER: Final[Mapping[str, str]] = {"nearest_train": "neither"}
SCALE: Final[Mapping[str, str]] = {"nearest_train": "logit"}
LOOKED_UP: Final = 16  # neighbours, of which one is wanted


def _originals(images: Judged) -> Tensor:
    """Which images are variants of one; without word of it, none are."""
    count, device = len(images.features), images.features.device
    return torch.arange(count, device=device) if images.originals is None else images.originals


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
    return _balanced(_rows_of_originals(train_originals), _rows_of_originals(test_originals))


def _balanced(train: list[list[int]], test: list[list[int]]) -> tuple[Tensor, Tensor]:
    """The same, of the rows of each original's variants."""
    sides = (train, test)

    def usable(variants: int) -> int:
        return min(sum(len(rows) >= variants for rows in side) for side in sides)

    most = max(len(rows) for side in sides for rows in side)
    variants = max(range(1, most + 1), key=lambda v: v * usable(v))  # the first, so the fewest, of equals
    drawn = ([rows[:variants] for rows in side if len(rows) >= variants][: usable(variants)] for side in sides)
    of_train, of_test = (torch.tensor(rows).flatten() for rows in drawn)
    return of_train, of_test


def nearer_shares(
    samples: Tensor, one: Tensor, other: Tensor, parts: Sequence[tuple[Tensor, Tensor, Tensor]], block: int = 512
) -> list[float]:
    """The `nearer_share` of each part: rows of samples, one and other. Distances are computed once for all parts."""
    (samples, own), *sides = (
        used(side, [part[which] for part in parts]) for which, side in enumerate((samples, one, other))
    )
    nearest = [(neighbours(samples, side, block, LOOKED_UP), rows) for side, rows in sides]
    shares = []
    for number, of_samples in enumerate(own):
        to_one, to_other = (found.among(of_samples, rows[number], (1,)) for found, rows in nearest)
        half_wins = int((to_other > to_one).sum() + (to_other >= to_one).sum())
        shares.append(half_wins / (2 * len(of_samples)))
    return shares


def nearer_share(samples: Tensor, one: Tensor, other: Tensor, block: int = 512) -> float:
    """The share of samples (N, D) whose nearest point is in `one` (M, D) and not in `other` (L, D); a tie is a half.

    `block` bounds the memory and leaves the value alone.
    """
    every, of_one, of_other = (torch.arange(len(side), device=side.device) for side in (samples, one, other))
    return nearer_shares(samples, one, other, [(every, of_one, of_other)], block)[0]


def trials(evidence: Evidence) -> dict[str, int]:
    """One a sample."""
    return {"nearest_train": len(evidence.fake.features)}


def of_parts(evidence: Evidence, parts: Sequence[Part]) -> list[dict[str, float]]:
    """What `measure` says of each part."""
    home = evidence.fake.features.device
    different(torch.cat([evidence.train.features, evidence.test.features]), "real images")
    of_train, test = _rows_of_originals(_originals(evidence.train)), _originals(evidence.test)
    rows = []
    for part in parts:
        trained, tested = (side.to(home) for side in _balanced(of_train, _rows_of_originals(test[part.test])))
        rows.append((part.fake, trained, part.test[tested]))
    shares = nearer_shares(evidence.fake.features, evidence.train.features, evidence.test.features, rows)
    return [{"nearest_train": share} for share in shares]


def measure(evidence: Evidence) -> dict[str, float]:
    """nearest_train: the share of samples nearer, in the referee's features, to a training than to a test image.

    As many of each are compared (see `balanced`), so a model that has not memorised gives about one half; with few
    originals the draw alone moves that, by the order of 1 / (2 sqrt(originals of a side)). A copy of a training image
    counts fully only if some variant of that image is among those compared; copies of all others count a half.

    The referee was itself trained on the training images. If it overfits them, it sees them as surer, more typical
    examples than test images, and a model of clear, typical samples comes out above one half without having copied:
    hold a value against those of other models with the same referee.

    One sample is enough, and so is one image of each split. Raises InputError where all real images are alike, of which
    none is nearer.
    """
    return of_parts(evidence, [evidence.whole()])[0]
