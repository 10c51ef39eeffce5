import math
from collections.abc import Callable

import pytest
import scipy.special
import scipy.stats
import torch

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import confidence

LOGITS = 3 * torch.randn(50, 4, generator=torch.Generator().manual_seed(0))


def test_agrees_with_scipy() -> None:
    likely = scipy.special.softmax(LOGITS.double().numpy(), axis=1)
    assert confidence.confidence(LOGITS, exclusive=True) == pytest.approx(likely.max(1).mean(), rel=1e-12)
    assert confidence.class_entropy(LOGITS) == pytest.approx(scipy.stats.entropy(likely.mean(0)), rel=1e-12)
    each = scipy.special.expit(LOGITS.double().numpy())
    expected = each.clip(min=1 - each).mean()
    assert confidence.confidence(LOGITS, exclusive=False) == pytest.approx(expected, rel=1e-12)


def test_an_undecided_judge() -> None:
    flat = torch.zeros(5, 4)
    assert confidence.confidence(flat, exclusive=True) == 0.25
    assert confidence.confidence(flat, exclusive=False) == 0.5
    assert confidence.class_entropy(flat) == pytest.approx(math.log(4))


def test_sure_and_balanced() -> None:
    sure = 100 * torch.eye(4).repeat(3, 1)
    assert confidence.confidence(sure, exclusive=True) == pytest.approx(1)
    assert confidence.class_entropy(sure) == pytest.approx(math.log(4))


def test_sure_and_all_of_one_class() -> None:
    collapsed = 1000 * torch.eye(4)[:1].expand(20, -1)
    assert confidence.confidence(collapsed, exclusive=True) == 1
    assert confidence.class_entropy(collapsed) == 0


def test_blind_to_order() -> None:
    assert confidence.class_entropy(LOGITS.flip(0)) == pytest.approx(confidence.class_entropy(LOGITS), rel=1e-12)


def test_measure(make_evidence: Callable[..., Evidence]) -> None:
    assert confidence.measure(make_evidence()).keys() == confidence.BETTER.keys()
    for kind in ("objects", "attributes"):
        assert confidence.measure(make_evidence(kind=kind)).keys() == {"confidence"}
