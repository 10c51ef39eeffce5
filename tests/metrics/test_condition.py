from collections.abc import Callable

import pytest
import torch
from sklearn.metrics import accuracy_score

from pipeline.evidence import Evidence
from pipeline.metrics import condition
from pipeline.scores import top_accuracy

ONE_HOT = torch.eye(4, dtype=torch.uint8)


def test_exclusive_labels_agree_with_sklearn() -> None:
    draw = torch.Generator().manual_seed(0)
    logits, wanted = torch.randn(100, 4, generator=draw), torch.randint(0, 4, (100,), generator=draw)
    expected = accuracy_score(wanted, logits.argmax(1))
    assert top_accuracy(logits, ONE_HOT[wanted]) == pytest.approx(expected)


def test_several_labels_are_summed_over_images() -> None:
    logits = torch.tensor([[5.0, 4.0, 1.0, 0.0], [5.0, 4.0, 1.0, 0.0], [0.0, 0.0, 0.0, 9.0]])
    labels = torch.tensor([[1, 0, 1, 0], [0, 1, 1, 1], [0, 0, 0, 1]], dtype=torch.uint8)
    # 1 of 2, 2 of 3, 1 of 1: four of six, where a mean over images would give .72
    assert top_accuracy(logits, labels) == pytest.approx(4 / 6)


def test_right_and_wrong() -> None:
    assert top_accuracy(ONE_HOT.float(), ONE_HOT) == 1
    assert top_accuracy(-ONE_HOT.float(), ONE_HOT) == 0


def test_the_first_of_equal_scores_is_the_higher() -> None:
    assert top_accuracy(torch.zeros(4, 4), ONE_HOT) == 0.25


def test_an_image_without_labels_counts_for_nothing() -> None:
    labels = torch.cat([ONE_HOT, torch.zeros(3, 4, dtype=torch.uint8)])
    assert top_accuracy(labels.float(), labels) == 1


@pytest.mark.parametrize("exclusive", [True, False])
def test_measure_puts_the_judge_beside_the_model(make_evidence: Callable[..., Evidence], exclusive: bool) -> None:
    """Names the fault of a judge that sees cropped images: its accuracy on real images stands beside any other."""
    evidence = make_evidence(conditional=True, exclusive=exclusive)
    values = condition.measure(evidence)
    assert values["condition_accuracy"] == top_accuracy(evidence.fake.logits, evidence.fake.labels)
    assert values["condition_accuracy_real"] == top_accuracy(evidence.test.logits, evidence.test.labels)
    assert values.keys() == condition.BETTER.keys()


def test_nothing_without_condition(make_evidence: Callable[..., Evidence]) -> None:
    assert condition.measure(make_evidence()) == {}
