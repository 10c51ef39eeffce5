"""Whether an attribute appears when it is asked for, and whether asking for it leaves the others alone."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Flips

# CelebA's (Liu et al. 2015), and Beard, which it has only as No_Beard
ATTRIBUTES: Final = (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Beard",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
)
BETTER: Final[Mapping[str, str]] = {
    "flip_rate": "higher",
    "flip_rate_lowest": "higher",
    **{f"flip_rate_{name.lower()}": "higher" for name in ATTRIBUTES},
    "leak": "lower",
    "leak_smiling": "lower",
    "leak_absolute": "lower",
}
SCALE: Final[Mapping[str, str]] = {name: "log" if name.startswith("leak") else "logit" for name in BETTER}
LEAST_CHANGE: Final = 0.005  # of probability between two latents; with less, a ratio to it would be mostly chance


def flip_rates(without: Tensor, asked: Tensor) -> Tensor:
    """Of each attribute, the share of pairs of drawings in which the judge's answer follows what is asked for: (K,).

    without, asked: (K, M, K) logits, see `Flips`. The answer follows where the judge sees the attribute (logit > 0) in
    the drawing that was asked for it and not in the other one. A model that always draws it has 0 as one that never
    does, and one that draws it at random a quarter.
    """
    own = (~(without > 0) & (asked > 0)).diagonal(dim1=0, dim2=2)  # (M, K)
    return own.double().mean(0)


def changes(before: Tensor, after: Tensor) -> Tensor:
    """Mean |change| of the judge's probabilities over drawings, (..., K), of logits (..., M, K)."""
    return (after.double().sigmoid() - before.double().sigmoid()).abs().mean(-2)


def leaks(flips: Flips, which: Tensor) -> tuple[float, float]:
    """How far the others change with an attribute, and with the latent: two mean |changes| of probability.

    Over all pairs of an attribute asked for, a mask `which` (K,) with one at least, and another one, K being 2 or more.
    Both are means over the same pairs, so their ratio weighs each pair alike.
    """
    pairs = which[:, None] & ~torch.eye(len(which), dtype=torch.bool, device=which.device)  # (K, K)
    by_asking = changes(flips.without, flips.asked)
    by_latent = changes(flips.here, flips.elsewhere).expand_as(by_asking)
    return float(by_asking[pairs].mean()), float(by_latent[pairs].mean())


def trials(evidence: Evidence) -> dict[str, int]:
    """One a pair of drawings."""
    flips = evidence.flips
    names = (name for name in BETTER if name.startswith("flip_rate"))
    return {} if flips is None else dict.fromkeys(names, len(flips.here))


def measure(evidence: Evidence) -> dict[str, float]:
    """flip_rate, the mean of the attributes' `flip_rates`, the lowest, and those of attributes in ATTRIBUTES.

    leak_absolute: the mean |change| of the judge's probabilities of all other attributes when one is asked for. leak:
    the same as a share of what another latent would change in them. 0: asking for an attribute changes no other; 1: it
    changes them as another latent would. leak_smiling: the leak of asking for Smiling. A model that ignores its latent,
    and one so exact that the latent decides none of the attributes, have nothing to compare with: below a mean change
    of 0.005 between latents there is leak_absolute alone.

    Of a single attribute there is no leak. Empty for a model that is not conditional, or not of attributes.
    """
    flips = evidence.flips
    if flips is None:
        return {}
    rates = flip_rates(flips.without, flips.asked)
    values = {"flip_rate": float(rates.mean()), "flip_rate_lowest": float(rates.min())}
    known = zip(evidence.classes, rates.tolist(), strict=True)
    values |= {f"flip_rate_{name.lower()}": rate for name, rate in known if name in ATTRIBUTES}

    if len(rates) == 1:
        return values
    values["leak_absolute"], latent = leaks(flips, torch.ones_like(rates, dtype=torch.bool))
    if latent >= LEAST_CHANGE:
        values["leak"] = values["leak_absolute"] / latent
    if "Smiling" in evidence.classes:
        smiling = torch.tensor([name == "Smiling" for name in evidence.classes], device=rates.device)
        absolute, latent = leaks(flips, smiling)
        if latent >= LEAST_CHANGE:
            values["leak_smiling"] = absolute / latent
    return values
