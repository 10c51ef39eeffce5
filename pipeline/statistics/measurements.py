"""An experiment's measurements on disk, in git: every metric by seed, and what is needed to tell how sure it is.

Light to import: comparing takes no torch.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pipeline.ground.errors import InputError

FORMAT: Final = 1  # of the files; those from before it was written are of the first

Better = Literal["higher", "lower", "neither"]
Scale = Literal["plain", "log", "logit"]


@dataclass(frozen=True)
class Measured:
    """One metric of one experiment.

    better: which direction is. values: one a seed. errors: how far the mean over seeds is off on each of R halves of
    the test set, scaled so that their mean square is the variance it adds; of a single seed, that of latent draws too;
    empty where the metric looks at neither. trials: of a share, of how many independent trials of each seed; else None.
    scale: on which the seeds of different experiments scatter most evenly: as they are, in proportion to the value
    (log), or to value * (1 - value), of a share (logit).

    variances: what the variance of one seed may be, equally likely (N,), and pool: of how many experiments that is
    told, see `pools`; None and 0 where nothing but the values tells it.
    """

    better: Better
    values: tuple[float, ...]
    errors: tuple[float, ...] = ()
    trials: int | None = None
    scale: Scale = "plain"
    variances: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    pool: int = field(default=0, compare=False)

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)


@dataclass(frozen=True)
class Measurements:
    """All that was measured of one experiment.

    source: of the images. machine: that measured. test_set: a fingerprint of the test images and of how they were
    halved; `errors` of equal ones belong together. seeds: of the models, in the order of `Measured.values`.
    partial: metrics that only some seeds have, such as the iteration of a collapse; None for the others.
    precision: of the products that trained the models; yardstick: a fingerprint of the judge and the referee; None
    where they are not on record.
    """

    source: str
    machine: str
    test_set: str
    seeds: tuple[int, ...]
    metrics: Mapping[str, Measured]
    partial: Mapping[str, tuple[float | None, ...]]
    precision: str | None = None
    yardstick: str | None = None


def dump(found: Measurements) -> str:
    """As JSON, a metric a line. Values to nine digits, errors to four. Raises InputError for one that is not finite."""
    lines = {}
    for name, measured in found.metrics.items():
        _finite(name, (*measured.values, *measured.errors))
        line: dict[str, Any] = {"better": measured.better}
        if measured.scale != "plain":
            line["scale"] = measured.scale
        line["values"] = [_round(value, 9) for value in measured.values]
        if measured.trials is not None:
            line["trials"] = measured.trials
        if measured.errors:
            line["errors"] = [_round(error, 4) for error in measured.errors]
        lines[name] = line
    for name, some in found.partial.items():
        _finite(name, [value for value in some if value is not None])
    facts = {
        "format": FORMAT,
        "source": found.source,
        "machine": found.machine,
        "precision": found.precision,
        "yardstick": found.yardstick,
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
        content = json.loads(text, parse_constant=_refused)
        if (version := content.get("format", FORMAT)) != FORMAT:
            raise InputError(
                f"{where}: expected measurements of format {FORMAT}, found {version}: another version of latentlab"
                " wrote them; `dvc repro` measures anew"
            )
        metrics = {name: _measured(**each) for name, each in content["metrics"].items()}
        facts = (content["source"], content["machine"], content["test_set"], tuple(content["seeds"]))
        partial = {name: tuple(values) for name, values in content["partial"].items()}
        for name, measured in metrics.items():
            if not measured.values or len(measured.values) != len(content["seeds"]):
                raise ValueError(f"{name}: expected a value for each seed, found {len(measured.values)}")
        return Measurements(*facts, metrics, partial, content.get("precision"), content.get("yardstick"))
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{where}: expected an experiment's measurements, found something else ({error!r})") from None


def _refused(constant: str) -> float:
    raise ValueError(f"expected finite numbers, found {constant}")


def _finite(metric: str, values: Sequence[float]) -> None:
    for value in values:
        if not math.isfinite(value):
            raise InputError(f"metric {metric}: expected finite numbers, found {value}")


def _measured(
    better: Better, values: list[float], errors: Sequence[float] = (), trials: int | None = None, scale: Scale = "plain"
) -> Measured:
    if better not in get_args(Better) or scale not in get_args(Scale):
        raise ValueError(f"expected a direction and a scale, found {better!r} and {scale!r}")
    for value in (*values, *errors):
        if type(value) not in (int, float) or not math.isfinite(value):  # 1e999 is read as inf
            raise ValueError(f"expected finite numbers, found {value!r}")
    return Measured(better, tuple(values), tuple(errors), trials, scale)


def load(folder: Path) -> dict[str, Measurements]:
    """The measurements of each experiment, by name. Raises InputError when there are none."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        # What is no UTF-8 is no JSON either
        found[path.stem] = parse(path.read_text(encoding="utf-8", errors="replace"), str(path))
    if not found:
        raise InputError(f"{folder}: expected measurements of experiments, found none; run `dvc repro`")
    return found


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
