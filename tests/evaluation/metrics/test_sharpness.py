from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage
import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import sharpness

IMAGES = torch.rand(30, 3, 12, 10, generator=torch.Generator().manual_seed(0))


def blurred(images: Tensor, sigma: float) -> Tensor:
    return torch.from_numpy(scipy.ndimage.gaussian_filter(images.numpy(), sigma, axes=(2, 3)))


def with_fakes(evidence: Evidence, fakes: Tensor, reals: Tensor = IMAGES) -> Evidence:
    fake, test = (replace(evidence.test, stored=some, features=some) for some in (fakes, reals))
    return replace(evidence, fake=fake, test=test)


def test_agrees_with_scipy() -> None:
    grey = IMAGES.double().mean(1).numpy()
    inner = [scipy.ndimage.laplace(image)[1:-1, 1:-1] for image in grey]
    expected = np.array([image.var() for image in inner])
    assert sharpness.laplacian_variance(IMAGES).numpy() == pytest.approx(expected, rel=1e-5)


def test_a_ramp_has_no_edges() -> None:
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(7.0), indexing="ij")
    ramp = (rows / 16 + columns / 32)[None, None]  # exact in binary
    assert sharpness.laplacian_variance(ramp) == 0


def test_a_chequerboard_has_a_closed_form() -> None:
    rows, columns = torch.meshgrid(torch.arange(10), torch.arange(10), indexing="ij")
    board = ((rows + columns) % 2).float()[None, None]
    assert sharpness.laplacian_variance(board) == 16  # the Laplacian is +4 on dark and -4 on light pixels


def test_contrast_counts_squared_and_brightness_not_at_all() -> None:
    whole = sharpness.laplacian_variance(IMAGES)
    torch.testing.assert_close(sharpness.laplacian_variance(IMAGES / 2 + 0.25), whole / 4, rtol=1e-5, atol=0)


def test_turning_and_mirroring_change_nothing() -> None:
    turned = sharpness.laplacian_variance(IMAGES.mT.flip(2))
    torch.testing.assert_close(turned, sharpness.laplacian_variance(IMAGES), rtol=1e-5, atol=0)


@pytest.mark.parametrize("block", [1, 7, 1024])
def test_neither_block_nor_order_matters(block: int) -> None:
    whole = sharpness.laplacian_variance(IMAGES)
    assert torch.equal(sharpness.laplacian_variance(IMAGES.flip(0), block).flip(0), whole)


def test_real_images_are_as_sharp_as_themselves(make_evidence: Callable[..., Evidence]) -> None:
    values = sharpness.measure(with_fakes(make_evidence(), IMAGES))
    assert values == {"sharpness": 1}
    assert values.keys() == sharpness.BETTER.keys()


def test_blur_lowers_and_noise_raises(make_evidence: Callable[..., Evidence]) -> None:
    reals = blurred(IMAGES, 1)
    found = [
        sharpness.measure(with_fakes(make_evidence(), fakes, reals))["sharpness"]
        for fakes in (blurred(reals, 1), blurred(reals, 0.5), reals, reals + 0.1 * IMAGES)
    ]
    assert found == sorted(found)
    assert found[1] < found[2] == 1 < found[3]
