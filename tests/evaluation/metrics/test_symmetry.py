import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import symmetry

EYES = (0.39, 0.61)  # of the width, as CelebA's and ours


def faces(
    size: int = 64, *, count: int = 6, eyes: tuple[float, ...] = EYES, lowered: float = 0.0, right: float = 1.0
) -> Tensor:
    """A light oval with dark eyes, each face a little different, (N, 3, size, size); all are symmetric.

    lowered: the right eye, by so many heights; right: its size, in widths of the left one.
    """
    rows, columns = torch.meshgrid(*[(torch.arange(size) + 0.5) / size] * 2, indexing="ij")
    images = []
    for number in range(count):
        image = 0.2 + 0.6 * torch.sigmoid(20 * (0.3 + 0.02 * number - ((rows - 0.5) / 1.3).hypot(columns - 0.5)))
        for eye in eyes:
            down, width = (lowered, 0.04 * right) if eye > 0.5 else (0, 0.04)
            image -= 0.5 * torch.exp(-((rows - 0.5 - down) ** 2 + (columns - eye) ** 2) / (2 * width**2))
        images.append(image)
    return torch.stack(images)[:, None].expand(-1, 3, -1, -1)


def noisy(images: Tensor, amount: float = 0.03) -> Tensor:
    """Of images that are not quite symmetric, as no real ones are."""
    return images + amount * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))


def mean(images: Tensor) -> float:
    return float(symmetry.asymmetry(images).mean())


@pytest.mark.parametrize("size", [16, 17, 32, 64, 96])
def test_symmetric_faces(size: int) -> None:
    assert symmetry.asymmetry(faces(size)).tolist() == pytest.approx([0] * 6, abs=1e-5)


@pytest.mark.parametrize("size", [16, 17, 64])
def test_mirroring_changes_nothing(size: int) -> None:
    images = noisy(faces(size, lowered=0.05).roll(1, 3))
    assert symmetry.asymmetry(images.flip(3)).tolist() == pytest.approx(symmetry.asymmetry(images).tolist())


@pytest.mark.parametrize("by", [-5, -2, 1, 5])
def test_a_face_may_stand_aside(by: int) -> None:
    images = faces(lowered=0.05)
    assert symmetry.asymmetry(images.roll(by, 3)).tolist() == pytest.approx(symmetry.asymmetry(images).tolist())


def test_the_axis_may_be_a_column_or_lie_between_two() -> None:
    images = faces(65)
    for cut in (images[..., 1:], images[..., 2:], images[..., :-3]):
        assert symmetry.asymmetry(cut).tolist() == pytest.approx([0] * 6, abs=1e-5)


def test_not_too_far_aside() -> None:
    assert mean(faces().roll(14, 3)) > 0.2


def test_light_and_contrast_change_nothing() -> None:
    images = noisy(faces(lowered=0.05))
    found = symmetry.asymmetry(images).tolist()
    assert symmetry.asymmetry(images / 3 + 0.4).tolist() == pytest.approx(found, rel=1e-4)
    assert symmetry.asymmetry(1 - images).tolist() == pytest.approx(found, rel=1e-4)


def test_an_image_counts_by_itself() -> None:
    images = noisy(faces(lowered=0.05))
    assert symmetry.asymmetry(images)[2:3].tolist() == pytest.approx(symmetry.asymmetry(images[2:3]).tolist())


def test_what_is_about_the_face_does_not_count() -> None:
    images = noisy(faces())
    other = images.clone()
    other[:, :, :13] = other[:, :, 51:] = other[..., :7] = 0
    assert torch.equal(symmetry.asymmetry(other), symmetry.asymmetry(images))


def test_a_crooked_mouth_does_not_count() -> None:
    """It is in the face, which finds the axis, and not in the band of the eyes."""
    images = faces().clone()
    images[:, :, 44:47, 22:31] -= 0.3
    assert symmetry.asymmetry(images).tolist() == pytest.approx([0] * 6, abs=1e-5)


def test_a_missing_eye_does_not_move_the_axis() -> None:
    """About an axis through the one that is left, it would be quite symmetric."""
    assert mean(faces(eyes=(0.42,))) > 0.3


def test_eyes_that_do_not_match() -> None:
    """One lower, and lower still; one smaller, and one missing."""
    assert mean(faces()) < 0.01 < mean(faces(lowered=0.02)) < mean(faces(lowered=0.05))
    assert mean(faces()) < 0.01 < mean(faces(right=0.7)) < mean(faces(eyes=EYES[:1]))


def test_steps_in_closed_form() -> None:
    """A left half of one grey and a right half of another: every pair differs by the step, twice the deviation.

    An axis aside has pairs on one side only: as far as it may move, reach - away of them differ.
    """
    image = torch.where(torch.arange(64) < 32, 0.25, 0.75).expand(1, 1, 64, 64)
    pairs, differing = 12, 12 - 6
    low = differing / (2 * pairs)  # of all pixels
    assert mean(image) == pytest.approx(0.5 * differing / pairs / (0.5 * math.sqrt(low * (1 - low))))


def test_noise_is_a_little_below_its_expectation() -> None:
    images = torch.randn(200, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = 2 / math.sqrt(math.pi)  # of |a - b|, in deviations of a
    assert 0.85 * expected < mean(images) < expected


def test_a_flat_image_is_symmetric() -> None:
    assert symmetry.asymmetry(torch.full((2, 3, 64, 64), 0.3)).tolist() == [0, 0]


def of(make_evidence: Callable[..., Evidence], fakes: Tensor, reals: Tensor) -> dict[str, float]:
    evidence = make_evidence()
    fake, test = (replace(evidence.test, stored=some, features=some) for some in (fakes, reals))
    return symmetry.measure(replace(evidence, fake=fake, test=test))


def test_real_faces_are_as_symmetric_as_themselves(make_evidence: Callable[..., Evidence]) -> None:
    reals = noisy(faces())
    assert of(make_evidence, reals, reals) == dict.fromkeys(symmetry.BETTER, 1.0)


def test_above_one_eyes_match_less(make_evidence: Callable[..., Evidence]) -> None:
    reals, mismatched = noisy(faces()), noisy(faces(lowered=0.05))
    value = of(make_evidence, mismatched, reals)["eye_asymmetry"]
    assert value == pytest.approx(mean(mismatched) / mean(reals))
    assert value > 1.5
    assert of(make_evidence, faces(), reals)["eye_asymmetry"] < 0.1


def test_at_most_1000_are_compared(make_evidence: Callable[..., Evidence]) -> None:
    images = torch.rand(1010, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    flat = images.clone()
    flat[1000:] = 0
    assert of(make_evidence, flat, images) == of(make_evidence, images, flat) == {"eye_asymmetry": 1.0}


def test_nothing_to_compare_with(make_evidence: Callable[..., Evidence]) -> None:
    assert of(make_evidence, faces(), torch.zeros(3, 3, 64, 64)) == {}
