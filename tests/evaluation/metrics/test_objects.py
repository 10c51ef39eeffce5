from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pipeline.contracts.images import Kind
from pipeline.data import scenes
from pipeline.evaluation.evidence import Answers, Evidence, Judged
from pipeline.evaluation.metrics import objects
from pipeline.judges.scores import accuracy
from pipeline.renderers.scenes import layout as drawing

DRAWINGS = 6


def asked(name: str) -> Tensor:
    """The label sets of the role's own list, (32, 24)."""
    labels = torch.zeros(32, 24, dtype=torch.uint8)
    for row, chosen in zip(labels, scenes.conditions()[name], strict=True):
        row[list(chosen)] = 1
    return labels


def verdict(labels: Tensor) -> Tensor:
    """Logits of a judge that sees exactly these labels."""
    return labels.float() * 8 - 4


def evidence_of(answers: dict[str, Answers], test: Judged | None = None) -> Evidence:
    labels = asked("test")
    real = Judged(torch.zeros(32, 3, 4, 4), labels.float(), verdict(labels), labels) if test is None else test
    return Evidence(real, real, real, True, "objects", None, classes=scenes.CLASSES, answers=answers)


def drawn(labels: Tensor, shown: Tensor | None = None, seen: Tensor | None = None) -> Answers:
    """Answers to sets of labels (M, K), in which the judge sees others (M, K), the same in all drawings."""
    found = verdict(labels if shown is None else shown).expand(DRAWINGS, *labels.shape)
    return Answers(labels, found, torch.ones(len(labels), dtype=torch.bool) if seen is None else seen)


def test_names_are_those_of_the_role() -> None:
    assert tuple(scenes.CONDITIONS) == objects.LISTS
    assert (drawing.COLOURS, drawing.SHAPES) == (objects.COLOURS, objects.SHAPES)
    assert list(objects.SIZES) == list(range(1, drawing.STEPS + 1))


def test_found_is_the_rule_of_accuracy() -> None:
    """With scores of few values, so that many are equal."""
    draw = torch.Generator().manual_seed(0)
    labels = (torch.rand(500, 24, generator=draw) < 0.1).to(torch.uint8)
    logits = torch.randint(4, (500, 24), generator=draw).float()
    found = objects.found(logits, labels)
    assert int(found.sum()) / int(labels.sum()) == accuracy(logits, labels, "objects")
    for row in range(500):
        alone = accuracy(logits[row : row + 1], labels[row : row + 1], "objects") if labels[row].any() else 0
        assert int(found[row].sum()) == pytest.approx(alone * int(labels[row].sum()))
    assert not (found & ~labels.bool()).any()


def test_perfect_drawings() -> None:
    values = objects.measure(evidence_of({name: drawn(asked(name)) for name in objects.LISTS}))
    assert values.keys() == objects.BETTER.keys() - {"test_accuracy_unseen", "new_test_accuracy_unseen"} - {
        "new_test_accuracy_1_object"
    }
    for name, value in values.items():
        assert value == (0 if "extra" in name else 1)


def test_one_of_the_objects_missing() -> None:
    """Another one stands where the last of two or three was asked for."""
    labels, shown = asked("test"), asked("test")
    for wanted, row in zip(labels[6:], shown[6:], strict=True):
        row[wanted.nonzero()[-1]] = 0
        row[(wanted == 0).nonzero()[0]] = 1
    values = objects.measure(evidence_of({"test": drawn(labels, shown)}))
    assert values["test_accuracy_1_object"] == 1
    assert values["test_accuracy_2_objects"] == pytest.approx(1 / 2)
    assert values["test_accuracy_3_objects"] == pytest.approx(2 / 3)
    assert values["test_accuracy"] == pytest.approx((6 + 12 * 1 + 14 * 2) / (6 + 12 * 2 + 14 * 3))
    assert values["test_exact_match"] == pytest.approx(6 / 32)
    assert values["test_extra_objects"] == pytest.approx(26 / 32)


def test_extra_objects_escape_the_accuracy() -> None:
    """The report's rule gives full marks to a drawing of everything at once if the asked ones are clearest."""
    labels = asked("test")
    logits = (verdict(labels) + 5).expand(DRAWINGS, 32, 24)
    values = objects.measure(evidence_of({"test": Answers(labels, logits, torch.ones(32, dtype=torch.bool))}))
    assert (values["test_accuracy"], values["test_exact_match"]) == (1, 0)
    assert values["test_extra_objects"] == pytest.approx((32 * 24 - 72) / 32)


