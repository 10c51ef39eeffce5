"""Whether drawings show the objects that were asked for, by the judge's verdict: for models asked for label sets."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Answers, Evidence
from pipeline.judges.scores import accuracy, highest

LISTS: Final = ("test", "new_test")
COLOURS: Final = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
SHAPES: Final = ("cube", "sphere", "cylinder")
SIZES: Final = {1: "accuracy_1_object", 2: "accuracy_2_objects", 3: "accuracy_3_objects"}

_OF_A_LIST: Final = {
    "accuracy": "higher",
    "exact_match": "higher",
    "extra_objects": "lower",
    **dict.fromkeys(SIZES.values(), "higher"),
    "accuracy_seen": "higher",
    "accuracy_unseen": "higher",
}
# The judge's scores on real images say how far to trust the others; they are no merit of the model.
BETTER: Final[Mapping[str, str]] = {
    **{f"{name}_{key}": better for name in LISTS for key, better in _OF_A_LIST.items()},
    **{f"accuracy_{word}": "higher" for word in (*COLOURS, *SHAPES)},
    "objects_accuracy_real": "neither",
    "objects_exact_match_real": "neither",
    "objects_extra_real": "neither",
}
SCALE: Final[Mapping[str, str]] = {name: "log" if "extra" in name else "logit" for name in BETTER}


def found(logits: Tensor, labels: Tensor) -> Tensor:
    """Which labels hold and are among their image's k highest scores, k of them holding; bool, all (..., K)."""
    return labels.bool() & highest(logits, labels)


def exact_match(logits: Tensor, labels: Tensor) -> float:
    """The share of images in which the judge sees (logit > 0) the asked objects and no other; both (..., K)."""
    return float(((logits > 0) == labels.bool()).all(-1).double().mean())


def extra_objects(logits: Tensor, labels: Tensor) -> float:
    """How many objects an image shows on average, to the judge (logit > 0), that were not asked for; both (..., K).

    The accuracy does not see them: it looks at no more scores than objects were asked for.
    """
    return float(((logits > 0) & ~labels.bool()).sum(-1).double().mean())


def _accuracy(answers: Answers, which: Tensor) -> float:
    """Of all drawings of some of the sets, a mask (M,)."""
    logits = answers.logits[:, which]
    return accuracy(logits, answers.labels[which].expand_as(logits), "objects")


def _parts(answers: Answers) -> dict[str, Tensor]:
    """The parts of a list that have an accuracy of their own: masks (M,) of its sets, none of them empty."""
    sizes = answers.labels.long().sum(1)
    parts = {name: sizes == size for size, name in SIZES.items()}
    parts |= {"accuracy_seen": answers.seen, "accuracy_unseen": ~answers.seen}
    return {name: which for name, which in parts.items() if which.any()}


def _named(classes: tuple[str, ...], word: str) -> list[int]:
    """The objects whose name has a word in it."""
    return [index for index, name in enumerate(classes) if word in name.split()]


def _of_list(answers: Answers) -> dict[str, float]:
    logits, labels = answers.logits, answers.labels
    values = {
        "accuracy": _accuracy(answers, torch.ones_like(answers.seen)),
        "exact_match": exact_match(logits, labels.expand_as(logits)),
        "extra_objects": extra_objects(logits, labels.expand_as(logits)),
    }
    return values | {name: _accuracy(answers, which) for name, which in _parts(answers).items()}


def _of_words(classes: tuple[str, ...], lists: Mapping[str, Answers]) -> dict[str, float]:
    """The share found of the asked objects whose name has a word in it, over all lists; of the words asked for."""
    each = lists.values()
    shown = torch.stack([found(answers.logits, answers.labels).sum((0, 1)) for answers in each]).sum(0)  # (K,)
    asked = torch.stack([len(answers.logits) * answers.labels.long().sum(0) for answers in each]).sum(0)  # (K,)
    values = {}
    for word in (*COLOURS, *SHAPES):
        named = _named(classes, word)
        if total := int(asked[named].sum()):
            values[f"accuracy_{word}"] = int(shown[named].sum()) / total
    return values


def trials(evidence: Evidence) -> dict[str, int]:
    """One a label set: what other latents, and other sets of the kind, would change is what sets scatter."""
    found: dict[str, int] = {}
    for name, answers in evidence.answers.items():
        found |= dict.fromkeys((f"{name}_accuracy", f"{name}_exact_match"), len(answers.labels))
        found |= {f"{name}_{part}": int(which.sum()) for part, which in _parts(answers).items()}
    for word in (*COLOURS, *SHAPES):
        named = _named(evidence.classes, word)
        asked = sum(int(answers.labels[:, named].any(1).sum()) for answers in evidence.answers.values())
        found |= {f"accuracy_{word}": asked} if asked else {}
    return found


def measure(evidence: Evidence) -> dict[str, float]:
    """Of each list of label sets, after its name, over all drawings of its sets; empty where there are no lists.

    accuracy: of an image with k asked objects, how many of its k highest scores are asked ones, summed over images /
    sum of k; of the sets of one, of two and of three objects, and of those that
    training images show (seen) or do not (unseen), where there are such sets. exact_match and extra_objects: see there.

    Over all lists together the accuracy of each colour and shape: how many of the asked objects that have it are among
    their image's k highest. Last the judge's accuracy, exact matches and extra objects on real test images.
    """
    if not evidence.answers:
        return {}
    test = evidence.test
    of_lists = {
        f"{name}_{key}": value for name, answers in evidence.answers.items() for key, value in _of_list(answers).items()
    }
    return {
        **of_lists,
        **_of_words(evidence.classes, evidence.answers),
        "objects_accuracy_real": accuracy(test.logits, test.labels, "objects"),
        "objects_exact_match_real": exact_match(test.logits, test.labels),
        "objects_extra_real": extra_objects(test.logits, test.labels),
    }
