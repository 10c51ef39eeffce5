"""The VAE's objective: the report's own numbers, closed forms, and the known faults of public code."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence

from pipeline.contracts.images import ImageSet, scale
from pipeline.contracts.model import Batch, GenerativeModel, LikelihoodModel, Posterior
from pipeline.models.vae import Settings, Vae, bernoulli_nll, build, gaussian_nll
from pipeline.networks.mlp import Mlp
from pipeline.networks.mlp import Settings as MlpSettings
from pipeline.training import loop


def _error(a: Tensor, b: Tensor) -> float:
    """The report's relative error: max |a - b| / max(|a| + |b|)."""
    return ((a - b).abs().max() / (a.abs() + b.abs()).max()).item()


def _vae(conditional: bool = False, likelihood: str = "bernoulli", latent: int = 5) -> Vae:
    torch.manual_seed(0)
    settings = Settings.model_validate({"latent": latent, "conditional": conditional, "likelihood": likelihood})
    return Vae(settings, Mlp(MlpSettings(layers=2, hidden=32), (1, 28, 28)), 10)


def _batch(tiny: ImageSet, model: GenerativeModel) -> Batch:
    generator = torch.Generator().manual_seed(1)
    return Batch(scale(tiny.images, model.pixels), tiny.labels.float(), generator)


def test_report_a_check_of_the_reparametrisation() -> None:
    generator = torch.Generator().manual_seed(0)
    z = Posterior(torch.zeros(1, 15), torch.ones(1, 15)).sample(generator)
    assert _error(z.mean(), torch.tensor(-0.4363)) <= 1e-4
    assert _error(z.std(), torch.tensor(1.6860)) <= 1e-4


def test_report_a_check_of_the_loss() -> None:
    logits, images = torch.tensor([[2.0, 5.0], [6.0, 7.0]]), torch.sigmoid(torch.tensor([[1.0, 10.0], [9.0, 3.0]]))
    cross_entropy = bernoulli_nll(logits, images).sum()
    kl = Posterior(torch.ones(1, 15), torch.zeros(1, 15)).kl().sum()
    assert round(cross_entropy.item(), 4) == 1.0079
    assert _error(kl, torch.tensor(7.5)) <= 1e-5
    assert _error(cross_entropy + kl, torch.tensor(8.5079)) <= 1e-5


def test_kl_is_that_of_the_distributions_and_never_negative() -> None:
    """The known fault: KL logged with the wrong sign."""
    noise = torch.Generator().manual_seed(0)
    mean, logvar = torch.randn(2, 64, 7, generator=noise, dtype=torch.float64)
    kl = Posterior(mean, logvar).kl()
    expected = kl_divergence(Normal(mean, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl, expected)
    assert (kl > 0).all()
    assert Posterior(torch.zeros(1, 7), torch.zeros(1, 7)).kl().item() == 0


def test_log_ratio_is_that_of_the_densities_and_averages_to_minus_kl() -> None:
    noise = torch.Generator().manual_seed(0)
    mean, logvar = torch.randn(2, 1, 4, generator=noise).double().expand(2, 200_000, 4)
    posterior = Posterior(mean, logvar)
    z = posterior.sample(noise)
    expected = (Normal(0.0, 1.0).log_prob(z) - Normal(mean, (logvar / 2).exp()).log_prob(z)).sum(1)
    torch.testing.assert_close(posterior.log_ratio(z), expected)
    assert posterior.log_ratio(z).mean().item() == pytest.approx(-posterior.kl()[0].item(), rel=0.02)


def test_likelihoods_are_those_of_the_distributions_summed_over_pixels() -> None:
    noise = torch.Generator().manual_seed(0)
    outputs = torch.randn(3, 1, 4, 4, generator=noise, dtype=torch.float64)
    binary = torch.randint(0, 2, outputs.shape, generator=noise).double()
    torch.testing.assert_close(
        bernoulli_nll(outputs, binary), -Bernoulli(logits=outputs).log_prob(binary).flatten(1).sum(1)
    )
    torch.testing.assert_close(
        gaussian_nll(outputs, binary, 0.3), -Normal(outputs, 0.3).log_prob(binary).flatten(1).sum(1)
    )


def test_the_terms_are_means_over_the_batch_in_nats_per_image(tiny: ImageSet) -> None:
    model = _vae()
    whole = model.terms(_batch(tiny, model))
    doubled = ImageSet(
        tiny.images.repeat(2, 1, 1, 1), tiny.labels.repeat(2, 1), tiny.originals.repeat(2), tiny.classes, tiny.kind, ""
    )
    twice = model.terms(_batch(doubled, model))
    assert set(whole) == {"reconstruction", "kl"}
    assert twice["kl"].item() == pytest.approx(whole["kl"].item(), rel=1e-5)
    # an untrained decoder says about one half everywhere: log 2 a pixel, not a mean over pixels
    assert whole["reconstruction"].item() == pytest.approx(784 * math.log(2), rel=0.05)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_one_player_owns_every_weight(likelihood: str) -> None:
    model = _vae(likelihood=likelihood)
    (player,) = model.players()
    owned = {id(w) for module in player.modules for w in module.parameters()}
    assert owned == {id(w) for w in model.parameters()}


@pytest.mark.parametrize(("likelihood", "low"), [("bernoulli", 0.0), ("gaussian", -1.0)])
def test_images_are_in_the_models_own_range(likelihood: str, low: float) -> None:
    model = _vae(likelihood=likelihood)
    with torch.no_grad():
        images = model.sample(torch.eye(10), torch.Generator().manual_seed(0))
    assert images.shape == (10, 1, 28, 28)
    assert model.pixels == ("unit" if low == 0 else "symmetric")
    assert low <= images.min() < images.max() <= 1
    assert isinstance(model, LikelihoodModel)
    assert model.comparable == (likelihood == "bernoulli")


def test_only_a_conditional_model_heeds_labels() -> None:
    zeros, ones = torch.eye(10)[[0] * 4], torch.eye(10)[[1] * 4]
    latents = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))
    for conditional in (False, True):
        model = _vae(conditional)
        with torch.no_grad():
            same = torch.equal(model.generate(latents, zeros), model.generate(latents, ones))
            images = model.generate(latents, zeros) if not conditional else torch.rand(4, 1, 28, 28)
            same_mean = torch.equal(model.encode(images, zeros).mean, model.encode(images, ones).mean)
        assert same is same_mean is not conditional


