from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import nearest_train

DIMENSIONS = 4


def variants(draw: torch.Generator, originals: int, each: int, first: int = 0) -> tuple[Tensor, Tensor]:
    """Features of close variants of fresh originals, in random order, and which original each is of."""
    centres = torch.randn(originals, DIMENSIONS, generator=draw)
    which = torch.arange(originals).repeat(each)[torch.randperm(originals * each, generator=draw)]
    features = centres[which] + 0.02 * torch.randn(len(which), DIMENSIONS, generator=draw)
    return features, which + first


def world(
    evidence: Evidence, seed: int, train: tuple[int, int], test: tuple[int, int], copied: bool = False
) -> Evidence:
    """(originals, variants of each) of both sides; samples from fresh originals, or copied from training images."""
    draw = torch.Generator().manual_seed(seed)
    train_features, train_originals = variants(draw, *train)
    test_features, test_originals = variants(draw, *test, first=train[0])
    fakes = variants(draw, 400, 1)[0]
    if copied:
        fakes = train_features[:400] + 1e-4 * torch.randn(400, DIMENSIONS, generator=draw)
    return replace(
        evidence,
        train=replace(evidence.train, features=train_features, originals=train_originals),
        test=replace(evidence.test, features=test_features, originals=test_originals),
        fake=replace(evidence.fake, features=fakes),
    )


def mean_share(evidence: Evidence, train: tuple[int, int], test: tuple[int, int]) -> float:
    shares = [nearest_train.measure(world(evidence, seed, train, test))["nearest_train"] for seed in range(20)]
    return sum(shares) / len(shares)


FAIR = [((500, 1), (500, 1)), ((500, 1), (200, 1)), ((400, 3), (100, 12)), ((100, 12), (400, 3)), ((300, 4), (300, 2))]


@pytest.mark.parametrize(("train", "test"), FAIR)
def test_fresh_samples_are_as_near_to_either_side(
    make_evidence: Callable[..., Evidence], train: tuple[int, int], test: tuple[int, int]
) -> None:
    assert mean_share(make_evidence(), train, test) == pytest.approx(0.5, abs=0.035)


def test_equal_numbers_of_images_alone_would_accuse_an_honest_model(make_evidence: Callable[..., Evidence]) -> None:
    """1,200 images a side, but of 400 originals and of 100: why the draw is balanced by original."""
    evidence = world(make_evidence(), 0, (400, 3), (100, 12))
    naive = nearest_train.nearer_share(evidence.fake.features, evidence.train.features, evidence.test.features)
    assert naive > 0.7


@pytest.mark.parametrize("each", [1, 3])
def test_copies_of_training_images_are_found_out(make_evidence: Callable[..., Evidence], each: int) -> None:
    evidence = world(make_evidence(), 0, (400, each), (400, each), copied=True)
    assert nearest_train.measure(evidence)["nearest_train"] > 0.97


def test_copies_count_as_far_as_their_originals_are_compared(make_evidence: Callable[..., Evidence]) -> None:
    evidence = world(make_evidence(), 0, (400, 3), (100, 3), copied=True)  # a quarter of the copied is compared
    assert nearest_train.measure(evidence)["nearest_train"] == pytest.approx(0.25 + 0.75 / 2, abs=0.1)


def test_copies_of_test_images_give_none(make_evidence: Callable[..., Evidence]) -> None:
    evidence = world(make_evidence(), 0, (400, 1), (400, 1), copied=True)
    swapped = replace(evidence, train=evidence.test, test=evidence.train)
    assert nearest_train.measure(swapped)["nearest_train"] < 0.03


def test_balanced_takes_as_many_originals_and_variants_of_each() -> None:
    draw = torch.Generator().manual_seed(0)
    train = torch.randint(0, 90, (400,), generator=draw)
    test = torch.randint(100, 130, (350,), generator=draw)
    counts = [
        Counter(o[rows].tolist()) for o, rows in zip((train, test), nearest_train.balanced(train, test), strict=True)
    ]
    assert len(counts[0]) == len(counts[1]) > 20
    assert len({*counts[0].values(), *counts[1].values()}) == 1


def test_balanced_takes_the_largest_draw() -> None:
    train = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 3])
    test = torch.tensor([9, 9, 9, 8, 8, 8, 7])
    train_rows, test_rows = nearest_train.balanced(train, test)
    assert train_rows.tolist() == [0, 1, 2, 4, 5, 6]  # 2 x 3 beats 3 x 1
    assert test_rows.tolist() == [0, 1, 2, 3, 4, 5]


def test_balanced_prefers_originals_to_variants() -> None:
    rows, _ = nearest_train.balanced(torch.tensor([5, 5, 4, 4]), torch.tensor([1, 1, 2]))
    assert rows.tolist() == [0, 2]  # 2 x 1, not 1 x 2


def test_balanced_of_distinct_images_is_a_cut() -> None:
    train_rows, test_rows = nearest_train.balanced(torch.arange(10).flip(0), torch.arange(20, 26))
    assert train_rows.tolist() == test_rows.tolist() == [0, 1, 2, 3, 4, 5]


def test_images_without_originals_are_distinct(make_evidence: Callable[..., Evidence]) -> None:
    evidence = world(make_evidence(), 0, (300, 1), (200, 1))
    unsaid = replace(
        evidence, train=replace(evidence.train, originals=None), test=replace(evidence.test, originals=None)
    )
    assert nearest_train.measure(unsaid) == nearest_train.measure(evidence)


def test_a_tie_is_a_half() -> None:
    assert nearest_train.nearer_share(torch.zeros(9, 2), torch.ones(1, 2), -torch.ones(1, 2)) == 0.5


@pytest.mark.parametrize("block", [1, 7, 5000])
def test_neither_block_nor_order_matters(make_evidence: Callable[..., Evidence], block: int) -> None:
    evidence = world(make_evidence(), 0, (300, 1), (300, 1))
    samples, one, other = (judged.features for judged in (evidence.fake, evidence.train, evidence.test))
    whole = nearest_train.nearer_share(samples, one, other)
    assert nearest_train.nearer_share(samples.flip(0), one.flip(0), other.flip(0), block) == whole


def test_measure(make_evidence: Callable[..., Evidence]) -> None:
    assert nearest_train.measure(make_evidence()).keys() == nearest_train.BETTER.keys()
