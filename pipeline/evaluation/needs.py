"""What a metric needs to be a number at all; where it is not there, one line instead of a number."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence
from pipeline.ground.errors import InputError


def at_least(least: int, count: int, what: str) -> None:
    """Raises InputError for fewer."""
    if count < least:
        raise InputError(f"expected at least {least} {what}, found {count}")


def different(features: Tensor, what: str) -> None:
    """Raises InputError where all features (N, D) are alike, N at least 2: whoever sees no difference measures none."""
    if bool((features == features[0]).all()):
        raise InputError(f"expected {what} that differ in the referee's features, found {len(features)} all alike")


def numbers(values: dict[str, float]) -> dict[str, float]:
    """A metric's values as they are. Raises InputError for one that is not finite."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise InputError(f"{name} is {value}")
    return values


@contextmanager
def of(metric: str) -> Iterator[None]:
    """Raises what goes wrong within as an InputError that names the metric."""
    try:
        yield
    except (InputError, torch.linalg.LinAlgError) as error:  # type: ignore[attr-defined]
        raise InputError(f"metric {metric}: {' '.join(str(error).split())}") from None


def sound(evidence: Evidence) -> None:
    """Raises InputError for a number in the evidence that is not finite.

    Comparisons with nan are false, and sorting puts it first, so that many metrics would be numbers all the same.
    """
    for name, values in _reals(evidence, ""):
        finite(name, values)


def finite(name: str, values: Tensor) -> None:
    """Raises InputError for numbers that are not."""
    if not bool(values.isfinite().all()):
        bad = int((~values.isfinite()).sum())
        raise InputError(f"{name}: {bad} of {values.numel()} numbers are not finite; did the training diverge?")


def _reals(part: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    """All real numbers of evidence, by where they are."""
    if isinstance(part, Tensor):
        if part.is_floating_point():
            yield name, part
    elif isinstance(part, float):
        yield name, torch.tensor(part)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _reals(getattr(part, field.name), _within(name, _NAMES.get(field.name, field.name)))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from _reals(value, _within(name, str(key)))
    elif isinstance(part, list | tuple):
        for number, value in enumerate(part):
            yield from _reals(value, _within(name, str(number)))


_NAMES = {"fake": "drawings", "train": "training images", "test": "test images", "stored": "pixels"}


def _within(whole: str, part: str) -> str:
    return f"{whole}: {part}" if whole else part
