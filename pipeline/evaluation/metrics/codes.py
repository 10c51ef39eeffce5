"""Whether a latent code can be found in the drawings, what it means to the judge, and whether it decides all."""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Final

import torch
from torch import Tensor

from pipeline.contracts.images import Kind
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.needs import at_least

BETTER: Final[Mapping[str, str]] = {
    "code_recovery": "higher",
    "code_information": "higher",
    # A code may mean what the judge has no name for, and where it decides the whole image it tells every attribute.
    "code_attribute_information": "neither",
    "code_attribute_information_mean": "neither",
    "collapse": "lower",
    "code_mixture": "higher",
}
SCALE: Final[Mapping[str, str]] = {
    **dict.fromkeys(BETTER, "plain"),
    **dict.fromkeys(("code_recovery", "collapse", "code_mixture"), "logit"),
}
NOTHING: Final = 1e-10  # of the features' mean square: variation below it is rounding


def recovery(recognised: Tensor) -> float:
    """How often Q(c | x) is highest at the drawing's own code; recognised (C, M, C). 1 / C by chance."""
    own = torch.arange(len(recognised), device=recognised.device)[:, None]
    return float((recognised.argmax(2) == own).double().mean())


def information_bound(recognised: Tensor) -> float:
    """A lower bound of the mutual information I(c; x) in nats, H(c) + E[log Q(c | x)]; recognised (C, M, C).

    All codes are equally likely, so H(c) = log C, which is also the most it can be. A Q that errs with confidence makes
    it negative. Chen et al. 2016, eq. (5).
    """
    return math.log(len(recognised)) + float(recognised.double().diagonal(dim1=0, dim2=2).mean())


def plug_in_information(counts: Tensor) -> float:
    """Mutual information in nats of the row and the column, from how often they occur together, (R, S)."""
    share = counts.double() / counts.sum()
    rows, columns, both = (torch.special.entr(part).sum() for part in (share.sum(1), share.sum(0), share))
    return float(rows + columns - both)


def information(counts: Tensor) -> float:
    """The same without most of its bias: unrelated rows and columns give about 0, not (R - 1)(S - 1) / 2N.

    Miller (1955) and Madow: each of the three entropies is short of (cells that occur - 1) / 2N. Kept between 0 and the
    most there can be, the logarithm of R or S, whichever is smaller.
    """
    occur = counts > 0
    cells = int(occur.any(1).sum()) + int(occur.any(0).sum()) - int(occur.sum()) - 1
    corrected = plug_in_information(counts) + cells / (2 * int(counts.sum()))
    return min(max(corrected, 0.0), math.log(min(counts.shape)))


def tables(logits: Tensor, kind: Kind) -> list[Tensor]:
    """How often the judge sees what under each code, one table (C, S) an attribute; logits (C, M, K).

    Of classes there is one table, of the class with the highest logit, S = K; else K, of no and yes (logit > 0).
    """
    if kind == "classes":
        return [torch.nn.functional.one_hot(logits.argmax(2), logits.shape[2]).sum(1)]
    yes = (logits > 0).sum(1)  # (C, K)
    return [torch.stack([logits.shape[1] - column, column], 1) for column in yes.unbind(1)]


def collapse(features: Tensor) -> float:
    """The share of the variation of features (C, M, D), M latents each under C codes, that the code decides, 0 to 1.

    That is B / (B + W), of mean squared distances: B of a code's mean from that of all, W of a drawing from its code's
    mean. 1: the latent is ignored, and all drawings of a code are one image; 0: the code changes nothing. Where neither
    changes anything it is 1.

    The codes' means of M latents scatter by themselves. As all codes have the same latents, what these do alike under
    all of them cancels; the rest, the residual variance of a two-way layout (Scheffé 1959, chapter 4), is taken from B.
    So the number does not depend on M, which is at least 2: fewer raise InputError.
    """
    at_least(2, features.shape[1], "latents under each code")
    features = features.double()
    codes, latents = features.shape[:2]
    centred = features - features.mean((0, 1))
    of_code, of_latent = centred.mean(1, keepdim=True), centred.mean(0, keepdim=True)
    within = float((centred - of_code).square().sum()) / (codes * (latents - 1))
    if within <= NOTHING * float(features.square().sum(2).mean()):
        return 1.0
    residual = float((centred - of_code - of_latent).square().sum()) / (latents - 1)  # (C - 1) times the variance
    between = max((float(of_code.square().sum()) - residual / latents) / codes, 0.0)
    return between / (between + within)


def mixture(mixed: Tensor) -> float:
    """How often the two codes that Q(c | x) holds most probable are the two that were mixed; mixed (P, M, C).

    By chance one in P, which is C (C - 1) / 2.
    """
    pairs = torch.tensor(list(combinations(range(mixed.shape[2]), 2)), device=mixed.device)  # (P, 2), ascending
    top = mixed.topk(2, dim=2).indices.sort(dim=2).values
    return float((top == pairs[:, None]).all(2).double().mean())


def trials(evidence: Evidence) -> dict[str, int]:
    """Drawings of one latent are not independent of one another."""
    if evidence.codes is None:
        return {}
    return dict.fromkeys(("code_recovery", "code_mixture"), evidence.codes.features.shape[1])


def measure(evidence: Evidence) -> dict[str, float]:
    """code_recovery and code_information, by the model's own Q, the latter in nats; collapse, in the referee's
    features; code_mixture, whether two codes mixed evenly are both found again.

    code_attribute_information: mutual information in nats of the code and what the judge sees, its verdict of classes,
    else the attribute of which the code tells most; then also the mean over attributes. Empty for models without code.
    """
    found = evidence.codes
    if found is None:
        return {}
    told = [information(table) for table in tables(found.logits, evidence.kind)]
    values = {
        "code_recovery": recovery(found.recognised),
        "code_information": information_bound(found.recognised),
        "code_attribute_information": max(told),
        "collapse": collapse(found.features),
        "code_mixture": mixture(found.mixed),
    }
    if evidence.kind != "classes":
        values["code_attribute_information_mean"] = sum(told) / len(told)
    return values
