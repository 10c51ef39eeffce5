from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from sklearn.metrics import mean_squared_error

from pipeline.evaluation.evidence import Evidence, Likelihoods
from pipeline.evaluation.metrics import reconstruction_error


def test_agrees_with_sklearn(make_evidence: Callable[..., Evidence], likelihoods: Likelihoods) -> None:
    """Of the test images, which the reconstructions are of."""
    evidence = make_evidence(likelihoods=likelihoods)
    assert evidence.reconstructed is not None
    expected = mean_squared_error(evidence.test.images.flatten(), evidence.reconstructed.flatten())
    assert reconstruction_error.measure(evidence) == {"mse": pytest.approx(expected, rel=1e-6)}


def test_is_per_pixel_whatever_the_size() -> None:
    for shape in ((3, 1, 4, 4), (9, 3, 16, 16)):
        grey = torch.full(shape, 0.5)
        assert reconstruction_error.squared_errors(grey, torch.ones(shape)).mean() == 0.25


def test_a_model_needs_an_encoder_and_no_likelihood(make_evidence: Callable[..., Evidence]) -> None:
    evidence = make_evidence()
    values = reconstruction_error.measure(replace(evidence, reconstructed=evidence.test.images))
    assert values == dict.fromkeys(reconstruction_error.BETTER, 0.0)


def test_nothing_without_reconstructions(make_evidence: Callable[..., Evidence]) -> None:
    assert reconstruction_error.measure(make_evidence()) == {}
