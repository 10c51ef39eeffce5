"""From a trained model to the evidence that metrics look at."""

from collections.abc import Iterator, Set
from dataclasses import replace
from itertools import combinations

import torch
from pydantic import Field
from torch import Generator, Tensor

from pipeline.contracts.images import to_unit
from pipeline.contracts.labels import pair
from pipeline.contracts.model import CodedModel, EncoderModel, GenerativeModel, LikelihoodModel, Posterior
from pipeline.evaluation.evidence import Answers, Codes, Evidence, Flips, Judged, Likelihoods
from pipeline.ground.params import Strict
from pipeline.judges import classifier
from pipeline.judges.classifier import Judge


class Settings(Strict):
    """samples: images drawn; real_images: at most so many of each split are compared with them.

    likelihood_images, importance_samples: test images and draws each for the importance-weighted likelihood.
    draws: of each label set that the role lists. pairs: latents of which each attribute is flipped, or the code
    changed. progress_samples: images drawn at each moment that training kept. halves: of the test images, on which
    everything is measured again to tell how sure it is.
    metrics: the plug-ins in pipeline/evaluation/metrics to measure. seed: of all draws.
    """

    samples: int = Field(ge=32)
    real_images: int = Field(ge=32)
    likelihood_images: int = Field(ge=1)
    importance_samples: int = Field(ge=1)
    draws: int = Field(default=20, ge=2)
    pairs: int = Field(default=200, ge=2)
    progress_samples: int = Field(default=600, ge=16)
    halves: int = Field(default=16, ge=2)
    metrics: tuple[str, ...] = Field(min_length=1)
    seed: int = Field(default=0, ge=0)


def measured_on(device: torch.device) -> torch.device:
    """Where evidence is kept: metrics compute in float64, which MPS does not have."""
    return torch.device("cpu") if device.type == "mps" else device


@torch.inference_mode()
def evidence(
    model: GenerativeModel, judge: Judge, train: Judged, test: Judged, settings: Settings, noise: Generator
) -> Evidence:
    """All evidence on one trained model. Samples are asked for with labels drawn as the test images' are."""
    home = test.images.device
    asked = torch.randint(len(test.labels), (settings.samples,), generator=noise, device=noise.device)
    labels = test.labels[asked.to(home)]
    columns: tuple[list[Tensor], ...] = ([], [], [])
    for part in labels.split(1000):
        fakes = to_unit(model.sample(part.to(noise.device).float(), noise), model.pixels)
        for column, values in zip(columns, (fakes, *classifier.predict(judge, fakes)), strict=True):
            column.append(values.to(home))
    drawn, features, logits = map(torch.cat, columns)
    fake = Judged(drawn, features, logits, labels)
    found = Evidence(train, test, fake, model.conditional, judge.kind, None)
    if isinstance(model, LikelihoodModel):
        known, rebuilt = likelihoods(model, test, settings, noise)
        return replace(found, likelihoods=known, reconstructed=rebuilt)
    return (
        replace(found, reconstructed=rebuild(model, test, noise.device)) if isinstance(model, EncoderModel) else found
    )


@torch.inference_mode()
def answers(
    model: GenerativeModel, judge: Judge, sets: Tensor, shown: Set[tuple[int, ...]], draws: int, noise: Generator
) -> Answers:
    """`draws` drawings of each label set (M, K), judged. shown: the label sets that training images show."""
    labels = sets.repeat(draws, 1)
    parts = [
        classifier.predict(judge, to_unit(model.sample(part.to(noise.device).float(), noise), model.pixels))[1]
        for part in labels.split(500)
    ]
    seen = torch.tensor([tuple(row) in shown for row in sets.tolist()])
    home = measured_on(noise.device)
    return Answers(sets.to(home), torch.cat(parts).to(home).unflatten(0, (draws, len(sets))), seen.to(home))


@torch.inference_mode()
def flips(model: GenerativeModel, judge: Judge, labels: Tensor, count: int, noise: Generator) -> Flips:
    """What comes of asking for one attribute more; labels (N, K) of real images, from which `count` sets are drawn."""
    home, attributes = labels.device, labels.shape[1]
    base = labels[torch.randint(len(labels), (count,), generator=noise, device=noise.device).to(home)]
    latents, others = model.prior(count, noise), model.prior(count, noise)

    def judged(z: Tensor, sets: Tensor) -> Tensor:
        fakes = to_unit(model.generate(z, sets.to(z.device).float()), model.pixels)
        return classifier.predict(judge, fakes)[1].to(home)

    both = [[judged(latents, sets) for sets in pair(base, which, labels)] for which in range(attributes)]
    without, asked = (torch.stack(column) for column in zip(*both, strict=True))
    return Flips(without, asked, judged(latents, base), judged(others, base))


