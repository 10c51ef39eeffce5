"""How answers are scored."""

import torch
from torch import Tensor


def top_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Of an image with k true labels, how many of its k highest scores are true; summed over images / sum of k.

    logits (N, K); labels (N, K), a one for each label that holds, at least one in all. With exclusive labels (k = 1)
    this is the share of images whose highest score is the true one. Of equal scores the first counts as higher.
    """
    wanted = labels.long().sum(1, keepdim=True)  # (N, 1): k of each image
    ranked = labels.long().gather(1, logits.argsort(dim=1, descending=True, stable=True))  # (N, K): by falling score
    among_highest = torch.arange(labels.shape[1], device=labels.device) < wanted
    return int((ranked * among_highest).sum()) / int(wanted.sum())
