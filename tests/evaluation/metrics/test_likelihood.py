import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import scipy.special
import scipy.stats
import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Likelihoods
from pipeline.evaluation.metrics import likelihood


def gaussian_model(images: int, draws: int, spread: float = 1.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """z ~ N(0, 1), x | z ~ N(z, 1), so x ~ N(0, 2) and z | x ~ N(x / 2, 1 / 2). Returns x and the log weights of draws
    from N(x / 2, spread / 2): the true posterior where spread is 1."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(images, 1, generator=draw, dtype=torch.float64) * 2**0.5
    z = x / 2 + (spread / 2) ** 0.5 * torch.randn(images, draws, generator=draw, dtype=torch.float64)

    def log_normal(values: Tensor, mean: Tensor, variance: float) -> Tensor:
        return -((values - mean) ** 2 / variance + math.log(2 * math.pi * variance)) / 2

    log_joint = log_normal(z, torch.zeros_like(z), 1) + log_normal(x, z, 1)
    return x[:, 0], log_joint - log_normal(z, x / 2, spread / 2)


def exact_nll(x: Tensor) -> float:
    return -float(scipy.stats.norm(0, 2**0.5).logpdf(x.numpy()).mean())


def test_constant_weights_are_their_own_likelihood() -> None:
    assert likelihood.importance_nll(torch.full((7, 50), -105.25)) == pytest.approx(105.25, abs=1e-9)


def test_nll_is_exact_with_the_true_posterior() -> None:
    x, log_weights = gaussian_model(images=50, draws=3)
    assert likelihood.importance_nll(log_weights) == pytest.approx(exact_nll(x), abs=1e-9)


def test_nll_is_close_with_many_draws_of_a_wrong_posterior() -> None:
    x, log_weights = gaussian_model(images=200, draws=5000, spread=1.5)
    assert likelihood.importance_nll(log_weights) == pytest.approx(exact_nll(x), abs=0.01)


def test_nll_falls_towards_the_truth_with_the_number_of_draws() -> None:
    x, log_weights = gaussian_model(images=4000, draws=64, spread=0.4)
    bounds = [likelihood.importance_nll(log_weights[:, :draws]) for draws in (1, 2, 8, 64)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[-1] > exact_nll(x)


def test_nll_is_at_most_minus_the_mean_log_weight() -> None:
    _, log_weights = gaussian_model(images=100, draws=16, spread=3.0)  # Jensen: log mean >= mean log, image by image
    assert likelihood.importance_nll(log_weights) < -float(log_weights.mean())


def test_nll_of_one_draw_is_minus_the_elbo() -> None:
    _, log_weights = gaussian_model(images=100, draws=1, spread=3.0)
    assert likelihood.importance_nll(log_weights) == pytest.approx(-float(log_weights.mean()), abs=1e-12)


def test_nll_agrees_with_scipy_where_the_weights_themselves_underflow() -> None:
    log_weights = torch.randn(20, 30, generator=torch.Generator().manual_seed(0)) * 20 - 5000
    expected = -(scipy.special.logsumexp(log_weights.double().numpy(), axis=1, b=1 / 30)).mean()
    assert likelihood.importance_nll(log_weights) == pytest.approx(expected, rel=1e-12)


def test_signs(make_evidence: Callable[..., Evidence], likelihoods: Likelihoods) -> None:
    """Names the fault of public code that logs the KL with the wrong sign."""
    values = likelihood.measure(make_evidence(likelihoods=likelihoods))
    assert values["reconstruction"] == pytest.approx(90.5, abs=0.2)
    assert values["kl"] == pytest.approx(20.5, abs=0.2)
    assert values["elbo"] == pytest.approx(-values["reconstruction"] - values["kl"], abs=1e-9)


def test_a_density_keeps_its_nats_to_itself(make_evidence: Callable[..., Evidence], likelihoods: Likelihoods) -> None:
    """The same numbers under names of their own; between them, the two kinds give every name there is."""
    values = likelihood.measure(make_evidence(likelihoods=likelihoods))
    density = likelihood.measure(make_evidence(likelihoods=replace(likelihoods, comparable=False)))
    assert density.keys() == {"kl", "density_elbo", "density_reconstruction", "density_nll"}
    assert {name.removeprefix("density_"): value for name, value in density.items()} == values
    assert values.keys() | density.keys() == likelihood.BETTER.keys()
    for name in ("elbo", "reconstruction", "nll"):
        assert likelihood.BETTER[f"density_{name}"] == likelihood.BETTER[name]


def test_nothing_without_likelihood(make_evidence: Callable[..., Evidence]) -> None:
    assert likelihood.measure(make_evidence()) == {}
