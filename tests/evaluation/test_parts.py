"""What is found once for all halves is, of each half, what the plain definition finds in that half alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from types import ModuleType

import pytest
import torch
from torch import Generator, Tensor

from pipeline.evaluation import jackknife
from pipeline.evaluation.evidence import Evidence, Judged, Likelihoods, Part
from pipeline.evaluation.metrics import nearest_train
from pipeline.evaluation.neighbours import neighbours
from pipeline.ground import plugins

Cut = tuple[list[Part], list[Evidence]]


def metrics() -> dict[str, ModuleType]:
    """Those that measure all parts together."""
    every = {name: import_module(f"pipeline.evaluation.metrics.{name}") for name in plugins.names("evaluation/metrics")}
    return {name: module for name, module in every.items() if hasattr(module, "of_parts")}


def features(draw: Generator, kind: str, count: int) -> Tensor:
    """Random ones; whole numbers, of which many coincide or are equally far; copies of a few; all but one alike."""
    if kind == "ties":
        return torch.randint(0, 4, (count, 3), generator=draw).float()
    found = torch.randn(count, 5, generator=draw)
    if kind == "copies":
        return found[torch.randint(0, count // 3, (count,), generator=draw)]
    return found[:1].expand(count, -1).clone().index_fill_(0, torch.tensor([7]), 2.0) if kind == "collapse" else found


def judged(draw: Generator, kind: str, count: int, originals: int | None) -> Judged:
    labels = torch.eye(3, dtype=torch.uint8)[torch.randint(0, 3, (count,), generator=draw)]
    seen = features(draw, kind, count)
    images = torch.rand(count, 3, 16, 16, generator=draw)
    families = None if originals is None else torch.randint(0, originals, (count,), generator=draw)
    return Judged(images, seen, torch.randn(count, 3, generator=draw), labels, families)


@pytest.fixture(params=["random", "ties", "copies", "collapse"])
def found(request: pytest.FixtureRequest, make_evidence: Callable[..., Evidence], likelihoods: Likelihoods) -> Evidence:
    """Of 150 real images in 60 families and 130 fakes."""
    draw = Generator().manual_seed(3)
    return replace(
        make_evidence(conditional=True, likelihoods=likelihoods),
        train=judged(draw, request.param, 140, 50),
        test=judged(draw, "random" if request.param == "collapse" else request.param, 150, 60),
        fake=judged(draw, request.param, 130, None),
        likelihoods=None,
        reconstructed=torch.rand(150, 3, 16, 16, generator=draw),
        answers={},
    )


def cut(found: Evidence, *, latents: bool) -> Cut:
    """All evidence and six halves of it; of the fakes, too, or always the same half of these."""
    noise = Generator().manual_seed(5)
    halves = jackknife.draw(found.test, {}, 6, noise)
    chosen = [jackknife.choose(found, half, noise if latents else None) for half in halves]
    taken = [jackknife.take(found, halves, number, each) for number, each in enumerate(chosen)]
    return [found.whole(), *(each.part for each in chosen)], [found, *taken]


@pytest.mark.parametrize("latents", [True, False])
@pytest.mark.parametrize("name", metrics())
def test_all_parts_together_are_each_by_itself(name: str, latents: bool, found: Evidence) -> None:
    parts, alone = cut(found, latents=latents)
    module = metrics()[name]
    together = module.of_parts(found, parts)
    assert len(together) == len(parts)
    for of_part, own in zip(together, alone, strict=True):
        assert of_part == pytest.approx(module.measure(own), rel=1e-9, abs=1e-9)


def nearest(points: Tensor, k: int, families: Tensor | None = None) -> Tensor:
    """From each point the distance to its k-th nearest other one, or one of another family, (N,), by sorting all."""
    own = torch.arange(len(points)) if families is None else families
    distances = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.masked_fill(own[:, None] == own, torch.inf).sort(1).values[:, k - 1]


def slack(real: Tensor, fake: Tensor) -> Tensor:
    return 1e-6 * (torch.cat([real, fake]) - real.mean(0)).square().sum(1).mean().sqrt()


def kept(radii: Tensor) -> Tensor:
    """Without those above twice the median, the lower one of two."""
    middle = radii.sort().values[(len(radii) - 1) // 2]
    return radii * (radii <= 2 * middle)


def plain_manifold(real: Tensor, fake: Tensor, originals: Tensor | None = None) -> dict[str, float]:
    apart = torch.cdist(fake, real, compute_mode="donot_use_mm_for_euclid_dist")
    edge = slack(real, fake)
    small, large = (kept(nearest(real, k, originals)) + edge for k in (3, 5))
    own = kept(nearest(fake, 3)) + edge
    return {
        "precision": float((apart <= small).any(1).double().mean()),
        "recall": float((apart <= own[:, None]).any(0).double().mean()),
        "density": float((apart <= large).sum(1).double().mean() / 5),
        "coverage": float((apart <= large).any(0).double().mean()),
    }


def plain_kernel(real: Tensor, fake: Tensor) -> float:
    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def of_others(x: Tensor) -> Tensor:
        return (kernel(x, x).sum() - kernel(x, x).trace()) / (len(x) * (len(x) - 1))

    return float(of_others(real) + of_others(fake) - 2 * kernel(real, fake).mean())


def plain_nearer(samples: Tensor, one: Tensor, other: Tensor) -> float:
    to_one, to_other = (
        torch.cdist(samples, side, compute_mode="donot_use_mm_for_euclid_dist") for side in (one, other)
    )
    gap = to_other.amin(1) - to_one.amin(1)
    return float(((gap > 0).double() + (gap >= 0).double()).mean() / 2)


def plain_duplicates(real: Tensor, fake: Tensor) -> float:
    near = nearest(real, 1).quantile(0.01) + slack(real, fake)
    return float((nearest(fake, 1) <= near).double().mean())


def plainly(own: Evidence) -> Mapping[str, float]:
    """From the definitions, with all distances between all images of this evidence."""
    train, real, fake = (side.features.double() for side in (own.train, own.test, own.fake))
    n = min(len(real), len(fake))
    assert own.train.originals is not None
    assert own.test.originals is not None
    trained, tested = nearest_train.balanced(own.train.originals, own.test.originals)
    first = list({original: row for row, original in reversed(list(enumerate(own.test.originals.tolist())))}.values())
    m = min(len(first), len(fake))
    return {
        **plain_manifold(real[:n], fake[:n], own.test.originals[:n]),
        "kernel_distance": plain_kernel(real, fake),
        "nearest_train": plain_nearer(fake, train[trained], real[tested]),
        "duplicates": plain_duplicates(real[sorted(first)[:m]], fake[:m]),
    }


@pytest.mark.parametrize("latents", [True, False])
def test_each_part_is_as_defined(latents: bool, found: Evidence) -> None:
    parts, alone = cut(found, latents=latents)
    names = ("manifold", "kernel", "nearest_train", "diversity")
    together = [metrics()[name].of_parts(found, parts) for name in names]
    for number, own in enumerate(alone):
        values = {key: value for of_parts in together for key, value in of_parts[number].items()}
        expected = plainly(own)
        assert {key: values[key] for key in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)


def _some(draw: Generator, count: int, size: int) -> Tensor:
    return torch.randperm(count, generator=draw)[:size].sort().values


@pytest.mark.parametrize("most", [1, 5, 32])
@pytest.mark.parametrize("kind", ["random", "ties", "copies"])
@pytest.mark.parametrize("block", [1, 16, 512])
def test_neighbours_among_some_are_those_of_sorting(kind: str, most: int, block: int) -> None:
    """Also where a list of neighbours holds too few of the part, as it does with five of them."""
    draw = Generator().manual_seed(2)
    points, others = features(draw, kind, 60).double(), features(draw, kind, 50).double()
    near_others, near_selves = neighbours(points, others, block, most), neighbours(points, None, block, most)
    for size in (6, 25, 50):
        rows, columns = _some(draw, 60, size), _some(draw, 50, size)
        apart = torch.cdist(points[rows], others[columns], compute_mode="donot_use_mm_for_euclid_dist")
        looked_up = near_others.among(rows, columns, (1, 3))
        torch.testing.assert_close(looked_up, apart.sort(1).values[:, [0, 2]], rtol=0, atol=1e-7)
        expected = torch.stack([nearest(points[rows], k) for k in (2, 5)], 1)
        torch.testing.assert_close(near_selves.among(rows, rows, (2, 5)), expected, rtol=0, atol=1e-7)


def test_parts_of_unlike_sizes_are_measured_together() -> None:
    """As of a single image more or less in a half, where originals have unlike many variants."""
    draw = Generator().manual_seed(4)
    real, fake = features(draw, "random", 60), features(draw, "random", 60)
    sizes: Sequence[int] = (6, 20, 59)
    parts = [(_some(draw, 60, size), _some(draw, 60, size)) for size in sizes]
    manifold, kernel = metrics()["manifold"], metrics()["kernel"]
    expected = [plain_manifold(real[own].double(), fake[theirs].double()) for own, theirs in parts]
    assert manifold.manifolds(real, fake, parts) == [pytest.approx(each, abs=1e-9) for each in expected]
    plain = [plain_kernel(real[own].double(), fake[theirs].double()) for own, theirs in parts]
    assert kernel.kernel_distances(real, fake, parts) == pytest.approx(plain, rel=1e-9)
