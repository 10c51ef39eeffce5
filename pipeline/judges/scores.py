"""How answers are scored, and whether who gives them learns at all."""

import math

import torch
from torch import Tensor, nn

from pipeline.contracts.images import Kind
from pipeline.ground.errors import InputError


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
    (k = 1) this is the share of images whose highest score is the true one. Raises InputError where there is no answer,
    or no true label.
    """
    wanted = labels.bool()
    if kind == "attributes":
        _some(wanted.numel(), "answer")
        return float(((logits > 0) == wanted).double().mean())
    _some(int(wanted.sum()), "label that holds")
    return int((highest(logits, labels) & wanted).sum()) / int(wanted.sum())


def recognised(logits: Tensor, labels: Tensor) -> float:
    """The share of the labels that hold, or were asked for, that a referee names with confidence; both (..., K).

    Raises InputError where none holds.
    """
    wanted = labels.bool()
    _some(int(wanted.sum()), "label that holds")
    return int(((logits > 0) & wanted).sum()) / int(wanted.sum())


def _some(count: int, what: str) -> None:
    if not count:
        raise InputError(f"expected images with at least one {what}, found none")


def learning(network: nn.Module, loss: float, step: int, total: int) -> float:
    """The loss at a step of training. Raises InputError when it is not finite, or the network's numbers are not."""
    state = {name: t.detach() for name, t in network.state_dict().items() if t.is_floating_point()}
    norms = torch.stack(torch._foreach_norm(list(state.values()))).tolist()
    bad = {"loss": loss, **{f"norm of {name}": norm for name, norm in zip(state, norms, strict=True)}}
    for name, size in bad.items():
        if not math.isfinite(size):
            raise InputError(f"{name} is {size} at step {step} of {total}; a smaller learning rate may help")
    return loss
