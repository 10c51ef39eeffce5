"""Whether drawings show the objects that were asked for, by the judge's verdict: for models asked for label sets."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evidence import Answers, Evidence
from pipeline.scores import accuracy, highest

LISTS: Final = ("test", "new_test")
COLOURS: Final = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
SHAPES: Final = ("cube", "sphere", "cylinder")
SIZES: Final = {1: "accuracy_1_object", 2: "accuracy_2_objects", 3: "accuracy_3_objects"}

_OF_A_LIST: Final = {
    "accuracy": "higher",
    "accuracy_half_width": "neither",  # how sure the accuracy is
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


def found(logits: Tensor, labels: Tensor) -> Tensor:
    """Which labels hold and are among their image's k highest scores, k of them holding; bool, all (..., K)."""
    return labels.bool() & highest(logits, labels)


def half_width(hits: Tensor, asked: Tensor) -> float:
    """Half the 95 % interval of one model's accuracy, sum(hits) / sum(R asked), as a share.

    hits (R, M): how many of the asked[m] objects drawing r of set m shows. asked (M,), M at least 2.

    Each drawing has a latent of its own, so drawings lie within sets, and what the sets' totals scatter covers both
    what other latents and what other sets of the kind would change. A second term for the number of the drawing, as
    for a crossed design, would be of noise only. So this is the ratio estimator for clusters, sets, of unequal size
    (Cochran 1977, Sampling Techniques, section 9A), with its factor M / (M - 1) and Student's t of M - 1 degrees of
    freedom. It covers no other training, which is for the interval over seeds to say. Where nearly all sets are
    perfect it is too short, and where all are it is 0: what was missed nowhere tells nothing about its rarity.
    """
    from scipy.special import stdtrit

    sets = len(asked)
    shown, asked = hits.double().mean(0), asked.double()
    apart = shown - asked * (shown.sum() / asked.sum())  # (M,), of sum zero
    error = (sets / (sets - 1) * apart.square().sum()).sqrt() / asked.sum()
    return float(stdtrit(sets - 1, 0.975)) * float(error)


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


def _of_list(answers: Answers) -> dict[str, float]:
    logits, labels, sizes = answers.logits, answers.labels, answers.labels.long().sum(1)
    values = {
        "accuracy": _accuracy(answers, torch.ones_like(answers.seen)),
        "exact_match": exact_match(logits, labels.expand_as(logits)),
        "extra_objects": extra_objects(logits, labels.expand_as(logits)),
    }
    if len(labels) > 1:
        values["accuracy_half_width"] = half_width(found(logits, labels).sum(-1), sizes)
    parts = {name: sizes == size for size, name in SIZES.items()}
    parts |= {"accuracy_seen": answers.seen, "accuracy_unseen": ~answers.seen}
    return values | {name: _accuracy(answers, which) for name, which in parts.items() if which.any()}


def _of_words(classes: tuple[str, ...], lists: Mapping[str, Answers]) -> dict[str, float]:
    """The share found of the asked objects whose name has a word in it, over all lists; of the words asked for."""
    each = lists.values()
    shown = torch.stack([found(answers.logits, answers.labels).sum((0, 1)) for answers in each]).sum(0)  # (K,)
    asked = torch.stack([len(answers.logits) * answers.labels.long().sum(0) for answers in each]).sum(0)  # (K,)
    values = {}
    for word in (*COLOURS, *SHAPES):
        named = [index for index, name in enumerate(classes) if word in name.split()]
        if total := int(asked[named].sum()):
            values[f"accuracy_{word}"] = int(shown[named].sum()) / total
    return values


def measure(evidence: Evidence) -> dict[str, float]:
    """Of each list of label sets, after its name, over all drawings of its sets; empty where there are no lists.

    accuracy: of an image with k asked objects, how many of its k highest scores are asked ones, summed over images /
    sum of k; half_width of it, for two sets or more; of the sets of one, of two and of three objects, and of those that
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
