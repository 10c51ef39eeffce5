"""What all tests share: the repository's root, its parameters, and tiny images."""

import os
from pathlib import Path
from typing import Any

if "PYTEST_XDIST_WORKER" in os.environ:  # tests side by side: threads that wait for each other would be slow
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
import yaml

from pipeline.contracts.images import ImageSet

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def content() -> dict[str, Any]:
    """params.yaml as it stands."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())
    return loaded


@pytest.fixture(scope="session")
def tiny() -> ImageSet:
    """96 images of bright squares whose place tells their class, in the shape of digits."""
    noise = torch.Generator().manual_seed(0)
    classes = torch.arange(96) % 10
    images = torch.randint(0, 40, (96, 1, 28, 28), generator=noise, dtype=torch.uint8)
    for image, label in zip(images, classes.tolist(), strict=True):
        row, column = divmod(label, 4)
        image[0, 2 + 8 * row : 10 + 8 * row, 7 * column : 6 + 7 * column] = 220
    labels = torch.nn.functional.one_hot(classes, 10).to(torch.uint8)
    return ImageSet(images, labels, torch.arange(96), tuple("0123456789"), "classes", "squares")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`experiment`: every entry of params.yaml, so that a new one is tested without further work."""
    if "experiment" in metafunc.fixturenames:
        metafunc.parametrize("experiment", list(yaml.safe_load((ROOT / "params.yaml").read_text())["experiments"]))
