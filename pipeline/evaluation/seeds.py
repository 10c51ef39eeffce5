"""The seeds of one experiment: from each trained model's evidence to all that is measured of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import torch
from torch import Generator, Tensor

from pipeline.contracts import checkpoint, curves, images
from pipeline.contracts.checkpoint import Header
from pipeline.contracts.images import ImageSet
from pipeline.contracts.model import AdversarialModel, CodedModel, GenerativeModel
from pipeline.contracts.training_progress import Moment
from pipeline.evaluation import collect, jackknife, needs, snapshots
from pipeline.evaluation.collect import Settings
from pipeline.evaluation.drawing import DRAWN, Step, Steps, compared
from pipeline.evaluation.evidence import Evidence, Judged
from pipeline.evaluation.jackknife import Half
from pipeline.ground import plugins
from pipeline.ground.errors import InputError
from pipeline.ground.parallel import Report
from pipeline.ground.seeding import generator
from pipeline.judges.panel import Files, Opinion
from pipeline.statistics.measurements import Measured, Measurements


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
    """What evaluating one seed's model takes. models, curves: files; panel: the role's; prepared: its images."""

    models: Mapping[int, Path]
    curves: Path
    panel: Files
    prepared: Path
    settings: Settings
    device: torch.device

    def seed(self, seed: int, report: Report) -> Found:
        """All metrics of one seed, on all evidence and on its halves, and its moments on the way.

        Raises InputError, which names the model's file, where something of it is not finite or a metric refuses it.
        """
        try:
            return self._seed(seed, report)
        except InputError as error:
            model = str(self.models[seed])
            raise InputError(str(error) if model in str(error) else f"{model}: {error}") from None

    def _seed(self, seed: int, report: Report) -> Found:
        model, header = checkpoint.load(self.models[seed], self.device)
        lists, test = self.test()
        cut = self.halves(lists, test)
        step = Steps(self.planned(model, header, lists, test, seed), report)
        found = self.evidence(model, header, lists, test, cut, seed, step)
        noise = generator(torch.device("cpu"), "latents", self.settings.seed) if len(self.models) == 1 else None
        values, *apart = self.measure(found, cut, noise, step)
        trials: dict[str, int] = {}
        for metric in self.metrics().values():
            if told := getattr(metric, "trials", None):
                trials |= told(found)
        return Found(values, apart, trials, list(found.moments))

    def metrics(self) -> dict[str, ModuleType]:
        """The plug-ins by name. Those that offer `of_parts` measure all parts together."""
        return {name: plugins.load("evaluation/metrics", name) for name in self.settings.metrics}

    def planned(
        self, model: GenerativeModel, header: Header, lists: Mapping[str, Tensor], test: Judged, seed: int
    ) -> int:
        """The units of work of one seed, see `drawing`."""
        settings = self.settings
        total = collect.planned(model, test, sum(map(len, lists.values())), header.kind, settings)
        if isinstance(model, AdversarialModel):
            kept = len(checkpoint.snapshots(self.models[seed]))
            total += DRAWN * snapshots.planned(kept, model.conditional, lists, settings.progress_samples)
        together = sum(hasattr(metric, "of_parts") for metric in self.metrics().values())
        return total + together * compared(settings.samples + len(test.features)) + settings.halves + 1

    def measure(
        self, found: Evidence, cut: Sequence[Half], noise: Generator | None, step: Step
    ) -> list[dict[str, float]]:
        """All metrics of all evidence, then of each half. noise: where latents are to be halved too, else None.

        Raises InputError, which names the metric, where one refuses what it is given or is not finite.
        """
        needs.sound(found)
        metrics, chosen = self.metrics(), [jackknife.choose(found, half, noise) for half in cut]
        parts = [found.whole(), *(each.part for each in chosen)]
        together: dict[str, list[dict[str, float]]] = {}
        for name, metric in metrics.items():
            if hasattr(metric, "of_parts"):
                with needs.of(name):
                    together[name] = [needs.numbers(values) for values in metric.of_parts(found, parts)]
                step(compared(len(found.fake.features) + len(found.test.features)))
        measured = []
        for number in range(len(parts)):
            own = jackknife.take(found, cut, number - 1, chosen[number - 1]) if number else found
            values: dict[str, float] = {}
            for name, metric in metrics.items():
                with needs.of(name):
                    values |= together[name][number] if name in together else needs.numbers(metric.measure(own))
            measured.append(values)
            step(1)
        return measured

    def halves(self, lists: Mapping[str, Tensor], test: Judged) -> list[Half]:
        """The same for all seeds and experiments on these images, so that their errors are of the same halves."""
        noise = generator(torch.device("cpu"), "halves", self.settings.seed)
        return jackknife.draw(test, {name: len(sets) for name, sets in lists.items()}, self.settings.halves, noise)

    def test_set(self) -> str:
        """A fingerprint of the test images, the role's lists of label sets, and their halves."""
        data = images.load(self.prepared / "test.safetensors").first(self.settings.real_images)
        told = hashlib.sha256(data.images.numpy().tobytes() + data.labels.numpy().tobytes())
        for name, sets in data.conditions.items():
            told.update(name.encode() + sets.numpy().tobytes())
        for half in self.halves(*self.test()):
            told.update(half.rows.cpu().numpy().tobytes())
        return told.hexdigest()[:12]

    def measurements(self, found: Mapping[int, Found], machine: str) -> Measurements:
        """What was found of all seeds."""
        headers = [checkpoint.header(path) for path in self.models.values()]
        precision = ", ".join(sorted({header.precision for header in headers}))
        values = [each.values for each in found.values()]
        plugged = self.metrics().values()
        better = {key: way for metric in plugged for key, way in metric.BETTER.items()}
        scale = {key: on for metric in plugged for key, on in metric.SCALE.items()}
        names = dict.fromkeys(name for each in values for name in each)
        metrics = {
            name: Measured(
                better[name],
                tuple(each[name] for each in values),
                jackknife.errors([each.halves for each in found.values()], name),
                min((each.trials[name] for each in found.values() if name in each.trials), default=None),
                scale[name],
            )
            for name in names
            if all(name in each for each in values)
        }
        partial = {name: tuple(each.get(name) for each in values) for name in names if name not in metrics}
        return Measurements(
            headers[0].source,
            machine,
            self.test_set(),
            tuple(found),
            metrics,
            partial,
            precision,
            self.panel.fingerprint(),
        )

    def evidence(
        self,
        model: GenerativeModel,
        header: Header,
        lists: Mapping[str, Tensor],
        test: Judged,
        cut: Sequence[Half],
        seed: int,
        step: Step,
    ) -> Evidence:
        """All evidence on one seed's model; cut: the halves that its moments are to be measured on."""
        settings = self.settings
        panel = self.panel.panel(self.device)
        data, train = self.real("train")

        def noise(purpose: str) -> Generator:
            return generator(self.device, purpose, settings.seed, seed)

        found = collect.evidence(model, panel, train, test, settings, noise("evaluation"), step)
        found = replace(found, classes=header.classes, curve=curves.read(self.curves).get(seed, ()))
        if model.conditional and header.kind == "attributes":
            flips = collect.flips(model, panel, test.labels, settings.pairs, noise("flips"), step)
            found = replace(found, flips=flips)
        if isinstance(model, CodedModel):
            codes = collect.codes(model, panel, test.labels.shape[1], settings.pairs, noise("codes"), step)
            found = replace(found, codes=codes)
        if model.conditional and lists:
            shown = set(map(tuple, data.labels.tolist()))
            answered = {
                name: collect.answers(model, panel, sets, shown, settings.draws, noise(name), step)
                for name, sets in lists.items()
            }
            found = replace(found, answers=answered)
        if isinstance(model, AdversarialModel):
            kept, samples = checkpoint.snapshots(self.models[seed]), settings.progress_samples
            moments = snapshots.measure(model, kept, panel, test, lists, samples, cut, noise("progress"), step)
            found = replace(found, moments=moments, drawn_by=model.drawn_by)
        return found

    def test(self) -> tuple[Mapping[str, Tensor], Judged]:
        """The role's lists of label sets, and the test images."""
        data, test = self.real("test")
        return data.conditions, test

    def real(self, split: str) -> tuple[ImageSet, Judged]:
        """All real images and, as they are seen, at most so many as the settings say; they are shuffled."""
        home = collect.measured_on(self.device)
        every = images.load(self.prepared / f"{split}.safetensors")
        data = every.first(self.settings.real_images).to(home)
        opinion = Opinion(*(column[: len(data)] for column in self.panel.real(split))).to(home)
        return every, collect.as_seen(data.images, opinion, data.labels, data.originals)