@torch.inference_mode()
def codes(model: GenerativeModel, judge: Judge, labels: int, count: int, noise: Generator) -> Codes:
    """`count` latents under each code and each two codes mixed; labels: how many the judge knows, asked for none."""
    assert isinstance(model, CodedModel)
    home, latents = measured_on(noise.device), model.prior(count, noise)
    unlabelled = latents.new_zeros(count, labels)
    columns: tuple[list[Tensor], ...] = ([], [], [])
    for code in torch.eye(model.codes, device=latents.device):
        own = model.generate(model.coded(latents, code.expand(count, -1)), unlabelled)
        seen = classifier.predict(judge, to_unit(own, model.pixels))
        for column, values in zip(columns, (*seen, model.recognise(own)), strict=True):
            column.append(values.to(home))
    mixed = []
    for pair_of_codes in combinations(torch.eye(model.codes, device=latents.device), 2):
        evenly = torch.stack(pair_of_codes).mean(0).expand(count, -1)
        own = model.generate(model.coded(latents, evenly), unlabelled)
        mixed.append(model.recognise(own).to(home))
    features, logits, recognised = map(torch.stack, columns)
    return Codes(features, logits, recognised, torch.stack(mixed))


def rebuild(model: GenerativeModel, test: Judged, device: torch.device) -> Tensor:
    """The test images (N, C, H, W), in [0, 1], through a model that has an encoder and no posterior."""
    assert isinstance(model, EncoderModel)
    parts = [
        to_unit(model.generate(model.code(own, hot), hot), model.pixels).to(test.images.device)
        for own, hot in _batches(model, test, len(test.images), 1000, device)
    ]
    return torch.cat(parts)


@torch.inference_mode()
def likelihoods(
    model: GenerativeModel, test: Judged, settings: Settings, noise: Generator
) -> tuple[Likelihoods, Tensor]:
    """What a likelihood model says of the held-out images, see `Likelihoods`, and what it makes of them."""
    assert isinstance(model, LikelihoodModel)
    columns: tuple[list[Tensor], ...] = ([], [], [], [])
    for own, hot in _batches(model, test, len(test.images), 1000, noise.device):
        posterior = model.encode(own, hot)
        latents = posterior.sample(noise)
        reconstruction = model.reconstruction(own, latents, hot)
        redrawn = to_unit(model.generate(latents, hot), model.pixels)
        for column, values in zip(columns, (reconstruction, posterior.kl(), posterior.mean, redrawn), strict=True):
            column.append(values.to(test.images.device))
    reconstruction, kl, means, redrawn = map(torch.cat, columns)
    weights = log_weights(model, test, settings, noise)
    return Likelihoods(reconstruction, kl, weights, means, model.comparable), redrawn


def log_weights(model: LikelihoodModel, test: Judged, settings: Settings, noise: Generator) -> Tensor:
    """log p(x, z_s) - log q(z_s | x) of the first images, (M, S). Burda et al. (2016), eq. 8."""
    rows, draws = [], settings.importance_samples
    for own, hot in _batches(model, test, settings.likelihood_images, max(1, 5000 // draws), noise.device):
        single = model.encode(own, hot)
        posterior = Posterior(single.mean.repeat_interleave(draws, 0), single.logvar.repeat_interleave(draws, 0))
        latents = posterior.sample(noise)
        repeated, labels = own.repeat_interleave(draws, 0), hot.repeat_interleave(draws, 0)
        weights = posterior.log_ratio(latents) - model.reconstruction(repeated, latents, labels)
        rows.append(weights.unflatten(0, (len(own), draws)).to(test.images.device))
    return torch.cat(rows)


def _batches(
    model: LikelihoodModel | EncoderModel, test: Judged, count: int, size: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """The first images, in the model's range, and their labels, on the model's device."""
    for unit, hot in zip(test.images[:count].split(size), test.labels[:count].split(size), strict=True):
        own = unit.to(device)
        yield own if model.pixels == "unit" else own * 2 - 1, hot.to(device).float()
