"""A measured device becomes one that `latentlab plan` knows."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import budget
from benchmarks.rates import table
from pipeline.costs import rates
from pipeline.costs.speed import Speeds, known
from pipeline.costs.work import iteration, planned
from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.ground.plugins import ROOT

COSTS = [
    {"name": "cgan", "ours": 28123.4, "like": None},
    {"name": "dcgan", "ours": 28123.4, "like": "cgan"},
    {"name": "face_ae", "ours": None, "like": None},
]


def test_what_was_measured_is_known_as_it_was(content: dict[str, Any], tmp_path: Path) -> None:
    full = budget.merged(content, params.load(ROOT.parent / "budgets/full.yaml", anchors=True))
    numbers = {"Machine": {"machine": "a box"}, "Costs": COSTS}
    found = table(numbers, full, date(2027, 1, 2))
    assert list(found["experiments"]) == ["cgan"]
    device = {
        "description": "a box",
        "worker": "GPU",
        "peak": {"float32": 1e14, "bfloat16": 2e14},
        "auto": "bfloat16",
        "others": 10,
        "price": {"dollars": 1, "date": date(2027, 1, 2), "source": "me"},
        "measured": [found],
    }
    path = tmp_path / "rates.yaml"
    path.write_text(yaml.safe_dump({"devices": {"box": device}}))
    box = rates.load(path)["box"]
    work = iteration(planned("cgan", full["experiments"]["cgan"]))
    told = Speeds(known(box), True, box.peak, box.peak)("cgan", "gan", "dcgan", "float32", work)
    assert told.basis == "measured"
    assert work.images / told.value == pytest.approx(28123.4, rel=1e-3)
    with pytest.raises(InputError, match="Costs: expected speeds that were measured, found none"):
        table({"Costs": COSTS[1:]}, full, date(2027, 1, 2))
