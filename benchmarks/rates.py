"""What `benchmarks.accelerator` measured, as an entry for `pipeline/costs/rates.yaml`.

`python -m benchmarks.rates OUT/numbers.json`, from the project's root of the same commit, as the sizes of
budgets/full.yaml are counted here. Prints a list for the key `measured` of a device.
"""

import argparse
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from benchmarks import budget
from pipeline.costs.work import iteration, planned
from pipeline.ground import params
from pipeline.ground.errors import InputError

BUDGET = "full"


def table(numbers: Mapping[str, Any], content: Mapping[str, Any], day: date) -> dict[str, Any]:
    """Speeds that were measured, not those taken from other experiments. Raises InputError where there are none."""
    rows, precisions = {}, set()
    for cost in numbers.get("Costs", ()):
        if cost["ours"] and not cost["like"]:
            entry = planned(cost["name"], content["experiments"][cost["name"]])
            work, common = iteration(entry), entry.experiment
            rows[cost["name"]] = {
                "family": common.family,
                "network": common.network,
                "images": work.images,
                "operations": work.operations,
                "calls": work.calls,
                "images_per_second": float(f"{cost['ours']:.4g}"),
            }
            precisions.add(entry.training.precision)
    if not rows:
        raise InputError("numbers.json: Costs: expected speeds that were measured, found none")
    if precisions != {"float32"}:
        raise InputError(f"budgets/{BUDGET}.yaml: expected precision float32, found {', '.join(sorted(precisions))}")
    return {
        "date": day,
        "machine": numbers["Machine"]["machine"],
        "source": "benchmarks.accelerator, random images, one seed at a time",
        "budget": BUDGET,
        "precision": "float32",
        "experiments": rows,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", type=Path)
    numbers = parser.parse_args().numbers
    overlay = params.load(Path(f"budgets/{BUDGET}.yaml"), anchors=True)
    day = date.fromtimestamp(numbers.stat().st_mtime)
    found = table(json.loads(numbers.read_text(encoding="utf-8")), budget.merged(params.load(), overlay), day)
    print(yaml.safe_dump([found], sort_keys=False, width=200, default_flow_style=None), end="")


if __name__ == "__main__":
    main()
