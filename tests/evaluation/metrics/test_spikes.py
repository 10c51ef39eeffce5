import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import spikes

N = 90
Losses = tuple[list[float], list[float]]


def curve(
    losses: Sequence[float], peaks: Sequence[float], player: str = "discriminator", every: int = 10
) -> list[dict[str, float]]:
    """Of the player and, after it, of a generator, whose losses are much higher."""
    return [
        {
            "iteration": every * i,
            f"{player}_real": 0.1,
            f"{player}_loss": loss,
            "generator_loss": 1000.0,
            "loss": 1000.0,
            f"{player}_peak": peak,
            "generator_peak": 9000.0,
        }
        for i, (loss, peak) in enumerate(zip(losses, peaks, strict=True), 1)
    ]


def training(
    iterations: int, spiked: Sequence[int] = (), *, level: float = 0.5, noise: float = 0.1, seed: int = 0
) -> Losses:
    """Means and peaks of N points of noisy iterations each; at some points the loss is 100 for one iteration."""
    each = level + noise * np.random.default_rng(seed).standard_normal((N, iterations))
    each[list(spiked), 0] = 100
    return each.mean(1).tolist(), each.max(1).tolist()


def measured(make_evidence: Callable[..., Evidence], losses: Losses) -> dict[str, float]:
    return spikes.measure(replace(make_evidence(), curve=curve(*losses)))


def where(losses: Losses) -> list[int]:
    return [i for i, spike in enumerate(spikes.spikes(*losses)) if spike]


@pytest.mark.parametrize("iterations", [1, 3, 12, 500])
def test_finds_single_iterations(iterations: int) -> None:
    """However many iterations a point covers."""
    assert where(training(iterations, (0, 7, 8, 40, 89))) == [0, 7, 8, 40, 89]


@pytest.mark.parametrize(
    ("scatter", "iterations"), [("normal", 3), ("normal", 12), ("normal", 500), ("skewed", 12), ("skewed", 500)]
)
def test_noise_hardly_ever_spikes(scatter: str, iterations: int) -> None:
    random = np.random.default_rng(1)
    draw = random.standard_normal if scatter == "normal" else random.standard_exponential
    each = draw((2000, iterations))
    assert sum(spikes.spikes(each.mean(1).tolist(), each.max(1).tolist())) <= 10


def test_spikes_for_a_third_of_training_are_found() -> None:
    """As early in the training of deep networks: a point's neighbours spike as well."""
    early = list(range(30))
    assert where(training(12, early)) == early


def test_a_loss_that_sinks_or_rises_does_not_spike() -> None:
    for slope in (-1, 1):
        trend = [3 + slope * 2.5 * i / N for i in range(N)]
        losses, peaks = training(12, noise=0.02)
        assert (
            where(
                (
                    [a + b for a, b in zip(losses, trend, strict=True)],
                    [a + b for a, b in zip(peaks, trend, strict=True)],
                )
            )
            == []
        )


def test_neither_unit_nor_zero_matters() -> None:
    """A critic's loss has no zero: below 0, about it, or far above, the same points spike."""
    losses, peaks = training(12, (3, 50), noise=1)
    for scale, shift in ((1e-3, 0), (1, -2), (1, -0.5), (1, -500), (1e4, 1e6)):
        moved: Losses = ([scale * x + shift for x in losses], [scale * x + shift for x in peaks])
        assert where(moved) == [3, 50]


def test_a_constant_loss_does_not_spike() -> None:
    assert where(([0.5] * N, [0.5] * N)) == []
    assert where(([0.5], [0.5])) == []


def test_five_times_as_far_as_usual() -> None:
    usual = [0.5] * N
    assert where((usual, [0.7] * (N - 1) + [1.49])) == []
    assert where((usual, [0.7] * (N - 1) + [1.51])) == [N - 1]


def test_a_deep_network(make_evidence: Callable[..., Evidence]) -> None:
    """Report E's: towards 100 early, then low."""
    values = measured(make_evidence, training(12, (1, 4, 5, 11, 20, 29, 30, 70), level=0.1, noise=0.03))
    assert values["highest_loss"] == 100
    assert values["spikes"] == pytest.approx(100 * 8 / 90)
    assert values["spikes_early"] == 6 / 8  # the point of index 29 ends with the first third
    assert values["late_loss"] == pytest.approx(0.1 + 99.9 / 12 / 30, abs=0.01)


def test_a_calm_training(make_evidence: Callable[..., Evidence]) -> None:
    values = measured(make_evidence, training(12))
    assert values["spikes"] == 0
    assert "spikes_early" not in values
    assert values["late_loss"] == pytest.approx(0.5, abs=0.02)


def test_of_the_last_third_and_the_second_half(make_evidence: Callable[..., Evidence]) -> None:
    losses = [9.0] * 45 + [5.0, 1.0] * 7 + [3.0] + [2.0] * 30
    found = measured(make_evidence, (losses, losses))
    assert found["late_loss"] == 2
    assert found["oscillation"] == spikes.oscillation(losses[45:])


@pytest.mark.parametrize("level", [0.6, -2.0])
def test_oscillation_in_closed_form(level: float) -> None:
    """Of a sine of amplitude a about a level: a / sqrt(2) / |level|, whether or not it drifts as well."""
    wave = [0.3 * math.cos(2 * math.pi * i / 10) for i in range(500)]
    expected = 0.3 / math.sqrt(2) / abs(level)
    assert spikes.oscillation([level + x for x in wave]) == pytest.approx(expected, rel=1e-3)
    drifting = [level + x + 1e-3 * (i - 249.5) for i, x in enumerate(wave)]
    assert spikes.oscillation(drifting) == pytest.approx(expected, rel=1e-3)


def test_oscillation_has_no_unit() -> None:
    losses, _ = training(3)
    assert spikes.oscillation([-7 * loss for loss in losses]) == pytest.approx(spikes.oscillation(losses))


def test_a_straight_line_does_not_oscillate() -> None:
    assert spikes.oscillation([2 - 0.01 * i for i in range(50)]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("losses", [(1.0, 2.0), (1.0, -2.0, 1.0)])
def test_no_oscillation_of_two_points_or_about_zero(losses: Sequence[float]) -> None:
    assert spikes.oscillation(losses) is None


@pytest.mark.parametrize("points", [1, 2, 3])
def test_short_curves(make_evidence: Callable[..., Evidence], points: int) -> None:
    values = measured(make_evidence, ([0.5] * points, [0.6] * points))
    assert values == {"spikes": 0, "highest_loss": 0.6, "late_loss": 0.5}


def test_the_opponent_is_the_first_to_play() -> None:
    for player in ("discriminator", "critic"):
        assert spikes.opponent(curve([1.0], [2.0], player)[0]) == player
    assert spikes.opponent({"iteration": 1, "loss": 2.0, "reconstruction": 1.0}) is None
    assert spikes.opponent({"iteration": 1, "critic_loss": 2.0, "generator_loss": 1.0}) is None


def test_measure(make_evidence: Callable[..., Evidence]) -> None:
    values = spikes.measure(make_evidence(adversarial=True))
    assert values.keys() == spikes.BETTER.keys()
    assert (values["spikes"], values["spikes_early"], values["highest_loss"]) == (5, 1, 50)


def test_nothing_without_an_opponent(make_evidence: Callable[..., Evidence]) -> None:
    assert spikes.measure(make_evidence()) == {}
    assert spikes.measure(replace(make_evidence(), curve=[{"iteration": 1, "kl": 2.0, "loss": 2.0}])) == {}
