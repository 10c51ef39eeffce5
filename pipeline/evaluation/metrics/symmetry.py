"""Whether the two eyes of drawn faces match as those of real ones do, without looking for eyes."""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Judged, Part

# One is as symmetric as real: above lie eyes that do not match, below faces that are all seen from the front, or blur.
BETTER: Final[Mapping[str, str]] = {"eye_asymmetry": "neither"}
SCALE: Final[Mapping[str, str]] = {"eye_asymmetry": "log"}
# Parts of an image of a centred face, as CelebA's and ours: from which to which height, and how far to either side of
# the axis in widths.
FACE: Final = (0.2, 0.8, 0.3)
EYES: Final = (0.4, 0.6, 0.2)
AWAY: Final = 6 / 64  # of the width: how far the axis may be from the middle
FLAT: Final = 1e-6  # standard deviation of grey in [0, 1]
MOST_COMPARED: Final = 1000
BLOCK: Final = 64  # images at a time, which bounds the memory and stays in a CPU's cache


def _unlike(images: Tensor, part: tuple[float, float, float], ends: int) -> Tensor:
    """Mean |left - mirrored right| of a part of the grey images, over the part's standard deviation, (N,).

    The mirror maps column c onto column ends - c; images (N, H, W).
    """
    height, width = images.shape[1:]
    band, reach = images[:, round(part[0] * height) : round(part[1] * height)], int(part[2] * width)
    left = band[:, :, (ends + 1) // 2 - reach : (ends + 1) // 2].flip(2)
    right = band[:, :, ends // 2 + 1 : ends // 2 + 1 + reach]
    both = torch.cat([left, right], 2).flatten(1)
    contrast = (both - both.mean(1, keepdim=True)).square().mean(1).sqrt()  # several times as fast as torch's std
    return (left - right).abs().flatten(1).mean(1) / contrast.clamp_min(FLAT)


def asymmetry(images: Tensor) -> Tensor:
    """How far each image's eyes are from their mirror image, (N,); images (N, C, H, W) of at least 16 x 16 pixels.

    The mirror is the vertical axis about which the face is most symmetric, in steps of half a pixel, the least that
    maps pixels onto pixels; the eyes alone would choose a wrong one where they do not match. The number is the mean
    |left - mirrored right| over the grey band in which eyes lie, over its standard deviation. Independent noise gives
    about 2 / sqrt(pi) = 1.13, a flat band 0. Mirroring the image, brightness and contrast change nothing, nor does
    shifting the face by less than the axis may move. A tilted head counts as asymmetric.
    """
    grey = images.double().mean(1)
    width = grey.shape[2]
    most = int(2 * AWAY * width)
    axes = range(width - 1 - most, width + most)  # each by the sum of two mirrored columns
    best = torch.stack([_unlike(grey, FACE, ends) for ends in axes]).argmin(0)
    return torch.stack([_unlike(grey, EYES, ends) for ends in axes]).gather(0, best[None])[0]


def _means(images: Judged, rows: Sequence[Tensor]) -> list[float]:
    """The mean asymmetry of some of the images, by rows of them; of each image it is computed once."""
    which, place = torch.cat([*rows]).unique(return_inverse=True)
    found = torch.cat([asymmetry(some) for some in images.images[which].split(BLOCK)])
    return [float(some.mean()) for some in found[place].split([len(each) for each in rows])]


def of_parts(evidence: Evidence, parts: Sequence[Part]) -> list[dict[str, float]]:
    """What `measure` says of each part."""
    real = _means(evidence.test, [part.test[:MOST_COMPARED] for part in parts])
    fake = _means(evidence.fake, [part.fake[:MOST_COMPARED] for part in parts])
    means = zip(real, fake, strict=True)
    return [{"eye_asymmetry": drawn / shown} if shown else {} for shown, drawn in means]


def measure(evidence: Evidence) -> dict[str, float]:
    """eye_asymmetry: the samples' mean `asymmetry` over that of the test images, of at most 1000 of each, the first.

    It means eyes only for faces about the middle of the image; no metric knows what images show. Empty where the test
    images are without any asymmetry.
    """
    return of_parts(evidence, [evidence.whole()])[0]
