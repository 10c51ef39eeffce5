"""Which way the losses went in training, and who learnt first."""

from collections.abc import Mapping, Sequence
from typing import Final

import torch

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics.spikes import opponent

# Which way a loss should go depends on the game; an adversary's may rise because the other one learns.
BETTER: Final[Mapping[str, str]] = {
    "loss_trend": "neither",
    "generator_trend": "neither",
    "opponent_trend": "neither",
    "fakes_lead": "neither",
}
SCALE: Final[Mapping[str, str]] = dict.fromkeys(BETTER, "plain")
LEARNT: Final = 0.9  # accuracy


def trend(losses: Sequence[float]) -> float | None:
    """Kendall's tau-a of losses with time: of all pairs, the share that rises less the share that falls. -1: it falls
    at every step; 0: it goes nowhere. None of fewer than two. Kendall 1938."""
    if len(losses) < 2:
        return None
    values = torch.tensor(losses, dtype=torch.float64)
    rises = (values[None, :] - values[:, None]).sign().triu(1)
    return float(rises.sum()) / (len(losses) * (len(losses) - 1) / 2)


def learnt(accuracies: Sequence[float]) -> float:
    """After which share of training an accuracy first is 0.9; 1 where it never is."""
    reached = [number for number, value in enumerate(accuracies, 1) if value >= LEARNT]
    return reached[0] / len(accuracies) if reached else 1.0


def measure(evidence: Evidence) -> dict[str, float]:
    """The `trend` of the learning curve: of a model with one player loss_trend; of an adversarial one generator_trend
    and opponent_trend, its discriminator's or critic's.

    fakes_lead, of models with an auxiliary classifier: by which share of training it is right in nine cases of ten on
    fakes before it is on real images, at points of the curve; negative where real images come first.
    """
    curve = evidence.curve
    if not curve:
        return {}
    player = opponent(curve[0])
    columns = (
        {"loss_trend": "loss"}
        if player is None
        else {
            "generator_trend": "generator_loss",
            "opponent_trend": f"{player}_loss",
        }
    )
    found = {name: trend([row[column] for row in curve]) for name, column in columns.items()}
    values = {name: value for name, value in found.items() if value is not None}
    sides = ("classifier_real_accuracy", "classifier_fake_accuracy")
    if all(side in curve[0] for side in sides):
        real, fake = (learnt([row[side] for row in curve]) for side in sides)
        values["fakes_lead"] = real - fake
    return values
