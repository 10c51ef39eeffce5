"""From a trained model to the evidence that metrics look at."""

from collections.abc import Iterator, Set
from dataclasses import replace
from itertools import combinations

import torch
from pydantic import Field
from torch import Generator, Tensor

from pipeline.contracts.images import Kind, to_unit
from pipeline.contracts.labels import pair
from pipeline.contracts.model import CodedModel, EncoderModel, GenerativeModel, LikelihoodModel, Posterior
from pipeline.evaluation.drawing import DRAWN, REBUILT, WEIGHED, Step, at_once, drawings, seen, untold
from pipeline.evaluation.evidence import Answers, Codes, Evidence, Flips, Judged, Likelihoods
from pipeline.ground.params import MOST, Count, Seed, Strict
from pipeline.judges.panel import Opinion, Panel


class Settings(Strict):
    """samples: images drawn; real_images: at most so many of each split are compared with them.

    likelihood_images, importance_samples: test images and draws each for the importance-weighted likelihood.
    draws: of each label set that the role lists. pairs: latents of which each attribute is flipped, or the code
    changed. progress_samples: images drawn at each moment that training kept. halves: of the test images, on which
    everything is measured again to tell how sure it is.
    metrics: the plug-ins in pipeline/evaluation/metrics to measure. seed: of all draws.
    """

    samples: int = Field(ge=32, le=MOST)
    real_images: int = Field(ge=32, le=MOST)
    likelihood_images: Count
    importance_samples: Count
    draws: int = Field(default=20, ge=2, le=MOST)
    pairs: int = Field(default=200, ge=4, le=MOST)  # two of each half, as a variance needs
    progress_samples: int = Field(default=600, ge=16, le=MOST)
    halves: int = Field(default=16, ge=2, le=MOST)
    metrics: tuple[str, ...] = Field(min_length=1)
    seed: Seed = 0


def measured_on(device: torch.device) -> torch.device:
    """Where evidence is kept: metrics compute in float64, which MPS does not have."""
    return torch.device("cpu") if device.type == "mps" else device


def as_seen(images: Tensor, opinion: Opinion, labels: Tensor, originals: Tensor | None = None) -> Judged:
    """Images (N, C, H, W), uint8 or in [0, 1], with what is seen in them and their labels (N, K)."""
    return Judged(
        images,
        opinion.features,
        opinion.logits,
        labels,
        originals,
        recognised=opinion.recognised,
        degrees=opinion.degrees,
    )


@torch.inference_mode()
def evidence(
    model: GenerativeModel,
    panel: Panel,
    train: Judged,
    test: Judged,
    settings: Settings,
    noise: Generator,
    step: Step = untold,
) -> Evidence:
    """All evidence on one trained model. Samples are asked for with labels drawn as the test images' are."""
    asked = torch.randint(len(test.labels), (settings.samples,), generator=noise, device=noise.device)
    labels = test.labels[asked.to(test.labels.device)]
    drawn = (
        some
        for part in labels.split(1000)
        for some in drawings(model.generate, model.pixels, panel.look, model.prior(len(part), noise), part, step)
    )
    images, *columns = map(torch.cat, zip(*drawn, strict=True))
    found = Evidence(train, test, as_seen(images, Opinion(*columns), labels), model.conditional, panel.kind, None)
    if isinstance(model, LikelihoodModel):
        known, rebuilt = likelihoods(model, test, settings, noise, step)
        return replace(found, likelihoods=known, reconstructed=rebuilt)
    if isinstance(model, EncoderModel):
        return replace(found, reconstructed=rebuild(model, test, noise.device, step))
    return found


def planned(model: GenerativeModel, test: Judged, sets: int, kind: Kind, settings: Settings) -> int:
    """The units of work, see `drawing`, of all evidence on a model but its moments; sets: in all lists together."""
    drawn, other = settings.samples, 0
    if model.conditional:
        drawn += settings.draws * sets
        drawn += 2 * (test.labels.shape[1] + 1) * settings.pairs if kind == "attributes" else 0
    if isinstance(model, CodedModel):
        drawn += settings.pairs * model.codes * (model.codes + 1) // 2  # each code, and each two
    if isinstance(model, EncoderModel | LikelihoodModel):
        other += REBUILT * len(test.labels)
    if isinstance(model, LikelihoodModel):
        other += WEIGHED * min(settings.likelihood_images, len(test.labels)) * settings.importance_samples
    return DRAWN * drawn + other


@torch.inference_mode()
def answers(
    model: GenerativeModel,
    panel: Panel,
    sets: Tensor,
    shown: Set[tuple[int, ...]],
    draws: int,
    noise: Generator,
    step: Step = untold,
) -> Answers:
    """What is seen in `draws` drawings of each label set (M, K). shown: the label sets that training images show."""
    home = measured_on(noise.device)
    labels = sets.to(home).repeat(draws, 1)
    parts = [
        Opinion(*seen(model.generate, model.pixels, panel.look, model.prior(len(part), noise), part, step))
        for part in labels.split(500)
    ]
    logits, recognised = (
        torch.cat(column).unflatten(0, (draws, len(sets)))
        for column in zip(*((part.logits, part.recognised) for part in parts), strict=True)
    )
    known = torch.tensor([tuple(row) in shown for row in sets.tolist()])
    return Answers(sets.to(home), logits, known.to(home), recognised)