def test_seen_and_unseen() -> None:
    """Only what training showed is drawn right."""
    labels, seen = asked("test"), torch.arange(32) < 31
    values = objects.measure(evidence_of({"test": drawn(labels, torch.where(seen[:, None], labels, 1 - labels), seen)}))
    assert (values["test_accuracy_seen"], values["test_accuracy_unseen"]) == (1, 0)
    none = objects.measure(evidence_of({"test": drawn(labels, 1 - labels, torch.zeros_like(seen))}))
    assert none["test_accuracy_unseen"] == 0
    assert "test_accuracy_seen" not in none


def test_colours_and_shapes_over_all_lists() -> None:
    """A model that draws nothing cyan, in whatever shape, and no cylinder, in whatever colour."""
    missing = torch.tensor(["cyan" in name or "cylinder" in name for name in scenes.CLASSES])
    lists = {}
    for name in objects.LISTS:
        logits = verdict(asked(name)).masked_fill(missing, -9)
        lists[name] = Answers(asked(name), logits.expand(DRAWINGS, 32, 24), torch.ones(32, dtype=torch.bool))
    values = objects.measure(evidence_of(lists))
    counts = torch.cat([asked(name) for name in objects.LISTS]).sum(0)
    for word in (*objects.COLOURS, *objects.SHAPES):
        named = torch.tensor([word in name.split() for name in scenes.CLASSES])
        expected = int(counts[named & ~missing].sum()) / int(counts[named].sum())
        assert values[f"accuracy_{word}"] == pytest.approx(expected)
    assert values["accuracy_cyan"] == values["accuracy_cylinder"] == 0


def test_only_words_that_were_asked_for() -> None:
    labels = torch.zeros(2, 24, dtype=torch.uint8)
    labels[0, scenes.CLASSES.index("red cube")] = labels[1, scenes.CLASSES.index("blue cube")] = 1
    values = objects.measure(evidence_of({"test": drawn(labels)}))
    assert {name for name in values if name.startswith("accuracy_")} == {
        "accuracy_red",
        "accuracy_blue",
        "accuracy_cube",
    }
    plain = replace(evidence_of({"test": drawn(labels)}), classes=tuple(map(str, range(24))))
    assert not [name for name in objects.measure(plain) if name.startswith("accuracy_")]


def test_the_judge_stands_beside() -> None:
    """One that in every fourth real image is wrong about the first label."""
    labels = asked("new_test")
    shown = labels.clone()
    shown[::4, 0] = 1 - labels[::4, 0]
    real = Judged(torch.zeros(32, 3, 4, 4), labels.float(), verdict(shown), labels)
    values = objects.measure(evidence_of({"test": drawn(labels)}, real))
    assert values["objects_accuracy_real"] == accuracy(verdict(shown), labels, "objects")
    assert values["objects_exact_match_real"] == 0.75
    assert values["objects_extra_real"] == pytest.approx(int((shown > labels).sum()) / 32)


def test_a_part_of_a_list_has_as_many_trials_as_sets() -> None:
    """And a word as many as sets ask for an object that has it."""
    found = objects.trials(evidence_of({"test": drawn(asked("test"))}))
    counts = [found[f"test_accuracy_{size}"] for size in ("1_object", "2_objects", "3_objects")]
    assert counts == [6, 12, 14]
    assert found["test_accuracy"] == found["test_exact_match"] == found["test_accuracy_seen"] == 32
    assert "test_accuracy_unseen" not in found
    assert 0 < found["accuracy_red"] < found["accuracy_cube"] < 32


@pytest.mark.parametrize("kind", ["classes", "objects"])
def test_measure_applies_to_every_conditional_model(make_evidence: Callable[..., Evidence], kind: Kind) -> None:
    values = objects.measure(make_evidence(conditional=True, kind=kind))
    assert {"test_accuracy", "new_test_accuracy_unseen", "accuracy_red", "objects_extra_real"} <= values.keys()
    assert values.keys() <= objects.BETTER.keys()


def test_nothing_without_lists(make_evidence: Callable[..., Evidence]) -> None:
    assert objects.measure(make_evidence()) == {}
    assert objects.measure(replace(make_evidence(conditional=True), answers={})) == {}
