"""Results say what computed them, and not whose machine it was."""

import os
import platform

import torch

from pipeline.ground.machine import describe


def test_processor_cores_system_and_torch() -> None:
    words = describe(torch.device("cpu"))
    assert f"{os.cpu_count()} cores" in words
    assert platform.system() in words
    assert f"torch {torch.__version__}" in words
    assert platform.node() not in words
    assert describe(torch.device("mps")).count("mps") == 1
