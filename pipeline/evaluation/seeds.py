"""The seeds of one experiment: from each trained model's evidence to all that is measured of it."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Generator

from pipeline.contracts import checkpoint, curves, images
from pipeline.contracts.images import scale
from pipeline.contracts.model import AdversarialModel, CodedModel
from pipeline.contracts.training_progress import Moment
from pipeline.evaluation import collect, jackknife, snapshots
from pipeline.evaluation.collect import Settings
from pipeline.evaluation.evidence import Evidence, Judged
from pipeline.evaluation.jackknife import Half
from pipeline.ground import plugins
from pipeline.ground.errors import InputError
from pipeline.ground.parallel import Report
from pipeline.ground.seeding import generator
from pipeline.judges import classifier
from pipeline.statistics.intervals import Measured
from pipeline.statistics.measurements import Measurements


@dataclass(frozen=True)
class Found:
    """What evaluating one seed's model gives. values: all metrics; halves: the same on each half of the test images.

    trials: of metrics that are shares, see `Measured`. moments: on the way, of adversarial models.
    """

    values: Mapping[str, float]
    halves: Sequence[Mapping[str, float]]
    trials: Mapping[str, int]
    moments: Sequence[Moment]


@dataclass(frozen=True)
class Evaluation:
    """What evaluating one seed's model takes. models, curves: files; judge, prepared: folders of it and the splits."""

    models: Mapping[int, Path]
    curves: Path
    judge: Path
    prepared: Path
    settings: Settings
    device: torch.device

    def seed(self, seed: int, report: Report) -> Found:
        """All metrics of one seed, on all evidence and on its halves, and its moments on the way."""
        cut = self.halves()
        found = self.evidence(seed, cut)
        values = self.measure(found)
        for key, value in values.items():
            if not math.isfinite(value):
                raise InputError(f"{self.models[seed]}: {key} is {value}; did the training diverge?")
        trials: dict[str, int] = {}
        for name in self.settings.metrics:
            if told := getattr(plugins.load("evaluation/metrics", name), "trials", None):
                trials |= told(found)
        noise = generator(torch.device("cpu"), "latents", self.settings.seed) if len(self.models) == 1 else None
        apart = []
        for done in range(len(cut)):
            report(done, len(cut), {})
            apart.append(self.measure(jackknife.seen(found, cut, done, noise)))
        report(len(cut), len(cut), {})
        return Found(values, apart, trials, list(found.moments))

    def measure(self, found: Evidence) -> dict[str, float]:
        """All metrics of some evidence."""
        values: dict[str, float] = {}
        for name in self.settings.metrics:
            values |= plugins.load("evaluation/metrics", name).measure(found)
        return values

    def halves(self) -> list[Half]:
        """The same for all seeds and experiments on these images, so that their errors are of the same halves."""
        lists = {name: len(sets) for name, sets in images.load(self.prepared / "test.safetensors").conditions.items()}
        noise = generator(torch.device("cpu"), "halves", self.settings.seed)
        return jackknife.draw(self.real("test"), lists, self.settings.halves, noise)

    def test_set(self) -> str:
        """A fingerprint of the test images, the role's lists of label sets, and their halves."""
        data = images.load(self.prepared / "test.safetensors").first(self.settings.real_images)
        told = hashlib.sha256(data.images.numpy().tobytes() + data.labels.numpy().tobytes())
        for name, sets in data.conditions.items():
            told.update(name.encode() + sets.numpy().tobytes())
        for half in self.halves():
            told.update(half.rows.cpu().numpy().tobytes())
        return told.hexdigest()[:12]

    def measurements(self, found: Mapping[int, Found], source: str, machine: str) -> Measurements:
        """What was found of all seeds."""
        values = [each.values for each in found.values()]
        better = {
            key: way
            for name in self.settings.metrics
            for key, way in plugins.load("evaluation/metrics", name).BETTER.items()
        }
        names = dict.fromkeys(name for each in values for name in each)
        metrics = {
            name: Measured(
                better[name],
                tuple(each[name] for each in values),
                jackknife.errors([each.halves for each in found.values()], name),
                min((each.trials[name] for each in found.values() if name in each.trials), default=None),
            )
            for name in names
            if all(name in each for each in values)
        }
        partial = {name: tuple(each.get(name) for each in values) for name in names if name not in metrics}
        return Measurements(source, machine, self.test_set(), tuple(found), metrics, partial)

    def evidence(self, seed: int, cut: Sequence[Half]) -> Evidence:
        """All evidence on one seed's model; cut: the halves that its moments are to be measured on."""
        settings, path = self.settings, self.models[seed]
        judge, (model, header) = (
            classifier.load(self.judge / "judge.safetensors", self.device),
            checkpoint.load(path, self.device),
        )
        train, test = self.real("train"), self.real("test")

        def noise(purpose: str) -> Generator:
            return generator(self.device, purpose, settings.seed, seed)

        found = collect.evidence(model, judge, train, test, settings, noise("evaluation"))
        found = replace(found, classes=header.classes, curve=curves.read(self.curves).get(seed, ()))
        if model.conditional and header.kind == "attributes":
            found = replace(found, flips=collect.flips(model, judge, test.labels, settings.pairs, noise("flips")))
        if isinstance(model, CodedModel):
            found = replace(
                found, codes=collect.codes(model, judge, test.labels.shape[1], settings.pairs, noise("codes"))
            )
        lists = images.load(self.prepared / "test.safetensors").conditions
        if model.conditional and lists:
            shown = set(map(tuple, images.load(self.prepared / "train.safetensors").labels.tolist()))
            answered = {
                name: collect.answers(model, judge, sets, shown, settings.draws, noise(name))
                for name, sets in lists.items()
            }
            found = replace(found, answers=answered)
        if isinstance(model, AdversarialModel):
            kept_on_the_way = checkpoint.snapshots(path)
            samples = settings.progress_samples
            kept = snapshots.measure(model, kept_on_the_way, judge, test, lists, samples, cut, noise("progress"))
            found = replace(found, moments=kept, drawn_by=model.drawn_by)
        return found

    def real(self, split: str) -> Judged:
        """Real images as the judge sees them, at most so many as the settings say; prepared images are shuffled."""
        home = collect.measured_on(self.device)
        data = images.load(self.prepared / f"{split}.safetensors").first(self.settings.real_images).to(home)
        features, logits = (
            view[: len(data)].to(home) for view in classifier.load_views(self.judge / "views.safetensors", split)
        )
        return Judged(scale(data.images, "unit"), features, logits, data.labels, data.originals)
