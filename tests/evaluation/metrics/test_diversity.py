from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pipeline.contracts.images import Kind
from pipeline.evaluation.evidence import Evidence, Judged
from pipeline.evaluation.metrics import diversity
from pipeline.evaluation.metrics.diversity import duplicates, relative_diversity
from pipeline.ground.errors import InputError


def normal(seed: int, n: int, dimensions: int = 8) -> Tensor:
    return torch.randn(n, dimensions, generator=torch.Generator().manual_seed(seed))


def judged(features: Tensor, classes: Tensor | None = None, originals: Tensor | None = None) -> Judged:
    """Images of which only the features matter, and which of ten classes each is of."""
    n = len(features)
    labels = torch.eye(10, dtype=torch.uint8)[torch.zeros(n, dtype=torch.long) if classes is None else classes]
    return Judged(torch.zeros(n, 1, 4, 4), features, labels.float(), labels, originals)


def scenes(seed: int, n: int, noise: float = 1.0) -> Judged:
    """Images of one to three of 24 labels that place the features; of most sets of three, there is one image."""
    draw = torch.Generator().manual_seed(seed)
    size = torch.randint(1, 4, (n, 1), generator=draw)
    labels = (torch.rand(n, 24, generator=draw).argsort(1).argsort(1) < size).to(torch.uint8)
    features = labels.float() @ (5 * normal(99, 24)) + noise * size * torch.randn(n, 8, generator=draw)
    return Judged(torch.zeros(n, 3, 4, 4), features, labels.float(), labels)


def mean_square(features: Tensor, originals: Tensor) -> float:
    """From the definition, pair by pair."""
    x = features.double()
    pairs = [(i, j) for i in range(len(x)) for j in range(i) if originals[i] != originals[j]]
    return sum(float((x[i] - x[j]).square().sum()) for i, j in pairs) / len(pairs)


