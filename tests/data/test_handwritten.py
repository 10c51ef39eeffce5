"""The handwritten digits are those that scikit-learn itself loads."""

import pytest
import torch
from sklearn.datasets import load_digits

from pipeline.data.reading import handwritten
from pipeline.ground.errors import InputError


def test_digits_are_scikit_learns() -> None:
    images, targets = handwritten.digits()
    wanted = load_digits()
    assert images.dtype == torch.float32
    assert torch.equal(images, torch.tensor(wanted.images, dtype=torch.float32) / 16)
    assert torch.equal(targets, torch.tensor(wanted.target))


def test_without_the_package_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handwritten, "_FILE", "sklearn/datasets/data/nothing.csv.gz")
    with pytest.raises(InputError, match="comes with the package scikit-learn"):
        handwritten.digits()
