"""How calm an adversarial training was, by the loss of the generator's opponent: a discriminator's or a critic's."""

from collections.abc import Mapping, Sequence
from statistics import fmean, linear_regression, median
from typing import Final

from pipeline.evaluation.evidence import Evidence

# What level a loss should have depends on the loss; a low one may be an opponent that has won.
BETTER: Final[Mapping[str, str]] = {
    "spikes": "lower",
    "spikes_early": "neither",
    "highest_loss": "neither",
    "oscillation": "neither",
    "late_loss": "neither",
}
SCALE: Final[Mapping[str, str]] = {
    **dict.fromkeys(BETTER, "plain"),
    **dict.fromkeys(("highest_loss", "oscillation"), "log"),
}
FAR: Final = 5.0  # times as far above its surroundings as is usual
AROUND: Final = 2  # points to either side


def opponent(row: Mapping[str, float]) -> str | None:
    """The first player of a curve's row that has a peak; None where none has, as of models with a single player."""
    players = (name.removesuffix("_loss") for name in row if name.endswith("_loss"))
    return next((player for player in players if f"{player}_peak" in row), None)


def spikes(losses: Sequence[float], peaks: Sequence[float]) -> list[bool]:
    """At which points of a curve the loss spikes; losses: means since the last point, peaks: their highest iteration.

    A peak rises above its surroundings by its difference from the median loss of the point and of the two to either
    side. It is a spike if it rises more than five times as far as is usual, which is the median of all |rises|. So
    a loss that sinks slowly has no spikes, nor one whose single iterations merely scatter; up to half of all points may
    have one; and neither the loss's unit nor its zero matter, as a critic's has none.
    """
    windows = (losses[max(i - AROUND, 0) : i + AROUND + 1] for i in range(len(losses)))
    rises = [peak - median(window) for peak, window in zip(peaks, windows, strict=True)]
    usual = median(map(abs, rises))
    return [rise > FAR * usual for rise in rises]


def oscillation(losses: Sequence[float]) -> float | None:
    """The standard deviation of losses, three or more, about their straight trend, over their |mean|.

    The same in any unit. None for fewer, and for a mean of zero. What swings within one point is not seen.
    """
    mean = fmean(losses)
    if len(losses) < 3 or not mean:
        return None
    slope, start = linear_regression(range(len(losses)), losses)
    rest = fmean((loss - start - slope * i) ** 2 for i, loss in enumerate(losses))
    return rest**0.5 / abs(mean)


def measure(evidence: Evidence) -> dict[str, float]:
    """Of the opponent's loss: spikes, how many points of 100 have one, see there; spikes_early, the share of them in
    the first third of training, where there are any; highest_loss of a single iteration; oscillation of the second
    half; late_loss, the mean of the last third.

    Empty for models whose curve has no peaks: those with a single player.
    """
    curve = evidence.curve
    player = opponent(curve[0]) if curve else None
    if player is None:
        return {}
    losses, peaks = ([row[f"{player}_{of}"] for row in curve] for of in ("loss", "peak"))
    done = [row["iteration"] / curve[-1]["iteration"] for row in curve]  # of training, 1 at the end
    at = [share for share, spike in zip(done, spikes(losses, peaks), strict=True) if spike]
    values = {
        "spikes": 100 * len(at) / len(curve),
        "highest_loss": max(peaks),
        "late_loss": fmean(loss for loss, share in zip(losses, done, strict=True) if share > 2 / 3),
    }
    if at:
        values["spikes_early"] = sum(share <= 1 / 3 for share in at) / len(at)
    swing = oscillation([loss for loss, share in zip(losses, done, strict=True) if share > 1 / 2])
    return values if swing is None else values | {"oscillation": swing}