@torch.inference_mode()
def flips(
    model: GenerativeModel, panel: Panel, labels: Tensor, count: int, noise: Generator, step: Step = untold
) -> Flips:
    """What comes of asking for one attribute more; labels (N, K) of real images, from which `count` sets are drawn."""
    attributes = labels.shape[1]
    base = labels[torch.randint(len(labels), (count,), generator=noise, device=noise.device).to(labels.device)]
    latents, others = model.prior(count, noise), model.prior(count, noise)

    def judged(z: Tensor, sets: Tensor) -> Tensor:
        return seen(model.generate, model.pixels, panel.name, z, sets, step)[0]

    both = [[judged(latents, sets) for sets in pair(base, which, labels)] for which in range(attributes)]
    without, asked = (torch.stack(column) for column in zip(*both, strict=True))
    return Flips(without, asked, judged(latents, base), judged(others, base))


@torch.inference_mode()
def codes(
    model: GenerativeModel, panel: Panel, labels: int, count: int, noise: Generator, step: Step = untold
) -> Codes:
    """`count` latents under each code and each two codes mixed; labels: how many the judge knows, asked for none."""
    assert isinstance(model, CodedModel)
    home, latents = measured_on(noise.device), model.prior(count, noise)
    size = at_once(latents.device, count)

    def drawn(code: Tensor) -> Iterator[Tensor]:
        for z in latents.split(size):
            yield model.generate(model.coded(z, code.expand(len(z), -1)), z.new_zeros(len(z), labels))
            step(DRAWN * len(z))

    columns: tuple[list[Tensor], ...] = ([], [], [])
    for code in torch.eye(model.codes, device=latents.device):
        for own in drawn(code):
            opinion = panel.look(to_unit(own, model.pixels))
            told = (opinion.features, opinion.logits, model.recognise(own))
            for column, values in zip(columns, told, strict=True):
                column.append(values.to(home))
    mixed = [
        model.recognise(own).to(home)
        for both in combinations(torch.eye(model.codes, device=latents.device), 2)
        for own in drawn(torch.stack(both).mean(0))
    ]
    features, logits, recognised = (torch.cat(column).unflatten(0, (-1, count)) for column in columns)
    return Codes(features, logits, recognised, torch.cat(mixed).unflatten(0, (-1, count)))


def rebuild(model: GenerativeModel, test: Judged, device: torch.device, step: Step = untold) -> Tensor:
    """The test images (N, C, H, W), in [0, 1], through a model that has an encoder and no posterior."""
    assert isinstance(model, EncoderModel)
    parts = []
    for own, hot in _batches(model, test, len(test.labels), at_once(device, 1000), device):
        parts.append(to_unit(model.generate(model.code(own, hot), hot), model.pixels).to(test.labels.device))
        step(REBUILT * len(own))
    return torch.cat(parts)


@torch.inference_mode()
def likelihoods(
    model: GenerativeModel, test: Judged, settings: Settings, noise: Generator, step: Step = untold
) -> tuple[Likelihoods, Tensor]:
    """What a likelihood model says of the held-out images, see `Likelihoods`, and what it makes of them."""
    assert isinstance(model, LikelihoodModel)
    columns: tuple[list[Tensor], ...] = ([], [], [], [])
    size = at_once(noise.device, 1000)
    for images, labels in _batches(model, test, len(test.labels), 1000, noise.device):
        batches = list(zip(images.split(size), labels.split(size), strict=True))
        posteriors = [model.encode(own, hot) for own, hot in batches]
        posterior = Posterior(*(torch.cat([getattr(each, name) for each in posteriors]) for name in ("mean", "logvar")))
        latents = posterior.sample(noise)
        for (own, hot), z in zip(batches, latents.split(size), strict=True):
            columns[0].append(model.reconstruction(own, z, hot))
            columns[3].append(to_unit(model.generate(z, hot), model.pixels))
            step(REBUILT * len(own))
        columns[1].append(posterior.kl())
        columns[2].append(posterior.mean)
    reconstruction, kl, means, redrawn = (torch.cat(column).to(test.labels.device) for column in columns)
    weights = log_weights(model, test, settings, noise, step)
    return Likelihoods(reconstruction, kl, weights, means, model.comparable), redrawn


def log_weights(
    model: LikelihoodModel, test: Judged, settings: Settings, noise: Generator, step: Step = untold
) -> Tensor:
    """log p(x, z_s) - log q(z_s | x) of the first images, (M, S). Burda et al. (2016), eq. 8."""
    found, draws = [], settings.importance_samples
    size = at_once(noise.device, 5000)
    for own, hot in _batches(model, test, settings.likelihood_images, max(1, 5000 // draws), noise.device):
        single = model.encode(own, hot)
        posterior = Posterior(single.mean.repeat_interleave(draws, 0), single.logvar.repeat_interleave(draws, 0))
        latents, images = posterior.sample(noise), torch.arange(len(own), device=own.device).repeat_interleave(draws)
        weights = posterior.log_ratio(latents)
        for z, which, ratio in zip(latents.split(size), images.split(size), weights.split(size), strict=True):
            found.append(ratio - model.reconstruction(own[which], z, hot[which]))
            step(WEIGHED * len(z))
    return torch.cat(found).unflatten(0, (-1, draws)).to(test.labels.device)


def _batches(
    model: LikelihoodModel | EncoderModel, test: Judged, count: int, size: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """The first images, in the model's range, and their labels, on the model's device."""
    first = test.take(torch.arange(min(count, len(test.labels)), device=test.labels.device))
    for unit, hot in zip(first.images.split(size), first.labels.split(size), strict=True):
        own = unit.to(device)
        yield own if model.pixels == "unit" else own * 2 - 1, hot.to(device).float()
