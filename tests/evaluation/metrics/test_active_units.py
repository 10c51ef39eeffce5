from collections.abc import Callable

import torch

from pipeline.evaluation.evidence import Evidence, Likelihoods
from pipeline.evaluation.metrics import active_units


def test_counts_the_dimensions_that_vary() -> None:
    scales = torch.tensor([1.0, 0.0, 0.2, 0.05, 3.0])  # variances 1, 0, .04, .0025, 9
    means = torch.randn(2000, 5, generator=torch.Generator().manual_seed(0)) * scales
    assert active_units.active_units(means) == 3


def test_a_shift_is_no_activity() -> None:
    """A dimension with the same mean, far from the prior's, for every image says nothing about the image."""
    assert active_units.active_units(torch.full((100, 4), 1000.0)) == 0


def test_the_order_of_images_does_not_matter() -> None:
    means = torch.randn(500, 20, generator=torch.Generator().manual_seed(0)) * torch.linspace(0.05, 0.15, 20)
    assert active_units.active_units(means) == active_units.active_units(means.flip(0)) > 0


def test_measure(make_evidence: Callable[..., Evidence], likelihoods: Likelihoods) -> None:
    values = active_units.measure(make_evidence(likelihoods=likelihoods))
    assert values == {"active_units": 5.0}  # uniform numbers have a variance of 1 / 12
    assert values.keys() == active_units.BETTER.keys()


def test_nothing_without_likelihood(make_evidence: Callable[..., Evidence]) -> None:
    assert active_units.measure(make_evidence()) == {}
