import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch import Tensor

from pipeline.evaluation.evidence import Codes, Evidence
from pipeline.evaluation.metrics import codes

C, M, D = 5, 40, 8


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def sure(strength: float) -> Tensor:
    """log Q(c | x) of a network that gives the right code this much more than each other, (C, M, C)."""
    return (strength * torch.eye(C)).log_softmax(1)[:, None].expand(C, M, C)


def test_a_perfect_recogniser() -> None:
    assert codes.recovery(sure(100)) == 1
    assert codes.information_bound(sure(100)) == pytest.approx(math.log(C))


def test_a_recogniser_that_knows_nothing() -> None:
    """It is right by chance, and tells nothing."""
    assert codes.recovery(sure(0)) == pytest.approx(1 / C)
    assert codes.information_bound(sure(0)) == pytest.approx(0, abs=1e-6)


def test_a_recogniser_that_is_right_by_halves() -> None:
    """Of every other drawing it says the next code."""
    wrong = (torch.arange(M) % 2 == 0)[None, :, None]
    recognised = torch.where(wrong, sure(3).roll(1, 2), sure(3))
    assert codes.recovery(recognised) == 0.5
    hit, miss = float(sure(3)[0, 0, 0]), float(sure(3)[0, 0, 1])
    assert codes.information_bound(recognised) == pytest.approx(math.log(C) + (hit + miss) / 2)


def test_confident_and_wrong_is_worse_than_nothing() -> None:
    assert codes.information_bound(sure(5).roll(1, 2)) < 0


def test_the_bound_is_tight_for_the_true_posterior_only() -> None:
    """x = c with probability 1 - e, else any other code: I(c; x) is known, and another Q gives less."""
    e = 0.2
    channel = torch.full((C, C), e / (C - 1), dtype=torch.float64).fill_diagonal_(1 - e)
    truth = math.log(C) + (1 - e) * math.log(1 - e) + e * math.log(e / (C - 1))
    drawings = torch.stack(
        [torch.arange(C).roll(-c).repeat_interleave(torch.tensor([16, 1, 1, 1, 1])) for c in range(C)]
    )
    assert codes.information_bound(channel.log()[drawings]) == pytest.approx(truth)
    for other in (0.1, 0.3):
        guess = torch.full_like(channel, other / (C - 1)).fill_diagonal_(1 - other)
        assert codes.information_bound(guess.log()[drawings]) < truth


@pytest.mark.parametrize("shape", [(5, 2), (10, 10), (2, 7)])
def test_information_agrees_with_sklearn(shape: tuple[int, int]) -> None:
    counts = torch.randint(0, 20, shape, generator=torch.Generator().manual_seed(0))
    expected = mutual_info_score(None, None, contingency=counts.numpy())
    assert codes.plug_in_information(counts) == pytest.approx(expected)
    assert codes.plug_in_information(counts.T) == pytest.approx(expected)


def test_correction_in_closed_form() -> None:
    """Three entropies, each short of (cells that occur - 1) / 2N; empty cells do not count."""
    counts = torch.tensor([[30, 0, 2], [10, 20, 0], [5, 5, 28]])
    full = (3 - 1 + 3 - 1 - (7 - 1)) / (2 * 100)
    assert codes.information(counts) == pytest.approx(codes.plug_in_information(counts) + full)


def test_correction_takes_most_of_the_bias_away() -> None:
    """Codes under which the attribute holds in 30, 50, ... of a hundred drawings; ten drawings of each are seen."""
    random, shares = np.random.default_rng(0), np.array([0.3, 0.5, 0.5, 0.7, 0.9])
    both = np.stack([1 - shares, shares], 1) / len(shares)
    truth = codes.plug_in_information(torch.from_numpy(both))
    yes = torch.from_numpy(random.binomial(10, shares, (2000, 5)))
    counts = torch.stack([10 - yes, yes], 2)
    plug_in = sum(map(codes.plug_in_information, counts)) / 2000 - truth
    corrected = sum(map(codes.information, counts)) / 2000 - truth
    assert plug_in > 0.03
    assert abs(corrected) < plug_in / 4


def test_information_stays_possible() -> None:
    assert codes.information(torch.full((5, 2), 20)) == 0
    assert codes.information(torch.tensor([[40, 0], [0, 40]])) == pytest.approx(math.log(2), abs=1e-12)
    assert codes.information(torch.tensor([[40, 0]] * 3)) == 0  # never seen


