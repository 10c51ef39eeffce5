"""Every metric, on evidence that it cannot be told from: one line that names it, or a number that its docstring gives.

Metrics are found in their folder, so that a new one is asked the same.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest
import torch
from torch import Tensor

from pipeline.contracts.images import Kind
from pipeline.evaluation.collect import Settings
from pipeline.evaluation.drawing import untold
from pipeline.evaluation.evidence import Evidence, Judged, Likelihoods
from pipeline.evaluation.seeds import Evaluation
from pipeline.ground import plugins
from pipeline.ground.errors import InputError
from pipeline.judges.panel import Files

NAMES = plugins.names("evaluation/metrics")
NOWHERE = Path("none")
Change = Callable[[Judged], Judged]


def asked(name: str, evidence: Evidence) -> dict[str, float] | str:
    """What the evaluation says of a metric: its numbers, or the line by which it refuses."""
    settings = Settings(
        samples=32, real_images=32, likelihood_images=1, importance_samples=1, metrics=(name,), halves=2
    )
    evaluation = Evaluation({}, NOWHERE, Files(NOWHERE, NOWHERE), NOWHERE, settings, torch.device("cpu"))
    try:
        (values,) = evaluation.measure(evidence, [], None, untold)
    except InputError as error:
        return str(error)
    return values


@pytest.fixture
def full(make_evidence: Callable[..., Evidence], likelihoods: Likelihoods) -> Callable[[Kind], Evidence]:
    def make(kind: Kind) -> Evidence:
        return make_evidence(conditional=True, kind=kind, likelihoods=likelihoods, adversarial=True, coded=True)

    return make


def first(count: int, *, fake: bool, real: bool) -> Callable[[Evidence], Evidence]:
    """Evidence of so many images, of drawings, of real ones, or of both."""

    def cut(evidence: Evidence) -> Evidence:
        rows = torch.arange(count)
        if fake:
            evidence = replace(evidence, fake=evidence.fake.take(rows))
        if real:
            known, rebuilt = evidence.likelihoods, evidence.reconstructed
            assert known is not None
            assert rebuilt is not None
            evidence = replace(
                evidence,
                train=evidence.train.take(rows),
                test=evidence.test.take(rows),
                likelihoods=Likelihoods(
                    known.reconstruction[:count],
                    known.kl[:count],
                    known.log_weights[:count],
                    known.posterior_means[:count],
                    known.comparable,
                ),
                reconstructed=rebuilt[:count],
            )
        return evidence

    return cut


def alike(*sides: str) -> Callable[[Evidence], Evidence]:
    """Evidence in which judge and referee see the same in all images of some sides, which are flat."""

    def same(values: Tensor) -> Tensor:
        return torch.ones_like(values)

    def flat(side: Judged) -> Judged:
        assert side.recognised is not None
        assert side.degrees is not None
        return replace(
            side,
            stored=same(side.stored),
            features=same(side.features),
            logits=same(side.logits),
            recognised=same(side.recognised),
            degrees=same(side.degrees),
        )

    def made(evidence: Evidence) -> Evidence:
        train, test, fake = (
            flat(side) if name in sides else side
            for name, side in (("train", evidence.train), ("test", evidence.test), ("fake", evidence.fake))
        )
        return replace(evidence, train=train, test=test, fake=fake)

    return made


def unlabelled(evidence: Evidence) -> Evidence:
    """Evidence of images without any label, and of lists that ask for none."""

    def bare(side: Judged) -> Judged:
        return replace(side, labels=torch.zeros_like(side.labels))

    lists = {name: replace(each, labels=torch.zeros_like(each.labels)) for name, each in evidence.answers.items()}
    return replace(
        evidence, test=bare(evidence.test), train=bare(evidence.train), fake=bare(evidence.fake), answers=lists
    )


DISTANCES = ("diversity", "frechet", "kernel", "manifold", "nearest_train")  # between images, in features
# What refuses what, and in which words. All others give numbers.
REFUSED: dict[str, dict[str, str]] = {
    "one drawing": {
        "diversity": "at least 2, found",
        "frechet": "at least 2 images to tell a covariance from, found 1",
        "kernel": "at least 2 drawings, found 1",
        "manifold": "more than 5, found 1 and 1",
    },
    "two drawings": {"manifold": "more than 5, found 2 and 2"},
    "one real image": {
        "active_units": "at least 2 images, found 1",
        "diversity": "at least 2, found 1 and 1",
        "frechet": "at least 2 test images, found 1",
        "kernel": "at least 2 real images, found 1",
        "manifold": "more than 5, found 1 and 1",
    },
    "two real images": {
        "diversity": "at least 2, found 1 and 1",  # variants of one original
        "manifold": "more than 5, found 2 and 2",
    },
    "drawings alike": {},
    "real images alike": {
        **dict.fromkeys(DISTANCES, "that differ in the referee's features, found "),
        "sharpness": "test images with some detail, found none",
    },
    "all alike": {
        **dict.fromkeys(DISTANCES, "that differ in the referee's features, found "),
        "sharpness": "test images with some detail, found none",
    },
    "no labels": {
        "condition": "at least one label that holds, found none",
        "objects": "at least one label that holds, found none",
        "recognised": "at least one label that holds, found none",
    },
}
CHANGES: dict[str, Callable[[Evidence], Evidence]] = {
    "one drawing": first(1, fake=True, real=False),
    "two drawings": first(2, fake=True, real=False),
    "one real image": first(1, fake=False, real=True),
    "two real images": first(2, fake=False, real=True),
    "drawings alike": alike("fake"),
    "real images alike": alike("train", "test"),
    "all alike": alike("train", "test", "fake"),
    "no labels": unlabelled,
}


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("name", NAMES)
def test_too_little_to_tell_is_refused_or_has_a_defined_value(
    name: str, case: str, full: Callable[[Kind], Evidence]
) -> None:
    for kind in ("classes", "objects") if case == "no labels" else get_args(Kind):
        said = asked(name, CHANGES[case](full(kind)))
        words = REFUSED[case].get(name)
        if words is None:
            assert isinstance(said, dict), said
            assert all(math.isfinite(value) for value in said.values())
        else:
            assert isinstance(said, str), f"{name} of {case}: {said}"
            assert said.startswith(f"metric {name}: expected ")
            assert words in said
            assert "\n" not in said


BAD: dict[str, Callable[[Evidence, float], tuple[Evidence, str]]] = {
    "features": lambda found, bad: (
        replace(found, fake=replace(found.fake, features=spoiled(found.fake.features, bad))),
        "drawings: features",
    ),
    "logits": lambda found, bad: (
        replace(found, test=replace(found.test, logits=spoiled(found.test.logits, bad))),
        "test images: logits",
    ),
    "pixels": lambda found, bad: (
        replace(found, fake=replace(found.fake, stored=spoiled(found.fake.stored, bad))),
        "drawings: pixels",
    ),
    "answers": lambda found, bad: (
        replace(
            found,
            answers={name: replace(each, logits=spoiled(each.logits, bad)) for name, each in found.answers.items()},
        ),
        "answers: test: logits",
    ),
    "codes": lambda found, bad: (
        replace(found, codes=replace(found.codes, mixed=spoiled(found.codes.mixed, bad)) if found.codes else None),
        "codes: mixed",
    ),
    "moments": lambda found, bad: (
        replace(found, moments=[replace(each, values={**each.values, "diversity": bad}) for each in found.moments]),
        "moments: 0: values: diversity",
    ),
    "curve": lambda found, bad: (
        replace(found, curve=[{**row, "generator_loss": bad} for row in found.curve]),
        "curve: 0: generator_loss",
    ),
}


def spoiled(values: Tensor, bad: float) -> Tensor:
    changed = values.clone()
    changed.view(-1)[-1] = bad
    return changed


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", BAD)
def test_a_number_that_is_not_finite_is_refused_with_its_place(
    where: str, bad: float, full: Callable[[Kind], Evidence]
) -> None:
    """Whatever the metric: many would have given a number, since comparisons with nan are false."""
    for name in NAMES:
        evidence, words = BAD[where](full("attributes"), bad)
        said = asked(name, evidence)
        assert isinstance(said, str)
        assert said.startswith(f"{words}: ")
        assert "not finite" in said


def test_a_metric_that_is_not_finite_by_itself_is_named(
    full: Callable[[Kind], Evidence], monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(name: str) -> ModuleType:
        module = ModuleType(name)
        module.measure = lambda evidence: {"odd": math.nan}  # type: ignore[attr-defined]
        return module

    monkeypatch.setattr(plugins, "load", lambda folder, name: odd(name))
    assert asked("frechet", full("classes")) == "metric frechet: odd is nan"
