from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from sklearn.metrics import mean_squared_error

from pipeline.evidence import Evidence, Likelihoods
from pipeline.metrics import reconstruction_error


def test_agrees_with_sklearn(likelihoods: Likelihoods) -> None:
    found = reconstruction_error.mean_squared_error(likelihoods.reconstructed, likelihoods.originals)
    expected = mean_squared_error(likelihoods.originals.flatten(), likelihoods.reconstructed.flatten())
    assert found == pytest.approx(expected, rel=1e-6)


def test_is_per_pixel_whatever_the_size() -> None:
    for shape in ((3, 1, 4, 4), (9, 3, 16, 16)):
        grey = torch.full(shape, 0.5)
        assert reconstruction_error.mean_squared_error(grey, torch.ones(shape)) == 0.25


@pytest.mark.parametrize("comparable", [True, False])
def test_applies_to_every_likelihood(
    make_evidence: Callable[..., Evidence], likelihoods: Likelihoods, comparable: bool
) -> None:
    values = reconstruction_error.measure(make_evidence(likelihoods=replace(likelihoods, comparable=comparable)))
    assert values.keys() == reconstruction_error.BETTER.keys()


def test_nothing_without_likelihood(make_evidence: Callable[..., Evidence]) -> None:
    assert reconstruction_error.measure(make_evidence()) == {}