def of(make_evidence: Callable[..., Evidence], logits: Tensor, kind: str) -> dict[str, float]:
    found = Codes(normal(0, C, M, D), logits, sure(1), torch.zeros(C * (C - 1) // 2, M, C))
    return codes.measure(replace(make_evidence(), kind=kind, codes=found))  # type: ignore[arg-type]


def test_an_attribute_that_a_code_stands_for(make_evidence: Callable[..., Evidence]) -> None:
    """Code 0 makes everyone smile; the other two attributes have nothing to do with it."""
    logits = normal(1, C, M, 3)
    logits[..., 1] = -4
    logits[0, :, 1] = 4
    values = of(make_evidence, logits, "attributes")
    entropy = -(0.2 * math.log(0.2) + 0.8 * math.log(0.8))
    assert values["code_attribute_information"] == pytest.approx(entropy, abs=0.005)
    assert values["code_attribute_information_mean"] == pytest.approx(entropy / 3, abs=0.02)


def test_codes_that_are_the_classes(make_evidence: Callable[..., Evidence]) -> None:
    """In whatever order; classes are told by the highest score, though all be negative."""
    logits = 4 * torch.eye(C).roll(2, 1)[:, None].expand(C, M, C) - 9
    values = of(make_evidence, logits, "classes")
    assert values["code_attribute_information"] == pytest.approx(math.log(C))
    assert "code_attribute_information_mean" not in values
    two = torch.where(torch.arange(C)[:, None, None] < 1, logits, logits[1])  # all codes but one are the same class
    entropy = -(0.2 * math.log(0.2) + 0.8 * math.log(0.8))
    assert of(make_evidence, two, "classes")["code_attribute_information"] == pytest.approx(entropy, abs=0.005)


def test_tables_count_every_drawing() -> None:
    logits = normal(2, C, M, 3)
    for table in codes.tables(logits, "objects"):
        assert table.sum(1).tolist() == [M] * C
    (table,) = codes.tables(logits, "classes")
    assert table.shape == (C, 3)
    assert table.tolist() == [logits[c].argmax(1).bincount(minlength=3).tolist() for c in range(C)]
    yes = [table[:, 1] for table in codes.tables(logits, "attributes")]
    assert torch.equal(torch.stack(yes, 1), (logits > 0).sum(1))


def test_the_latent_is_ignored() -> None:
    """Every code has one image, but for what float32 rounds."""
    images = normal(3, C, 1, D) + 100
    assert codes.collapse(images.expand(C, M, D)) == pytest.approx(1, abs=1e-12)
    assert codes.collapse(images.float() * (1 + 1e-7 * normal(4, C, M, D))) == pytest.approx(1, abs=1e-6)


def test_the_code_is_ignored() -> None:
    latent = normal(5, 1, M, D) + 100
    assert codes.collapse(latent.expand(C, M, D)) == pytest.approx(0, abs=1e-12)


def test_one_image_whatever_the_latent_and_the_code() -> None:
    assert codes.collapse((normal(6, 1, 1, D) + 0.1).expand(C, M, D)) == 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_share_is_known(share: float) -> None:
    """Codes and latents that add up; latents have the variance 1 - share, codes, which are all there are, `share`."""
    code = normal(7, C, D)
    code = (code - code.mean(0)) / code.std(0, correction=0) * share**0.5
    latent = normal(8, M, D)
    latent = (latent - latent.mean(0)) / latent.std(0) * (1 - share) ** 0.5
    assert codes.collapse(code[:, None] + latent) == pytest.approx(share)


@pytest.mark.parametrize("alike", [0.0, 0.5, 1.0])
def test_the_number_of_latents_does_not_matter(alike: float) -> None:
    """Two latents or forty, whether or not a latent does the same under every code; codes decide a third."""
    code = normal(9, C, 600)
    code = (code - code.mean(0)) / code.std(0, correction=0) * 0.5**0.5
    for latents in (2, 5, 40):
        shared, own = normal(10, 1, latents, 600), normal(11, C, latents, 600)
        found = codes.collapse(code[:, None] + alike**0.5 * shared + (1 - alike) ** 0.5 * own)
        assert found == pytest.approx(1 / 3, abs=0.02)


def test_chance_is_no_collapse() -> None:
    assert codes.collapse(normal(12, C, 3, 500)) < 0.02


def test_the_unit_and_origin_do_not_matter() -> None:
    features = normal(13, C, 1, D) + normal(14, C, M, D)
    assert codes.collapse(50 * features + 7) == pytest.approx(codes.collapse(features))


def test_mixed_codes_are_both_found_again() -> None:
    """In either order, and though Q holds neither for likely; a third code that comes between is a miss."""
    pairs = list(itertools.combinations(range(C), 2))
    mixed = torch.full((len(pairs), 4, C), -9.0)
    for row, (one, other) in enumerate(pairs):
        mixed[row, :, one] = torch.tensor([-1.0, -2.0, -5.0, -5.0])
        mixed[row, :, other] = torch.tensor([-2.0, -1.0, -6.0, -7.0])
        mixed[row, 3, next(c for c in range(C) if c not in (one, other))] = -6
    assert codes.mixture(mixed) == 0.75
    chance = torch.rand(len(pairs), 4000, C, generator=torch.Generator().manual_seed(0))
    assert codes.mixture(chance) == pytest.approx(1 / len(pairs), abs=0.01)


@pytest.mark.parametrize("kind", ["classes", "objects", "attributes"])
def test_measure(make_evidence: Callable[..., Evidence], kind: str) -> None:
    values = codes.measure(make_evidence(kind=kind, coded=True))
    left_out = {"code_attribute_information_mean"} if kind == "classes" else set()
    assert values.keys() == codes.BETTER.keys() - left_out


def test_nothing_without_a_code(make_evidence: Callable[..., Evidence]) -> None:
    assert codes.measure(make_evidence(conditional=True, adversarial=True)) == {}
