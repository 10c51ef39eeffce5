"""How sure the judge is of the samples, and whether they fall into all classes; the inception score's two halves."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence

BETTER: Final[Mapping[str, str]] = {"confidence": "higher", "class_entropy": "higher"}
SCALE: Final[Mapping[str, str]] = dict.fromkeys(BETTER, "plain")


def confidence(logits: Tensor, exclusive: bool) -> float:
    """Mean probability that the judge gives to its own verdict, from logits (N, K).

    Exclusive labels: the largest of the softmax, between 1/K and 1. Otherwise the labels' mean of max(p, 1 - p) with p
    the sigmoid, between 1/2 and 1. The two are not comparable.
    """
    logits = logits.double()
    sure = logits.softmax(1).amax(1) if exclusive else logits.abs().sigmoid()  # max(p, 1 - p) = sigmoid(|logit|)
    return float(sure.mean())


def class_entropy(logits: Tensor) -> float:
    """Entropy of the samples' mean class distribution in nats, from logits (N, K) of exclusive labels.

    At most log K, when all classes come equally often; 0 when all samples are surely of one class. It does not see
    whether the samples of a class differ. Where the real classes are uneven, their own entropy is the aim, not log K.
    """
    return float(torch.special.entr(logits.double().softmax(1).mean(0)).sum())


def measure(evidence: Evidence) -> dict[str, float]:
    """confidence of the judge in the samples and, where labels are exclusive, their class_entropy.

    The judge never learned to see nothing: it may be as sure of smears as of real images.
    """
    logits = evidence.fake.logits
    values = {"confidence": confidence(logits, evidence.kind == "classes")}
    if evidence.kind == "classes":
        values["class_entropy"] = class_entropy(logits)
    return values
