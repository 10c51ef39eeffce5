from collections.abc import Callable

import pytest
import torch
from sklearn.metrics import accuracy_score

from pipeline.contracts.images import Kind
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import condition
from pipeline.judges.scores import accuracy, highest

ONE_HOT = torch.eye(4, dtype=torch.uint8)


def test_classes_agree_with_sklearn() -> None:
    draw = torch.Generator().manual_seed(0)
    logits, wanted = torch.randn(100, 4, generator=draw), torch.randint(0, 4, (100,), generator=draw)
    expected = accuracy_score(wanted, logits.argmax(1))
    assert accuracy(logits, ONE_HOT[wanted], "classes") == pytest.approx(expected)


def test_attributes_agree_with_sklearn() -> None:
    """Each answer counts, yes or no, in drawings (2, 50) as in images; a logit of zero is a no."""
    draw = torch.Generator().manual_seed(0)
    logits, labels = torch.randint(-2, 3, (2, 50, 4), generator=draw), torch.randint(0, 2, (2, 50, 4), generator=draw)
    expected = accuracy_score(labels.flatten(), (logits > 0).flatten())
    assert accuracy(logits.float(), labels.to(torch.uint8), "attributes") == pytest.approx(expected)


def test_an_attribute_that_does_not_hold_counts_as_well() -> None:
    """A judge that always says no is right of three attributes of four, though it finds none."""
    assert accuracy(torch.full((4, 4), -1.0), ONE_HOT, "attributes") == 0.75


def test_several_labels_are_summed_over_images() -> None:
    logits = torch.tensor([[5.0, 4.0, 1.0, 0.0], [5.0, 4.0, 1.0, 0.0], [0.0, 0.0, 0.0, 9.0]])
    labels = torch.tensor([[1, 0, 1, 0], [0, 1, 1, 1], [0, 0, 0, 1]], dtype=torch.uint8)
    # 1 of 2, 2 of 3, 1 of 1: four of six, where a mean over images would give .72
    assert accuracy(logits, labels, "objects") == pytest.approx(4 / 6)


@pytest.mark.parametrize("kind", ["classes", "objects"])
def test_right_and_wrong(kind: Kind) -> None:
    assert accuracy(ONE_HOT.float(), ONE_HOT, kind) == 1
    assert accuracy(-ONE_HOT.float(), ONE_HOT, kind) == 0


def test_the_first_of_equal_scores_is_the_higher() -> None:
    assert accuracy(torch.zeros(4, 4), ONE_HOT, "classes") == 0.25
    assert highest(torch.zeros(2, 4), ONE_HOT[2:] + ONE_HOT[:2]).tolist() == [[True, True, False, False]] * 2


def test_highest_are_as_many_as_hold() -> None:
    draw = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(3, 50, 6, generator=draw), torch.randint(0, 2, (3, 50, 6), generator=draw)
    found = highest(logits, labels)
    assert torch.equal(found.sum(-1), labels.sum(-1))
    least, most = logits.masked_fill(~found, 99).amin(-1), logits.masked_fill(found, -99).amax(-1)
    assert (least > most).all()


def test_an_image_without_labels_counts_for_nothing() -> None:
    labels = torch.cat([ONE_HOT, torch.zeros(3, 4, dtype=torch.uint8)])
    assert accuracy(labels.float(), labels, "objects") == 1


@pytest.mark.parametrize("kind", ["classes", "objects", "attributes"])
def test_measure_puts_the_judge_beside_the_model(make_evidence: Callable[..., Evidence], kind: Kind) -> None:
    """Names the fault of a judge that sees cropped images: its accuracy on real images stands beside any other."""
    evidence = make_evidence(conditional=True, kind=kind)
    values = condition.measure(evidence)
    assert values["condition_accuracy"] == accuracy(evidence.fake.logits, evidence.fake.labels, kind)
    assert values["condition_accuracy_real"] == accuracy(evidence.test.logits, evidence.test.labels, kind)
    assert values.keys() == condition.BETTER.keys()


def test_nothing_without_condition(make_evidence: Callable[..., Evidence]) -> None:
    assert condition.measure(make_evidence()) == {}
