"""What can be named, of all that was asked for."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from pipeline.contracts.images import Kind
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import recognised
from pipeline.judges import scores

ASKED = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.uint8)


def test_only_what_was_asked_for_counts_and_nothing_is_an_answer() -> None:
    assert scores.recognised(ASKED.float() - 0.5, ASKED) == 1
    assert scores.recognised(torch.full((3, 3), -1.0), ASKED) == 0
    assert scores.recognised(torch.tensor([[1.0, 1, 1], [-1, -1, 1], [1, 1, -1]]), ASKED) == 1 / 4


def test_the_best_of_bad_answers_is_no_answer() -> None:
    """Where the accuracy is 1, because every score but the right one is still lower."""
    logits = ASKED.float() - 5
    assert scores.accuracy(logits, ASKED, "objects") == 1
    assert scores.recognised(logits, ASKED) == 0


def test_nameable_needs_any_label_and_not_the_right_one(make_evidence: Callable[..., Evidence]) -> None:
    found = make_evidence(conditional=True)
    wrong = 1 - 2 * found.fake.labels.float()
    wrong[:10] = -1
    values = recognised.measure(replace(found, fake=replace(found.fake, recognised=wrong)))
    assert values["nameable"] == pytest.approx(30 / 40)
    assert values["recognised"] == 0


def test_lists_are_told_by_name(make_evidence: Callable[..., Evidence]) -> None:
    found = make_evidence(conditional=True, kind="objects")
    labels = found.answers["test"].labels
    logits = labels.float().expand(2, -1, -1) - 0.5
    logits = torch.cat([logits[:1], -torch.ones_like(logits[1:])])  # of two drawings one can be read
    answers = {**found.answers, "test": replace(found.answers["test"], recognised=logits)}
    values = recognised.measure(replace(found, answers=answers))
    assert values["test_recognised"] == 0.5
    assert values["new_test_recognised"] != 0.5


@pytest.mark.parametrize("kind", ["classes", "objects", "attributes"])
@pytest.mark.parametrize("conditional", [True, False])
def test_what_applies_is_measured(make_evidence: Callable[..., Evidence], kind: Kind, conditional: bool) -> None:
    found = make_evidence(conditional=conditional, kind=kind)
    expected = set(recognised.BETTER)
    if kind == "attributes":
        expected -= {"nameable"}
    if not conditional:
        expected -= {"recognised", "test_recognised", "new_test_recognised"}
    assert recognised.measure(found).keys() == expected
    assert expected <= recognised.trials(found).keys() | {"nameable"}
