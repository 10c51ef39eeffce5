from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pipeline.evaluation.evidence import Evidence, Flips
from pipeline.evaluation.metrics import attributes

NAMES = ("Smiling", "Male", "Eyeglasses", "Young")
K, M = 4, 200
ALL = torch.ones(K, dtype=torch.bool)


def logits(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def obedient() -> Flips:
    """Each attribute appears when it is asked for, and nothing else changes; latents decide the rest."""
    without = logits(0, K, M, K)
    asked = without.clone()
    for k in range(K):
        without[k, :, k], asked[k, :, k] = -5, 5
    return Flips(without, asked, logits(1, M, K), logits(2, M, K))


def measured(
    make_evidence: Callable[..., Evidence], flips: Flips, classes: tuple[str, ...] = NAMES
) -> dict[str, float]:
    return attributes.measure(replace(make_evidence(), flips=flips, classes=classes))


def test_names_are_celebas_and_beard() -> None:
    assert len(set(attributes.ATTRIBUTES)) == len(attributes.ATTRIBUTES) == 41
    assert list(attributes.ATTRIBUTES) == sorted(attributes.ATTRIBUTES)


def test_an_obedient_model(make_evidence: Callable[..., Evidence]) -> None:
    rates = {f"flip_rate_{name.lower()}": 1.0 for name in NAMES}
    leaks = {"leak": 0.0, "leak_smiling": 0.0, "leak_absolute": 0.0}
    assert measured(make_evidence, obedient()) == {"flip_rate": 1, "flip_rate_lowest": 1} | rates | leaks


def test_a_deaf_model(make_evidence: Callable[..., Evidence]) -> None:
    """One that draws the same whatever is asked for: nothing follows and nothing leaks."""
    flips = obedient()
    values = measured(make_evidence, replace(flips, asked=flips.without))
    assert values["flip_rate"] == values["flip_rate_lowest"] == values["leak"] == 0


@pytest.mark.parametrize(
    ("before", "after", "follows"),
    [(-1, 1, 1), (1, 1, 0), (-1, -1, 0), (1, -1, 0), (0, 1, 1), (-1, 0, 0)],
)
def test_the_answer_follows_from_no_to_yes_only(before: float, after: float, follows: float) -> None:
    shape = (K, M, K)
    rates = attributes.flip_rates(torch.full(shape, float(before)), torch.full(shape, float(after)))
    assert rates.tolist() == [follows] * K


def test_each_attribute_by_its_own_answer(make_evidence: Callable[..., Evidence]) -> None:
    """Attribute k follows in (k + 1) / 4 of the pairs; what becomes of the others is not asked."""
    flips = obedient()
    asked = logits(3, K, M, K)
    for k in range(K):
        asked[k, :, k] = torch.where(torch.arange(M) < M * (k + 1) // 4, 1.0, -1.0)
    values = measured(make_evidence, replace(flips, asked=asked))
    rates = [values[f"flip_rate_{name.lower()}"] for name in NAMES]
    assert rates == [0.25, 0.5, 0.75, 1]
    assert (values["flip_rate"], values["flip_rate_lowest"]) == (0.625, 0.25)


def test_pairs_are_of_one_latent() -> None:
    """Half of the drawings show it anyway, with it or without: pair by pair nothing follows, whatever the averages."""
    shows = torch.where(torch.arange(M) % 2 == 0, 1.0, -1.0)[None, :, None].expand(K, M, K)
    assert attributes.flip_rates(shows, shows).tolist() == [0] * K
    assert attributes.flip_rates(shows, -shows).tolist() == [0.5] * K


def test_a_random_drawing_follows_in_a_quarter() -> None:
    rates = attributes.flip_rates(logits(4, K, 4000, K), logits(5, K, 4000, K))
    assert rates.tolist() == pytest.approx([0.25] * K, abs=0.03)


def test_leak_of_one_is_that_of_another_latent(make_evidence: Callable[..., Evidence]) -> None:
    flips = obedient()
    without, asked = flips.here.expand(K, M, K), flips.elsewhere.expand(K, M, K)
    values = measured(make_evidence, replace(flips, without=without, asked=asked))
    assert values["leak"] == pytest.approx(1)
    assert values["leak_smiling"] == pytest.approx(1)
    expected = [(flips.here[:, j].sigmoid() - flips.elsewhere[:, j].sigmoid()).abs().mean() for j in range(K)]
    assert values["leak_absolute"] == pytest.approx(float(sum(expected)) / K, rel=1e-5)


def test_leak_in_closed_form() -> None:
    """Asking for an attribute moves each other one from 1/2 to 3/4; another latent would from 1/4 to 3/4."""
    three_to_one = float(torch.tensor(3.0).log())
    flips = Flips(
        without=torch.zeros(K, M, K),
        asked=torch.full((K, M, K), three_to_one),
        here=torch.full((M, K), -three_to_one),
        elsewhere=torch.full((M, K), three_to_one),
    )
    assert attributes.leaks(flips, ALL) == pytest.approx((0.25, 0.5))


def test_the_attribute_itself_does_not_leak() -> None:
    flips = obedient()
    asked = flips.asked.clone()
    for k in range(K):
        asked[k, :, k] = 50
    assert attributes.leaks(replace(flips, asked=asked), ALL)[0] == 0
    asked[0, :, 1] = 50
    assert attributes.leaks(replace(flips, asked=asked), ALL)[0] > 0.01


def test_both_means_are_over_the_same_pairs() -> None:
    """Only attribute 3 changes with the latent: 3 of the 12 pairs are with it, of attribute 3 alone none."""
    flips = obedient()
    elsewhere = flips.here.clone()
    elsewhere[:, 3] = -elsewhere[:, 3]
    change = float(attributes.changes(flips.here, elsewhere)[3])
    flips = replace(flips, elsewhere=elsewhere)
    assert attributes.leaks(flips, ALL)[1] == pytest.approx(3 * change / 12)
    assert attributes.leaks(flips, torch.arange(K) == 3)[1] == 0


def test_leak_of_smiling_is_its_own(make_evidence: Callable[..., Evidence]) -> None:
    """Asking for a smile makes everyone young; all else is obedient."""
    flips = obedient()
    asked = flips.asked.clone()
    asked[0, :, 3] = flips.without[0, :, 3] + 3
    values = measured(make_evidence, replace(flips, asked=asked))
    assert values["leak_smiling"] == pytest.approx(4 * values["leak"], rel=0.2)  # one attribute of four leaks
    assert values["leak"] > 0.1
    other = measured(make_evidence, replace(flips, asked=asked), ("Bald", "Male", "Eyeglasses", "Young"))
    assert other["leak"] == values["leak"]
    assert "leak_smiling" not in other


def test_no_ratio_where_the_latent_changes_nothing(make_evidence: Callable[..., Evidence]) -> None:
    """A collapsed model, or one whose judge is always sure of the same answer."""
    flips = obedient()
    values = measured(make_evidence, replace(flips, asked=logits(6, K, M, K), elsewhere=flips.here + 1e-3))
    assert values["leak_absolute"] > 0.1
    assert not {"leak", "leak_smiling"} & values.keys()


def test_a_single_attribute_has_no_leak(make_evidence: Callable[..., Evidence]) -> None:
    flips = Flips(torch.full((1, M, 1), -1.0), torch.ones(1, M, 1), logits(1, M, 1), logits(2, M, 1))
    values = measured(make_evidence, flips, ("Smiling",))
    assert values == {"flip_rate": 1, "flip_rate_lowest": 1, "flip_rate_smiling": 1}


def test_unknown_attributes_have_no_number_of_their_own(make_evidence: Callable[..., Evidence]) -> None:
    values = measured(make_evidence, obedient(), ("Smiling", "Freckles", "smiling", "Elf"))
    assert {name for name in values if name.startswith("flip_rate_")} == {"flip_rate_lowest", "flip_rate_smiling"}
    assert values["flip_rate"] == 1


def test_nothing_without_flips(make_evidence: Callable[..., Evidence]) -> None:
    assert attributes.measure(make_evidence(kind="attributes")) == {}
    assert attributes.measure(make_evidence(conditional=True)) == {}
