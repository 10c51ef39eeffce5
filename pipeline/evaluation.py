"""From a trained model to the evidence that metrics look at, and from seeds to a mean with its uncertainty."""

import math
from collections.abc import Mapping, Sequence

import torch
from pydantic import Field
from torch import Generator, Tensor

from pipeline import classifier
from pipeline.classifier import Judge
from pipeline.data.images import ImageSet, scale, to_unit
from pipeline.evidence import Evidence, Judged, Likelihoods
from pipeline.models.base import GenerativeModel, LikelihoodModel, Posterior
from pipeline.params import Strict


class Settings(Strict):
    """samples: images drawn; real_images: at most so many of each split are compared with them.

    likelihood_images, importance_samples: test images and draws each for the importance-weighted likelihood.
    metrics: the plug-ins in pipeline/metrics to measure. seed: of all draws.
    """

    samples: int = Field(ge=16)
    real_images: int = Field(ge=16)
    likelihood_images: int = Field(ge=1)
    importance_samples: int = Field(ge=1)
    metrics: tuple[str, ...] = Field(min_length=1)
    seed: int = Field(ge=0)


def judged(judge: Judge, data: ImageSet) -> Judged:
    """Real images as the judge sees them."""
    features, logits = classifier.predict(judge, data.images)
    return Judged(scale(data.images, "unit"), features, logits, data.labels, data.originals)


@torch.inference_mode()
def evidence(
    model: GenerativeModel, judge: Judge, train: Judged, test: Judged, settings: Settings, generator: Generator
) -> Evidence:
    """All evidence on one trained model. Samples are asked for with labels drawn as the test images' are."""
    asked = torch.randint(len(test.labels), (settings.samples,), generator=generator, device=generator.device)
    labels = test.labels[asked]
    fakes = [to_unit(model.sample(part.float(), generator), model.pixels) for part in labels.split(1000)]
    images = torch.cat(fakes)
    fake = Judged(images, *classifier.predict(judge, images), labels)
    found = likelihoods(model, test, settings, generator) if isinstance(model, LikelihoodModel) else None
    return Evidence(train, test, fake, model.conditional, judge.exclusive, found)


@torch.inference_mode()
def likelihoods(model: GenerativeModel, test: Judged, settings: Settings, generator: Generator) -> Likelihoods:
    """What a likelihood model says of the held-out images; see `Likelihoods`."""
    assert isinstance(model, LikelihoodModel)
    reconstruction, kl, means, reconstructed = [], [], [], []
    for unit, hot in zip(test.images.split(1000), test.labels.float().split(1000), strict=True):
        images = unit if model.pixels == "unit" else unit * 2 - 1
        posterior = model.encode(images, hot)
        latents = posterior.sample(generator)
        reconstruction.append(model.reconstruction(images, latents, hot))
        kl.append(posterior.kl())
        means.append(posterior.mean)
        reconstructed.append(to_unit(model.generate(latents, hot), model.pixels))
    return Likelihoods(
        torch.cat(reconstruction),
        torch.cat(kl),
        log_weights(model, test, settings, generator),
        torch.cat(means),
        torch.cat(reconstructed),
        test.images,
        model.comparable,
    )


def log_weights(model: LikelihoodModel, test: Judged, settings: Settings, generator: Generator) -> Tensor:
    """log p(x, z_s) - log q(z_s | x) of the first images, (M, S). Burda et al. (2016), eq. 8."""
    rows = []
    count, draws = settings.likelihood_images, settings.importance_samples
    for unit, hot in zip(test.images[:count].split(40), test.labels[:count].float().split(40), strict=True):
        images = (unit if model.pixels == "unit" else unit * 2 - 1).repeat_interleave(draws, 0)
        labels = hot.repeat_interleave(draws, 0)
        single = model.encode(images[::draws], hot)
        posterior = Posterior(single.mean.repeat_interleave(draws, 0), single.logvar.repeat_interleave(draws, 0))
        latents = posterior.sample(generator)
        weights = posterior.log_ratio(latents) - model.reconstruction(images, latents, labels)
        rows.append(weights.unflatten(0, (len(unit), draws)))
    return torch.cat(rows)


def summarise(values: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Each metric's mean over seeds and the half width `ci95` of its 95 % interval.

    Student's t interval over the seeds: it covers what another seed would change (weights, batches, draws), not another
    test set. With one seed there is no such interval, and `ci95` is left out.
    """
    from scipy.special import stdtrit

    summary = {}
    for name in values[0]:
        numbers = [each[name] for each in values]
        n = len(numbers)
        mean = math.fsum(numbers) / n
        summary[name] = {"mean": _round(mean)}
        if n > 1:
            deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in numbers) / (n - 1))
            summary[name]["ci95"] = _round(float(stdtrit(n - 1, 0.975)) * deviation / math.sqrt(n))
    return summary


def _round(value: float) -> float:
    return float(f"{value:.6g}")
