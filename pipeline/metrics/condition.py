"""Whether a conditional model draws what it was asked for, by the judge's verdict."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evidence import Evidence

# The judge's accuracy on real images says how far to trust the other number; it is no merit of the model.
BETTER: Final[Mapping[str, str]] = {"condition_accuracy": "higher", "condition_accuracy_real": "neither"}


def top_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Of an image with k true labels, how many of its k highest scores are true; summed over images / sum of k.

    logits (N, K); labels (N, K), a one for each label that holds, at least one in all. With exclusive labels (k = 1)
    this is the share of images whose highest score is the true one. Of equal scores the first counts as higher.
    """
    wanted = labels.long().sum(1, keepdim=True)  # (N, 1): k of each image
    ranked = labels.long().gather(1, logits.argsort(dim=1, descending=True, stable=True))  # (N, K): by falling score
    among_highest = torch.arange(labels.shape[1], device=labels.device) < wanted
    return int((ranked * among_highest).sum()) / int(wanted.sum())


def measure(evidence: Evidence) -> dict[str, float]:
    """condition_accuracy on samples and, as its yardstick, the same on real test images; empty if not conditional."""
    if not evidence.conditional:
        return {}
    return {
        "condition_accuracy": top_accuracy(evidence.fake.logits, evidence.fake.labels),
        "condition_accuracy_real": top_accuracy(evidence.test.logits, evidence.test.labels),
    }
