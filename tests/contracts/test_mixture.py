"""The mixture that samples are drawn from where a model's own prior does not suit its decoder."""

import torch
from torch import Generator, Tensor

from pipeline.contracts.mixture import AXES, Mixture

Z = 40  # more than it has axes for


def _clusters(count: int) -> Tensor:
    """(count, Z): two clusters, of a quarter and three quarters, far apart along a line that is no axis."""
    noise = torch.Generator().manual_seed(0)
    latents = 0.5 * torch.randn(count, Z, generator=noise) @ torch.diag(torch.linspace(1, 0.1, Z))
    latents[:, 0] *= 3  # within a cluster too, not all directions are alike
    return latents + torch.where(torch.arange(count)[:, None] % 4 == 0, 4.0, -4.0) * torch.ones(Z) / Z**0.5 * 2


def _drawn(latents: Tensor, components: int, count: int = 40_000) -> Tensor:
    mixture = Mixture(latents.shape[1], components)
    mixture.fit(latents)
    return mixture.draw(count, torch.Generator().manual_seed(1))


def _seed() -> Generator:
    return torch.Generator().manual_seed(1)


def test_it_draws_from_each_cluster_as_often_as_there_are_images_and_never_between_them() -> None:
    latents = _clusters(4000)
    line = torch.ones(Z) / Z**0.5
    along = _drawn(latents, 2) @ line
    assert ((along > 0).float().mean() - 0.25).abs() < 0.01
    between = (latents @ line).abs().min()
    assert (along.abs() < 0.9 * between).float().mean() < 1e-3
    assert (_drawn(latents, 1) @ line).abs().lt(0.9 * between).float().mean() > 0.1  # where one Gaussian draws many


def test_draws_have_the_mean_and_in_the_first_axes_the_covariance_of_the_latents() -> None:
    """However many Gaussians there are. Beyond the axes nothing varies."""
    latents = _clusters(4000)
    wanted = latents.double().T.cov(correction=0)
    variances, axes = torch.linalg.eigh(wanted)
    first, rest = axes[:, -AXES:], axes[:, :-AXES]
    for components in (1, 2, 5):
        drawn = _drawn(latents, components).double()
        torch.testing.assert_close(drawn.mean(0), latents.double().mean(0), rtol=0, atol=0.05)
        torch.testing.assert_close(
            first.T @ drawn.T.cov() @ first, torch.diag(variances[-AXES:]), rtol=0.05, atol=0.01 * variances[-1].item()
        )
        assert ((drawn - latents.mean(0)) @ rest).abs().max() < 1e-4


def test_units_do_not_matter() -> None:
    latents = _clusters(500)
    one, other = Mixture(Z, 4), Mixture(Z, 4)
    one.fit(latents)
    other.fit(1000 * latents + 50)
    # an axis may point either way, so that draws of one seed need not correspond, but the mixtures do
    torch.testing.assert_close(one.shares, other.shares, rtol=1e-3, atol=1e-4)
    for mine, its in zip(_covariances(one), _covariances(other), strict=True):
        torch.testing.assert_close(1e6 * mine, its, rtol=1e-2, atol=1e3)


def _covariances(mixture: Mixture) -> Tensor:
    """(K, Z, Z)."""
    return mixture.axes @ mixture.roots @ mixture.roots.mT @ mixture.axes.T


def test_the_same_latents_give_the_same_mixture_to_the_bit() -> None:
    latents = _clusters(500)
    assert torch.equal(_drawn(latents, 4, 100), _drawn(latents.clone(), 4, 100))


def test_a_few_images_and_many_gaussians() -> None:
    """Fewer than there are Gaussians: the others are not used. All alike: that is what is drawn."""
    latents = _clusters(3)
    drawn = _drawn(latents, 8, 1000)
    nearest = torch.cdist(drawn, latents).min(1)
    assert nearest.values.max() < 0.1 * torch.pdist(latents).min()
    assert nearest.indices.unique().tolist() == [0, 1, 2]
    alike = latents[:1].expand(9, -1)
    torch.testing.assert_close(_drawn(alike, 4, 10), alike[:1].expand(10, -1), rtol=0, atol=1e-4)


def test_unfitted_it_is_a_standard_normal_and_a_state_restores_it() -> None:
    fresh = Mixture(6, 3)
    drawn = fresh.draw(100_000, _seed())
    torch.testing.assert_close(drawn.T.cov(), torch.eye(6), rtol=0, atol=0.03)
    torch.testing.assert_close(drawn.mean(0), torch.zeros(6), rtol=0, atol=0.03)
    fitted = Mixture(6, 3)
    fitted.fit(_clusters(100)[:, :6])
    fresh.load_state_dict(fitted.state_dict())
    assert torch.equal(fresh.draw(10, _seed()), fitted.draw(10, _seed()))
    assert "3 Gaussians fitted to the training images'" in fresh.words
