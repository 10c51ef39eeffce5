"""A half is half of everything that chance could have had otherwise, and of nothing else."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Generator

from pipeline.evaluation import jackknife
from pipeline.evaluation.evidence import Evidence, Likelihoods


def noise() -> Generator:
    return Generator().manual_seed(0)


def test_originals_stay_whole(make_evidence: Callable[..., Evidence]) -> None:
    test = make_evidence().test  # pairs of variants
    assert test.originals is not None
    drawn = jackknife.draw(test, {"test": 6, "new_test": 1}, 50, noise())
    for half in drawn:
        assert len(half.rows) == 20
        assert all(int((test.originals[half.rows] == original).sum()) == 2 for original in test.originals[half.rows])
        assert len(half.sets["test"]) == 3
        assert half.sets["new_test"].tolist() == [0]
    counts = torch.cat([half.rows for half in drawn]).bincount(minlength=40)
    assert counts.min() > 10  # every image has its turn
    assert len({tuple(half.rows.tolist()) for half in drawn}) == 50
    again = jackknife.draw(test, {"test": 6, "new_test": 1}, 50, noise())
    assert all(torch.equal(one.rows, other.rows) for one, other in zip(drawn, again, strict=True))


@pytest.fixture
def whole(make_evidence: Callable[..., Evidence], likelihoods: Likelihoods) -> Evidence:
    return make_evidence(conditional=True, kind="attributes", likelihoods=likelihoods, adversarial=True, coded=True)


def test_several_seeds_halve_the_test_set_alone(whole: Evidence) -> None:
    cut = jackknife.draw(whole.test, {name: len(each.labels) for name, each in whole.answers.items()}, 3, noise())
    first, last = jackknife.seen(whole, cut, 0, None), jackknife.seen(whole, cut, 2, None)
    assert torch.equal(first.test.features, whole.test.features[cut[0].rows])
    assert torch.equal(first.fake.features, last.fake.features)
    assert len(first.fake.features) == 20
    assert first.train is whole.train
    assert (first.flips, first.codes, first.curve) == (None, None, ())  # nothing of the test set is in them
    assert first.likelihoods is not None
    assert whole.likelihoods is not None
    assert torch.equal(first.likelihoods.kl, whole.likelihoods.kl[cut[0].rows])
    few = cut[0].rows[cut[0].rows < 20]  # of which there are importance weights
    assert torch.equal(first.likelihoods.log_weights, whole.likelihoods.log_weights[few])
    assert first.reconstructed is not None
    assert len(first.reconstructed) == 20
    answers = first.answers["test"]
    assert answers.logits.shape[:2] == (2, 3)
    assert torch.equal(answers.labels, whole.answers["test"].labels[cut[0].sets["test"]])
    assert list(first.moments) == []  # they were not measured on halves


def test_a_single_seed_halves_its_latents_too(whole: Evidence) -> None:
    cut, random = jackknife.draw(whole.test, {"test": 6, "new_test": 6}, 2, noise()), noise()
    first, last = (jackknife.seen(whole, cut, k, random) for k in range(2))
    assert not torch.equal(first.fake.features, last.fake.features)
    assert first.flips is not None
    assert first.codes is not None
    assert first.flips.without.shape[1] == 6
    assert first.codes.mixed.shape[1] == 6


def test_a_half_copies_no_images_before_they_are_looked_at(make_evidence: Callable[..., Evidence]) -> None:
    test, rows = make_evidence().test, torch.tensor([30, 5, 3])
    part = test.take(rows)
    assert part.stored is test.stored
    assert torch.equal(part.images, test.images[rows])
    assert torch.equal(part.take(torch.tensor([2, 0])).images, test.images[[3, 30]])
    assert test.images is test.stored


def test_stored_bytes_are_images_between_0_and_1(make_evidence: Callable[..., Evidence]) -> None:
    test = make_evidence().test
    stored = (255 * test.images).to(torch.uint8)
    part = replace(test, stored=stored).take(torch.tensor([7]))
    assert torch.equal(part.images, stored[7:8].float() / 255)


def test_errors_are_of_the_mean_over_seeds() -> None:
    alike = [[{"a": 1.0, "b": 3.0}, {"a": 3.0, "b": 3.0}, {"a": 2.0}] for _ in range(2)]
    assert jackknife.errors(alike, "a") == pytest.approx((-1.0, 1.0, 0.0))
    assert jackknife.errors(alike, "b") == ()  # a half lacks it
    assert jackknife.errors([[{"a": 2.0}, {"a": 2.0}]], "a") == ()
    assert jackknife.errors([[{"a": 2.0}, {"a": float("nan")}]], "a") == ()


def test_what_halves_do_to_seeds_otherwise_is_no_error_of_the_test_set() -> None:
    """Seeds scatter by themselves already: with what is their own, and nothing common, hardly anything is left."""
    random = Generator().manual_seed(1)
    own, common = torch.randn(5, 400, generator=random), torch.randn(400, generator=random)

    def variance(table: torch.Tensor) -> float:
        found = jackknife.errors([[{"a": value} for value in row] for row in table.tolist()], "a")
        return sum(error**2 for error in found) / 399

    assert variance(own) < 0.03  # not 1 / 5
    assert variance(own + common) == pytest.approx(1, abs=0.15)
    assert variance(own[:1]) == pytest.approx(1, abs=0.15)  # of one seed it is all there is