def test_agrees_with_the_definition() -> None:
    """Features far from the origin, variants of which some share a label and some do not."""
    draw = torch.Generator().manual_seed(0)
    fake_classes, real_classes = (torch.randint(2, (n,), generator=draw) for n in (40, 60))
    originals = torch.randint(25, (60,), generator=draw)
    fake, real = normal(1, 40) + 1000, 2 * normal(2, 60) + 1000
    above = below = 0.0
    for label in (0, 1):
        mine, theirs = fake_classes == label, real_classes == label
        a, b = int(mine.sum()) - 1, len(set(originals[theirs].tolist())) - 1
        above += a * b / (a + b) * mean_square(fake[mine], torch.arange(len(fake))[mine])
        below += a * b / (a + b) * mean_square(real[theirs], originals[theirs])
    found = relative_diversity(judged(fake, fake_classes), judged(real, real_classes, originals), True)
    assert found == pytest.approx((above / below) ** 0.5)

    expected = (mean_square(fake, torch.arange(40)) / mean_square(real, originals)) ** 0.5
    found = relative_diversity(judged(fake, fake_classes), judged(real, real_classes, originals), False)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("scale", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_shrunk_copies(scale: float, offset: float) -> None:
    real = normal(0, 200).double()
    assert relative_diversity(judged(scale * real + offset), judged(real), False) == pytest.approx(scale)


@pytest.mark.parametrize("samples", [500, 1000, 4000])
@pytest.mark.parametrize("conditional", [True, False])
def test_another_draw_of_the_real_images_is_as_varied(samples: int, conditional: bool) -> None:
    assert relative_diversity(scenes(0, samples), scenes(1, 3000), conditional) == pytest.approx(1, abs=0.05)


def test_collapse_of_every_label_set() -> None:
    """Obedient, and always the same image for the same labels: only pairs with the same labels tell."""
    fake, real = scenes(0, 1000, noise=0), scenes(1, 3000)
    assert relative_diversity(fake, real, True) == pytest.approx(0, abs=1e-6)
    assert relative_diversity(fake, real, False) > 0.8


def test_collapse_to_one_image() -> None:
    fake = judged(normal(0, 1, 64).expand(500, 64))
    assert relative_diversity(fake, judged(normal(1, 500, 64)), False) == pytest.approx(0, abs=1e-6)


def test_uneven_labels_do_not_matter() -> None:
    """A model asked mostly for the least varied class still draws it as varied as it is."""
    classes = torch.arange(400) % 10
    uneven = torch.where(torch.arange(400) < 300, 0, classes)
    centres, spread = 10 * normal(0, 10, 64), 1 + torch.arange(10)[:, None]
    real = judged(centres[classes] + spread[classes] * normal(1, 400, 64), classes)
    for asked in (classes, uneven):
        fake = judged(centres[asked] + spread[asked] * normal(2, 400, 64), asked)
        assert relative_diversity(fake, real, True) == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("conditional", [True, False])
def test_variants_are_no_variety(conditional: bool) -> None:
    """Real images in tens of near twins: it is their originals that the fakes must be as varied as."""
    originals = torch.arange(60).repeat_interleave(10)
    real = judged(normal(0, 60, 64)[originals] + 0.01 * normal(1, 600, 64), originals % 3, originals)
    fake = judged(normal(2, 600, 64), torch.arange(600) % 3)
    assert relative_diversity(fake, real, conditional) == pytest.approx(1, abs=0.03)


def test_label_sets_too_rare_to_compare_within() -> None:
    fake, real = scenes(0, 16), scenes(1, 20)
    assert relative_diversity(fake, real, True) == relative_diversity(fake, real, False) > 0.5


def test_diversity_needs_something_to_compare() -> None:
    one, many = judged(normal(0, 1)), judged(normal(1, 20))
    twins = judged(normal(2, 20), originals=torch.zeros(20, dtype=torch.long))
    for fake, real in ((one, many), (many, one), (many, twins), (many, judged(torch.ones(20, 8)))):
        for conditional in (True, False):
            with pytest.raises(InputError, match=r"expected (two or more drawings|real images that differ)"):
                relative_diversity(fake, real, conditional)


@pytest.mark.parametrize("n", [200, 1000, 1500])
def test_real_images_have_one_duplicate_in_a_hundred(n: int) -> None:
    assert duplicates(normal(0, n), normal(0, n)) == pytest.approx(0.01, abs=1 / n)


def test_another_draw_has_few_duplicates() -> None:
    found = [duplicates(normal(2 * seed, 500), normal(2 * seed + 1, 500)) for seed in range(20)]
    assert sum(found) / len(found) == pytest.approx(0.01, abs=0.005)


@pytest.mark.parametrize("offset", [0.0, 1e7])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_copies_are_counted(offset: float, scale: float) -> None:
    """200 of 1000 fakes show 20 images, ten times each, whatever the unit of the features and their origin."""
    fake, real = scale * (normal(0, 1000).double() + offset), scale * (normal(1, 1000).double() + offset)
    fake[:200] = fake[:20].repeat(10, 1)
    assert duplicates(fake, real) == pytest.approx(0.2, abs=0.02)
    assert duplicates(fake[:1].expand(1000, -1), real) == 1


def test_copies_are_counted_even_if_real_images_recur() -> None:
    real, fake = normal(0, 300), normal(1, 300)
    real[:30], fake[:150] = real[30:60], fake[150:]
    assert duplicates(fake, real) == 1
    assert duplicates(normal(2, 300), real) == 0


@pytest.mark.parametrize("block", [1, 7, 5000])
def test_the_block_does_not_matter(block: int) -> None:
    fake, real = normal(0, 150, 2), normal(1, 150, 2)
    assert duplicates(fake, real, block) == duplicates(fake, real)


@pytest.mark.parametrize(("fakes", "reals"), [(20, 21), (1, 1), (0, 0)])
def test_duplicates_need_equally_many(fakes: int, reals: int) -> None:
    with pytest.raises(ValueError, match="equally many"):
        duplicates(normal(0, fakes), normal(1, reals))


def test_measure_compares_one_image_of_each_original() -> None:
    originals = torch.tensor([7, 3, 7, 3, 9, 5, 5, 9, 1, 7]).repeat_interleave(60) * 100 + torch.arange(600) % 60
    real = judged(normal(0, 600), originals=originals)
    first = [originals.tolist().index(value) for value in dict.fromkeys(originals.tolist())]
    fake = judged(0.6 * normal(1, 200))
    expected = duplicates(fake.features, real.features[first[:200]])
    found = diversity.measure(Evidence(real, real, fake, False, "objects", None))
    assert found["duplicates"] == expected
    assert found["diversity"] == relative_diversity(fake, real, False)


def test_measure_compares_2000_at_most() -> None:
    fake, real = normal(0, 2100), judged(normal(1, 2500))
    fake[2000:] = fake[0]
    found = diversity.measure(Evidence(real, real, judged(fake), False, "objects", None))
    assert found["duplicates"] == duplicates(fake[:2000], real.features[:2000])


@pytest.mark.parametrize("conditional", [True, False])
@pytest.mark.parametrize("kind", ["classes", "objects", "attributes"])
def test_measure_applies_to_every_model(make_evidence: Callable[..., Evidence], conditional: bool, kind: Kind) -> None:
    evidence = make_evidence(conditional=conditional, kind=kind)
    assert diversity.measure(evidence).keys() == diversity.BETTER.keys()
