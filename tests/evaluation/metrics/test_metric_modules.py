"""What holds for every metric: the evaluate stage knows no more of them than this."""

from collections.abc import Callable
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import get_args

import pytest

import pipeline.evaluation.metrics
from pipeline.contracts.images import Kind
from pipeline.evaluation.evidence import Evidence, Likelihoods
from pipeline.statistics.measurements import Better, Scale

NAMES = sorted(p.stem for p in Path(pipeline.evaluation.metrics.__path__[0]).glob("*.py") if p.stem != "__init__")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", get_args(Kind))
def test_values_are_finite_declared_and_the_same_twice(
    name: str, kind: Kind, make_evidence: Callable[..., Evidence], likelihoods: Likelihoods
) -> None:
    module = import_module(f"pipeline.evaluation.metrics.{name}")
    evidence = make_evidence(conditional=True, kind=kind, likelihoods=likelihoods, adversarial=True, coded=True)
    values = module.measure(evidence)
    assert bool(values) == (name != "attributes" or kind == "attributes")
    assert values.keys() <= module.BETTER.keys()
    assert all(type(value) is float and isfinite(value) for value in values.values())
    assert module.measure(evidence) == values
    if hasattr(module, "of_parts"):
        assert module.of_parts(evidence, [evidence.whole()]) == [values]


def test_no_two_metrics_share_a_name() -> None:
    declared = [value for name in NAMES for value in import_module(f"pipeline.evaluation.metrics.{name}").BETTER]
    assert len(declared) == len(set(declared))


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_a_direction_and_a_scale(name: str) -> None:
    module = import_module(f"pipeline.evaluation.metrics.{name}")
    assert module.SCALE.keys() == module.BETTER.keys()
    assert set(module.BETTER.values()) <= set(get_args(Better))
    assert set(module.SCALE.values()) <= set(get_args(Scale))


@pytest.mark.parametrize("name", NAMES)
def test_shares_lie_between_0_and_1_and_have_trials(name: str, make_evidence: Callable[..., Evidence]) -> None:
    module = import_module(f"pipeline.evaluation.metrics.{name}")
    if not hasattr(module, "trials"):
        return
    evidence = make_evidence(conditional=True, kind="attributes", adversarial=True, coded=True)
    trials, values = module.trials(evidence), module.measure(evidence)
    assert trials
    assert trials.keys() <= module.BETTER.keys()
    assert all(type(count) is int and count > 0 for count in trials.values())
    assert all(0 <= values[name] <= 1 for name in trials.keys() & values.keys())