def test_parameter_counts_of_report_a() -> None:
    """Encoder 784-400-400-400-(15, 15), decoder 15-400-400-400-784; ten more inputs each for the CVAE."""
    network = Mlp(MlpSettings(layers=3, hidden=400), (1, 28, 28))

    def count(conditional: bool) -> int:
        settings = Settings(latent=15, conditional=conditional, likelihood="bernoulli")
        return sum(w.numel() for w in build(settings, network, 10).parameters())

    encoder = 784 * 400 + 400 + 2 * (400 * 400 + 400) + 400 * 30 + 30
    decoder = 15 * 400 + 400 + 2 * (400 * 400 + 400) + 400 * 784 + 784
    assert count(False) == encoder + decoder
    assert count(True) == encoder + decoder + 2 * 10 * 400


def _set(**settings: object) -> Vae:
    """A small one with other settings than the defaults."""
    torch.manual_seed(0)
    chosen = Settings.model_validate({"latent": 5, "conditional": False, "likelihood": "bernoulli", **settings})
    return Vae(chosen, Mlp(MlpSettings(layers=2, hidden=32), (1, 28, 28)), 10)


def _training(**settings: object) -> loop.Settings:
    return loop.Settings.model_validate(
        {"batch": 16, "epochs": 2, "optimisers": {"vae": {"learning_rate": 0.001}}, "precision": "float32", **settings}
    )


def test_beta_weighs_the_kl_in_the_loss_and_in_nothing_else(tiny: ImageSet) -> None:
    plain, weighed = _set(), _set(beta=3.0)
    wanted, terms = plain.terms(_batch(tiny, plain)), weighed.terms(_batch(tiny, weighed))
    (player,) = weighed.players()
    loss = sum(term for name, term in terms.items() if name not in player.observed)
    assert isinstance(loss, Tensor)
    torch.testing.assert_close(loss, wanted["reconstruction"] + 3 * wanted["kl"])
    assert {name: terms[name].item() for name in wanted} == {name: term.item() for name, term in wanted.items()}
    assert wanted["kl"] > 0
    images = _batch(tiny, plain)
    one, other = (model.encode(images.images, images.labels).kl() for model in (plain, weighed))
    assert torch.equal(one, other)  # what evaluation measures


def test_beta_rises_evenly_and_then_stays(tiny: ImageSet) -> None:
    model = _set(beta=2.0, beta_warmup=4)
    run = loop.Run(model, tiny, _training(), 0, points=1000)
    run.train(lambda row: None)
    weights = [row["weighted_kl"] / row["kl"] for row in run.curve]
    assert weights == pytest.approx([0, 0.5, 1, 1.5] + [2] * (run.total - 4))
    assert all(row["loss"] == pytest.approx(row["reconstruction"] + row["weighted_kl"]) for row in run.curve)


def test_an_interrupted_warm_up_goes_on_to_the_bit(tiny: ImageSet) -> None:
    states: list[loop.State] = []
    whole = loop.Run(_set(beta_warmup=9), tiny, _training(), 0, points=4)
    whole.train(lambda row: states.append(whole.state()))
    again = loop.Run(_set(beta_warmup=9), tiny, _training(), 0, points=4)
    again.restore(states[0])
    assert 0 < again.iteration < 9
    again.train(lambda row: None)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name


def test_by_default_it_holds_and_trains_what_it_always_did() -> None:
    """So that models from before these settings load, and train to the same bits."""
    model = _set()
    assert {name.split(".")[0] for name in model.state_dict()} == {"encoder", "decoder"}
    (player,) = model.players()
    assert not player.observed
    with torch.no_grad():
        drawn = model.prior(4, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, torch.randn(4, 5, generator=torch.Generator().manual_seed(0)))
    assert model.latents == "random latents"


@torch.no_grad()
def test_samples_are_drawn_where_the_training_images_are_and_likelihoods_are_not_touched(tiny: ImageSet) -> None:
    plain, fitted = _set(), _set(mixture=2)
    fitted.encoder.load_state_dict(plain.encoder.state_dict())
    batch = _batch(tiny, plain)
    for layer in (plain, fitted):  # codes far from where N(0, I) is
        layer.encoder.layers[-1].bias[:5] += 7  # type: ignore[index,union-attr]
    fitted.settle([Batch(part, batch.labels, batch.generator) for part in batch.images.split(40)])
    codes = plain.code(batch.images, batch.labels)
    drawn = fitted.prior(20_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), codes.mean(0), rtol=0, atol=0.02)
    torch.testing.assert_close(drawn.std(0), codes.std(0, correction=0), rtol=0.05, atol=0)
    one, other = (model.encode(batch.images, batch.labels) for model in (plain, fitted))
    assert torch.equal(one.kl(), other.kl())
    assert fitted.latents == "latents from 2 Gaussians fitted to the training images'"
