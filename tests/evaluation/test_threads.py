"""How many threads compute: a model's numbers do not mind, and its training does by rounding: see docs/metrics.md."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from evaluation.rehearsal import rehearsal

from pipeline.ground import plugins

pytestmark = pytest.mark.slow
ROOT = plugins.ROOT.parent
BOTH = """
import json, sys, torch
from pathlib import Path
from pipeline.contracts import curves
from evaluation.rehearsal import Rehearsal
assert torch.get_num_threads() == int(sys.argv[3])
name, block = sys.argv[1], json.loads(sys.argv[2])
values = Rehearsal(name, block).measured().values if Path("results/models").exists() else {}
for path in Path(".resume").glob("*/*/model.safetensors"):
    path.unlink()  # or it would count as trained
Rehearsal(name, block).train()
values = values or Rehearsal(name, block).measured().values
print(json.dumps([curves.read(Path(f"results/curves/{name}.csv"))[0][0], values]))
"""


def run(name: str, block: Any, threads: int) -> list[dict[str, float]]:
    """The first point of the curve of a training with so many threads, and what they measure of the first model."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    }
    command = [sys.executable, "-c", BOTH, name, json.dumps(block), str(threads)]
    found: list[dict[str, float]] = json.loads(
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    )
    return found


@pytest.mark.parametrize("name", ["fc_vae", "face_ae", "cgan"])
def test_threads_change_nothing_but_rounding(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core")
    monkeypatch.chdir(tmp_path)
    tried = rehearsal(name)
    tried.judge()
    (start, one), (again, two) = (run(name, tried.block, threads) for threads in (1, 2))
    del start["seconds"], again["seconds"]
    assert start.keys() == again.keys()
    assert all(math.isclose(start[key], again[key], rel_tol=1e-4, abs_tol=1e-5) for key in start)
    assert one.keys() == two.keys()
    assert all(math.isclose(one[key], two[key], rel_tol=1e-5, abs_tol=1e-6) for key in one)
