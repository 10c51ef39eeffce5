"""What DVC compares of an experiment, and tables show: each metric's mean with its interval."""

from typing import Any

from pipeline.statistics.intervals import mean
from pipeline.statistics.measurements import Measurements


def summary(found: Measurements) -> dict[str, Any]:
    """The source, the number of seeds, and each metric's mean, with `low` and `high` where it has an interval."""
    told: dict[str, Any] = {"source": found.source, "seeds": len(found.seeds)}
    for name, measured in found.metrics.items():
        estimate = mean(measured)
        told[name] = {"mean": _round(estimate.value)}
        if estimate.low is not None and estimate.high is not None:
            told[name] |= {"low": _round(estimate.low), "high": _round(estimate.high)}
    return told


def _round(value: float) -> float:
    return float(f"{value:.6g}")
