"""The autoencoder: its loss, and the Gaussian that it draws its codes from."""

import pytest
import torch
from torch import Tensor

from pipeline.contracts.model import Batch, EncoderModel, LikelihoodModel
from pipeline.models import ae
from pipeline.networks import conv

SHAPE, LATENT = (3, 16, 16), 5


def _model() -> ae.Autoencoder:
    torch.manual_seed(0)
    return ae.Autoencoder(ae.Settings(latent=LATENT), conv.build(conv.Settings(width=4), SHAPE))


def _batch(n: int, seed: int = 0) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    return Batch(torch.rand(n, *SHAPE, generator=draw) * 2 - 1, torch.zeros(n, 0), draw)


def test_the_loss_is_the_mean_squared_error_of_images_from_their_codes() -> None:
    model, batch = _model().eval(), _batch(6)
    terms = model.terms(batch)
    rebuilt = model.generate(model.code(batch.images, batch.labels), batch.labels)
    assert set(terms) == {"reconstruction"}
    torch.testing.assert_close(terms["reconstruction"], (rebuilt - batch.images).square().mean())
    assert isinstance(model, EncoderModel)
    assert not isinstance(model, LikelihoodModel)


@torch.no_grad()
def test_samples_have_the_mean_and_covariance_of_the_training_images_codes() -> None:
    """However the images are split into batches."""
    model = _model().eval()
    batches = [_batch(n, n) for n in (40, 7, 53)]
    codes = torch.cat([model.code(batch.images, batch.labels) for batch in batches])
    model.settle(batches)
    torch.testing.assert_close(model.mean, codes.mean(0))
    torch.testing.assert_close(model.root @ model.root, codes.T.cov(correction=0), rtol=1e-4, atol=1e-6)
    drawn = model.prior(200_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), rtol=0, atol=0.01 * codes.std().item())
    torch.testing.assert_close(drawn.T.cov(), codes.T.cov(correction=0), rtol=0.05, atol=1e-3 * codes.var().item())


@torch.no_grad()
def test_fewer_images_than_latent_dimensions_still_give_a_gaussian() -> None:
    """Its covariance has no inverse then, and rounding makes some of its variances negative."""
    model, batch = _model().eval(), _batch(3)
    model.settle([batch])
    codes = model.code(batch.images, batch.labels)
    drawn = model.prior(1000, torch.Generator().manual_seed(0))
    assert drawn.isfinite().all()
    axes = torch.linalg.svd(codes - codes.mean(0)).Vh[2:]  # directions in which no two codes differ
    assert ((drawn - codes.mean(0)) @ axes.T).abs().max() < 1e-3 * codes.abs().max()


@pytest.mark.parametrize("labels", [torch.zeros(2, 3), torch.ones(2, 3)])
@torch.no_grad()
def test_it_heeds_no_labels(labels: Tensor) -> None:
    model, latents = _model().eval(), torch.ones(2, LATENT)
    assert torch.equal(model.generate(latents, labels), model.generate(latents, torch.zeros(2, 0)))


@torch.no_grad()
def test_several_gaussians_take_the_place_of_one() -> None:
    torch.manual_seed(0)
    model = ae.Autoencoder(ae.Settings(latent=LATENT, mixture=3), conv.build(conv.Settings(width=4), SHAPE)).eval()
    batches = [_batch(n, n) for n in (40, 7, 53)]
    codes = torch.cat([model.code(batch.images, batch.labels) for batch in batches])
    model.settle(batches)
    drawn = model.prior(50_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), rtol=0, atol=0.02 * codes.std().item())
    torch.testing.assert_close(drawn.std(0), codes.std(0, correction=0), rtol=0.05, atol=0)
    assert model.latents == "latents from 3 Gaussians fitted to the training images'"
    assert "root" not in model.state_dict()
