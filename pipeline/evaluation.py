"""From a trained model to the evidence that metrics look at, and from seeds to a mean with its uncertainty."""

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from pydantic import Field
from torch import Generator, Tensor

from pipeline import checkpoint, classifier, progress
from pipeline.classifier import Judge
from pipeline.data import images
from pipeline.data.images import scale, to_unit
from pipeline.errors import InputError
from pipeline.evidence import Answers, Codes, Evidence, Flips, Judged, Likelihoods, Moment
from pipeline.labels import pair
from pipeline.models.base import (
    AdversarialModel,
    CodedModel,
    EncoderModel,
    GenerativeModel,
    LikelihoodModel,
    Posterior,
)
from pipeline.parallel import Report
from pipeline.params import Strict
from pipeline.plugins import plugin
from pipeline.seeding import generator
from pipeline.training import curves


class Settings(Strict):
    """samples: images drawn; real_images: at most so many of each split are compared with them.

    likelihood_images, importance_samples: test images and draws each for the importance-weighted likelihood.
    draws: of each label set that the role lists. pairs: latents of which each attribute is flipped, or the code
    changed. progress_samples: images drawn at each moment that training kept.
    metrics: the plug-ins in pipeline/metrics to measure. seed: of all draws.
    """

    samples: int = Field(ge=16)
    real_images: int = Field(ge=16)
    likelihood_images: int = Field(ge=1)
    importance_samples: int = Field(ge=1)
    draws: int = Field(default=20, ge=2)
    pairs: int = Field(default=200, ge=2)
    progress_samples: int = Field(default=600, ge=16)
    metrics: tuple[str, ...] = Field(min_length=1)
    seed: int = Field(ge=0)


@dataclass(frozen=True)
class Evaluation:
    """What evaluating one seed's model takes. models, curves, judge, views: files; prepared: folder of the splits."""

    models: Mapping[int, Path]
    curves: Path
    judge: Path
    views: Path
    prepared: Path
    settings: Settings
    device: torch.device

    def seed(self, seed: int, report: Report) -> tuple[dict[str, float], list[Moment]]:
        """All metrics of one seed, and its moments on the way."""
        found = self.evidence(seed)
        values: dict[str, float] = {}
        for done, name in enumerate(self.settings.metrics):
            report(done, len(self.settings.metrics), {})
            measured: dict[str, float] = plugin("metrics", name).measure(found)
            for key, value in measured.items():
                if not math.isfinite(value):
                    raise InputError(f"{self.models[seed]}: {key} is {value}; did the training diverge?")
            values |= measured
        report(len(self.settings.metrics), len(self.settings.metrics), {})
        return values, list(found.moments)

    def evidence(self, seed: int) -> Evidence:
        """All evidence on one seed's model."""
        settings, path = self.settings, self.models[seed]
        judge, (model, header) = classifier.load(self.judge, self.device), checkpoint.load(path, self.device)
        train, test = self.real("train"), self.real("test")

        def noise(purpose: str) -> Generator:
            return generator(self.device, purpose, settings.seed, seed)

        found = evidence(model, judge, train, test, settings, noise("evaluation"))
        found = replace(found, classes=header.classes, curve=curves.read(self.curves).get(seed, ()))
        if model.conditional and header.kind == "attributes":
            found = replace(found, flips=flips(model, judge, test.labels, settings.pairs, noise("flips")))
        if isinstance(model, CodedModel):
            found = replace(found, codes=codes(model, judge, test.labels.shape[1], settings.pairs, noise("codes")))
        lists = images.load(self.prepared / "test.safetensors").conditions
        if model.conditional and lists:
            shown = set(map(tuple, images.load(self.prepared / "train.safetensors").labels.tolist()))
            answered = {
                name: answers(model, judge, sets, shown, settings.draws, noise(name)) for name, sets in lists.items()
            }
            found = replace(found, answers=answered)
        if isinstance(model, AdversarialModel):
            snapshots = checkpoint.snapshots(path)
            kept = progress.measure(model, snapshots, judge, test, lists, settings.progress_samples, noise("progress"))
            found = replace(found, moments=kept, drawn_by=model.drawn_by)
        return found

    def real(self, split: str) -> Judged:
        """Real images as the judge sees them, at most so many as the settings say; prepared images are shuffled."""
        home = measured_on(self.device)
        data = images.load(self.prepared / f"{split}.safetensors").first(self.settings.real_images).to(home)
        features, logits = (view[: len(data)].to(home) for view in classifier.load_views(self.views, split))
        return Judged(scale(data.images, "unit"), features, logits, data.labels, data.originals)


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
    """`count` latents under each code; labels: how many the judge knows, of which the model is asked for none."""
    assert isinstance(model, CodedModel)
    home, latents = measured_on(noise.device), model.prior(count, noise)
    unlabelled = latents.new_zeros(count, labels)
    columns: tuple[list[Tensor], ...] = ([], [], [])
    for code in torch.eye(model.codes, device=latents.device):
        own = model.generate(model.coded(latents, code.expand(count, -1)), unlabelled)
        seen = classifier.predict(judge, to_unit(own, model.pixels))
        for column, values in zip(columns, (*seen, model.recognise(own)), strict=True):
            column.append(values.to(home))
    return Codes(*map(torch.stack, columns))


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


def summarise(values: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Each metric's mean over seeds and the half width `ci95` of its 95 % interval.

    Student's t interval over the seeds: it covers what another seed would change (weights, batches, draws), not another
    test set. With one seed there is no such interval, and `ci95` is left out. A metric that some seeds lack, such as
    the iteration of a collapse, is left out too.
    """
    from scipy.special import stdtrit

    summary = {}
    for name in (name for name in values[0] if all(name in each for each in values)):
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
