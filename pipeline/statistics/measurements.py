"""An experiment's measurements on disk, in git: every metric by seed, and what is needed to tell how sure it is.

Light to import: comparing takes no torch.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.ground.errors import InputError
from pipeline.statistics.intervals import Estimate, Measured, difference, mean


@dataclass(frozen=True)
class Measurements:
    """All that was measured of one experiment.

    source: of the images. machine: that measured. test_set: a fingerprint of the test images and of how they were
    halved; `errors` of equal ones belong together. seeds: of the models, in the order of `Measured.values`.
    partial: metrics that only some seeds have, such as the iteration of a collapse; None for the others.
    precision: of the products that trained the models, None where it is not on record.
    """

    source: str
    machine: str
    test_set: str
    seeds: tuple[int, ...]
    metrics: Mapping[str, Measured]
    partial: Mapping[str, tuple[float | None, ...]]
    precision: str | None = None

    def difference(self, base: "Measurements", metric: str, level: float = 0.95) -> Estimate:
        """How far this experiment's metric lies above that of `base`; both must have it."""
        return difference(self.metrics[metric], base.metrics[metric], self.test_set == base.test_set, level)

    def summary(self) -> dict[str, Any]:
        """For `dvc metrics`: source, number of seeds, and each metric's mean with its interval, if it has one."""
        found: dict[str, Any] = {"source": self.source, "seeds": len(self.seeds)}
        for name, measured in self.metrics.items():
            estimate = mean(measured)
            found[name] = {"mean": _round(estimate.value)}
            if estimate.low is not None and estimate.high is not None:
                found[name] |= {"low": _round(estimate.low), "high": _round(estimate.high)}
        return found


def dump(found: Measurements) -> str:
    """As JSON, a metric a line. Values to nine digits, errors to four."""
    lines = {}
    for name, measured in found.metrics.items():
        line: dict[str, Any] = {"better": measured.better, "values": [_round(value, 9) for value in measured.values]}
        if measured.trials is not None:
            line["trials"] = measured.trials
        if measured.errors:
            line["errors"] = [_round(error, 4) for error in measured.errors]
        lines[name] = line
    facts = {
        "source": found.source,
        "machine": found.machine,
        "precision": found.precision,
        "test_set": found.test_set,
        "seeds": list(found.seeds),
    }
    head = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items()]
    blocks = [f'  "{key}": {_block(block)}' for key, block in (("metrics", lines), ("partial", found.partial))]
    return "{\n" + ",\n".join([*head, *blocks]) + "\n}\n"


def _block(content: Mapping[str, Any]) -> str:
    lines = [f"    {json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + "\n  }" if lines else "{}"


def parse(text: str, where: str) -> Measurements:
    """What `dump` gave. Raises InputError naming `where` when the text is something else."""
    try:
        content = json.loads(text)
        metrics = {
            name: Measured(each["better"], tuple(each["values"]), tuple(each.get("errors", ())), each.get("trials"))
            for name, each in content["metrics"].items()
        }
        facts = (content["source"], content["machine"], content["test_set"], tuple(content["seeds"]))
        partial = {name: tuple(values) for name, values in content["partial"].items()}
        return Measurements(*facts, metrics, partial, content.get("precision"))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{where}: expected an experiment's measurements, found something else ({error!r})") from None


def load(folder: Path) -> dict[str, Measurements]:
    """The measurements of each experiment, by name. Raises InputError when there are none."""
    found = {path.stem: parse(path.read_text(encoding="utf-8"), str(path)) for path in sorted(folder.glob("*.json"))}
    if not found:
        raise InputError(f"{folder}: expected measurements of experiments, found none; run `dvc repro`")
    return found


def _round(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")
