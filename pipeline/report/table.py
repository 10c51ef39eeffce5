"""The metrics files of all experiments, and how their numbers are written."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import InputError

Metrics = Mapping[str, Any]  # `source`, `seeds`, and a mapping of mean and, of several seeds, ci95 for each metric


def load(folder: Path) -> dict[str, Metrics]:
    """The metrics of each experiment, by name. Raises InputError when there are none."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    if not found:
        raise InputError(f"{folder}: expected metrics of experiments, found none; run `dvc repro`")
    return found


def text(value: Mapping[str, float]) -> str:
    """`12.34 ± 0.05`: the interval to two significant digits, the mean to as many decimals."""
    mean, half = value["mean"], value.get("ci95")
    if half is None:
        return f"{mean:.4g}"
    if half == 0:
        return f"{mean:.4g} ± 0"
    decimals = max(0, 1 - math.floor(math.log10(half)))
    return f"{mean:.{decimals}f} ± {half:.{decimals}f}"
