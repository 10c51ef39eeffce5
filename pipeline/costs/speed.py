"""How long an iteration takes on a device: as measured, or told from what was measured there.

A GPU waits for the processor's calls where networks are small and computes where they are large, so that seconds of an
iteration = a * calls + b * operations, with a and b >= 0 fitted to all that was measured on it, and then held to the
nearest measurement of the same network. By operations alone small networks would come out ten times too fast.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.costs.rates import Device, Precision
from pipeline.costs.work import Work

Basis = Literal["measured", "estimated", "guessed"]


@dataclass(frozen=True)
class Known:
    """A measurement. seconds: of an iteration."""

    name: str
    family: str
    network: str
    precision: Precision
    work: Work
    seconds: float


@dataclass(frozen=True)
class Seconds:
    """Of an iteration. like: the measurement that it was held to, of this experiment or another one."""

    value: float
    basis: Basis
    like: str | None


@dataclass(frozen=True)
class Fit:
    """call, operation: seconds each."""

    call: float
    operation: float

    def __call__(self, work: Work) -> float:
        return self.call * work.calls + self.operation * work.operations


def fit(known: Sequence[Known]) -> Fit:
    """By least squares of relative errors, with neither below 0."""
    rows = [(each.work.calls / each.seconds, each.work.operations / each.seconds) for each in known]
    cc, co, oo = (sum(row[i] * row[j] for row in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    c, o = (sum(row[i] for row in rows) for i in (0, 1))
    determinant = cc * oo - co**2
    if determinant > 1e-9 * cc * oo:
        call, operation = (c * oo - o * co) / determinant, (o * cc - c * co) / determinant
        if call >= 0 and operation >= 0:
            return Fit(call, operation)
    # At the edge: whichever of the two explains more alone
    return Fit(c / cc, 0.0) if c**2 / cc > o**2 / oo else Fit(0.0, o / oo)


def known(device: Device) -> list[Known]:
    """What rates.yaml has measured on it."""
    return [
        Known(
            name,
            rate.family,
            rate.network,
            table.precision,
            Work(rate.images, round(rate.operations), rate.calls),
            rate.images / rate.images_per_second,
        )
        for table in device.measured
        for name, rate in table.experiments.items()
    ]


@dataclass(frozen=True)
class Speeds:
    """A device's. found: what was measured, on it or, unless `own`, on one that it is like. peaks, theirs: operations a
    second of the device and of that one.
    """

    found: Sequence[Known]
    own: bool
    peaks: Mapping[Precision, float]
    theirs: Mapping[Precision, float]

    def __call__(self, name: str, family: str, network: str, precision: Precision, work: Work) -> Seconds:
        """Of an iteration of an experiment."""
        same = [each for each in self.found if each.precision == precision]
        exact = [each for each in same if _alike(each, family, network, work)]
        if exact and self.own:
            chosen = next((each for each in exact if each.name == name), exact[0])
            return Seconds(chosen.seconds, "measured", chosen.name)
        rows = same or self.found
        model = fit(rows)
        factor = self.theirs[rows[0].precision] / self.peaks[precision]
        scaled = Fit(model.call, model.operation * factor)(work)
        near = [each for each in rows if each.network == network]
        if not near:
            return Seconds(scaled, "guessed", None)
        nearest = min(near, key=lambda each: (each.family != family, _apart(each.work, work)))
        basis: Basis = "estimated" if self.own and same else "guessed"
        return Seconds(scaled * nearest.seconds / model(nearest.work), basis, nearest.name)


def _alike(each: Known, family: str, network: str, work: Work) -> bool:
    """Calls may be others, of another release of torch."""
    there = (each.family, each.network, each.work.images) == (family, network, work.images)
    return there and math.isclose(each.work.operations, work.operations, rel_tol=1e-6)


def _apart(one: Work, other: Work) -> float:
    """How far in calls and operations, by their logarithms."""
    pairs = ((one.calls, other.calls), (one.operations, other.operations))
    return sum(abs(math.log(a / b)) for a, b in pairs)
