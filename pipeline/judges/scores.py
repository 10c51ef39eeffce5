"""How answers are scored."""

from torch import Tensor

from pipeline.contracts.images import Kind


def highest(logits: Tensor, labels: Tensor) -> Tensor:
    """Of an image with k true labels, which k the judge scores highest: bool. Of equal scores the first.

    logits, labels: (..., K), a one for each label that holds.
    """
    ranks = logits.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    return ranks < labels.long().sum(-1, keepdim=True)


def accuracy(logits: Tensor, labels: Tensor, kind: Kind) -> float:
    """How often a judge is right, from logits and labels (..., K), a one for each label that holds.

    Of attributes, the share of all answers, yes (a logit above 0) or no, that are right. Of classes and objects, how
    many of an image's k highest scores are true, k labels of it being true, summed over images / sum of k; for classes
    (k = 1) this is the share of images whose highest score is the true one.
    """
    wanted = labels.bool()
    if kind == "attributes":
        return float(((logits > 0) == wanted).double().mean())
    return int((highest(logits, labels) & wanted).sum()) / int(wanted.sum())


def recognised(logits: Tensor, labels: Tensor) -> float:
    """The share of the labels that hold, or were asked for, that a referee names with confidence; both (..., K)."""
    wanted = labels.bool()
    return int(((logits > 0) & wanted).sum()) / max(1, int(wanted.sum()))
