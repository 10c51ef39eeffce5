"""What metrics must see of spoiled images, the ways of spoiling, and a small suite on digits with its own referee."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Generator, Tensor

from benchmarks import disturbance_page as page
from benchmarks import disturbances, spoiled
from benchmarks.disturbance_page import EXPECTED, Rule, Verdict, rule
from benchmarks.disturbances import NeighbourAccuracy, SlicedWasserstein
from benchmarks.spoiled import DISTURBANCES, SETS, WAYS, Ground
from pipeline.contracts.images import scale
from pipeline.data import digits
from pipeline.evaluation.metrics.blurriness import sigma
from pipeline.ground.errors import InputError
from pipeline.judges import classifier, referee
from pipeline.judges.panel import Panel
from pipeline.judges.spoiling import SPOILINGS, Spoiling
from pipeline.statistics.measurements import Measured

ROLES = ("digits", "colour", "scenes", "faces")
ILLEGIBLE = 3.0
SOURCE = digits.Settings(source="digits8x8", train=2884, test=1065)
Verdicts = dict[tuple[str, str], Verdict]

_ways = pytest.mark.parametrize("way", SPOILINGS, ids=lambda way: way.name)


@pytest.fixture(scope="module")
def ground() -> Ground:
    """A judge and a referee of digits; as training images those of as many originals as each half of the test has."""
    train, test = digits.load(SOURCE)
    naming = classifier.Settings(weights="", network="small", width=4, batch=64, epochs=1, learning_rate=0.01)
    judge = classifier.build(naming, train)
    classifier.fit(judge, train, naming, lambda *told: None)
    seeing = referee.Settings(
        width=8, batch=32, epochs=8, learning_rate=0.006, illegible=ILLEGIBLE, precision="float32"
    )
    seer = referee.build(seeing, train)
    referee.fit(seer, train, seeing, lambda *told: None)
    panel = Panel(judge.requires_grad_(False), seer.requires_grad_(False))
    few = train.take((train.originals[:, None] == train.originals.unique()[:180]).any(1).nonzero()[:, 0])
    seen = spoiled.look(panel, scale(few.images, "unit")), spoiled.look(panel, scale(test.images, "unit"))
    return spoiled.prepare("small", few, test, seen, panel, ILLEGIBLE)


@pytest.fixture(scope="module")
def verdicts(ground: Ground) -> Verdicts:
    found = disturbances.judge("small", ILLEGIBLE, disturbances.measured(ground))
    return {(each.metric, each.disturbance): each for each in found}


def _names() -> set[str]:
    """All that the plug-ins tell of samples alone."""
    keys = {name for metric in spoiled.plugged() for name in metric.BETTER}
    return {name for name in keys if not name.endswith(("_real", "test_recognised"))}


def test_every_metric_has_one_expectation_of_every_disturbance(verdicts: Verdicts) -> None:
    named = {name for each in EXPECTED for name in each.metrics.split()}
    assert named == {metric for metric, _ in verdicts} == _names()
    assert len(verdicts) == len(named) * len(DISTURBANCES)
    for metric in named:
        for disturbance in (each.name for each in DISTURBANCES):
            own = [each for each in EXPECTED if metric in each.metrics.split()]
            fits = [each for each in own if disturbance in each.disturbances.split()]
            assert sum(not each.roles for each in fits) == 1, (metric, disturbance)
            for role in ROLES:
                assert sum(role in each.roles for each in fits) <= 1, (metric, disturbance, role)


def test_expectations_name_what_there_is_and_say_why() -> None:
    for each in EXPECTED:
        assert set(each.disturbances.split()) <= {*WAYS, *SETS}
        assert set(each.roles) <= set(ROLES)
        assert each.why
    assert [rule("precision", "washed", role).expected for role in ("scenes", "faces")] == ["free", "falls"]


def _column(values: Sequence[float], error: float = 0.01) -> list[Measured]:
    noise = Generator().manual_seed(0)
    errors = [tuple((error * torch.randn(16, generator=noise, dtype=torch.float64)).tolist()) for _ in values]
    return [Measured("higher", (value,), own) for value, own in zip(values, errors, strict=True)]


FALLS, RISES = Rule("", "falls", "", ""), Rule("", "rises", "", "")


@pytest.mark.parametrize(
    ("values", "own", "fault"),
    [
        ([0.9, 0.8, 0.6, 0.4, 0.2, 0.1], FALLS, ""),
        ([0.9, 0.905, 0.6, 0.4, 0.2, 0.1], FALLS, ""),  # a first step too small to see
        ([0.9, 0.7, 0.3, 0.004, 0.0, 0.006], FALLS, ""),  # at the end of its scale
        ([0.9, 0.7, 0.3, 0.1, 0.2, 0.0], FALLS, "not step by step"),
        ([0.9, 0.99, 0.6, 0.4, 0.2, 0.1], FALLS, "not step by step"),  # it first rises, and surely
        ([0.9, 0.899, 0.898, 0.4, 0.2, 0.1], FALLS, "within its interval at step 2"),
        ([0.1, 0.2, 0.4, 0.6, 0.8, 0.9], RISES, ""),
        ([0.1, 0.2, 0.4, 0.995, 1.0, 1.0], RISES, "not step by step"),  # only shares end at 1
    ],
)
def test_a_metric_that_must_see_moves_step_by_step(values: list[float], own: Rule, fault: str) -> None:
    assert disturbances.sees(_column(values), own, "precision", [1.0] * 6, 0.02) == fault


def test_what_names_need_not_see_what_stays_legible() -> None:
    column, named = _column([0.99, 0.991, 0.985, 0.992, 0.5, 0.01]), [1, 1, 1, 1, 0.7, 0.0]
    assert disturbances.sees(column, FALLS, "recognised", named, 0.02) == ""
    assert disturbances.sees(column, FALLS, "precision", named, 0.02) == "within its interval at step 2"
    assert (
        disturbances.sees(_column([0.99, 0.991, 0.985, 0.992, 0.99, 0.985]), FALLS, "recognised", named, 0.02)
        == "within its interval at step 5"
    )


def test_what_is_ignored_moves_neither_far_nor_surely() -> None:
    assert disturbances.ignores(_column([0.9, 0.904, 0.895, 0.9, 0.902, 0.9]), 0.0) == ""
    assert disturbances.ignores(_column([0.9, 0.9, 0.9, 0.84, 0.9, 0.9]), 0.02) == "moves at step 3"
    assert disturbances.ignores(_column([0.9, 0.9, 0.9, 0.84, 0.9, 0.9]), 0.1) == ""  # negligible
    assert disturbances.ignores(_column([0.9, 0.9, 0.9, 0.84, 0.9, 0.9], error=0.1), 0.02) == ""  # by chance


def _images(channels: int, count: int = 6, side: int = 32) -> Tensor:
    return torch.rand(count, channels, side, side, generator=Generator().manual_seed(1))


def _applied(way: Spoiling, images: Tensor, *strengths: float) -> Tensor:
    """By strengths one an image, or one for all."""
    return way.apply(images, torch.tensor(strengths).expand(len(images)), Generator().manual_seed(2))


@_ways
@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32), (3, 64)])
def test_no_strength_changes_nothing_and_any_leaves_images(way: Spoiling, channels: int, side: int) -> None:
    images = _images(channels, side=side)
    torch.testing.assert_close(_applied(way, images, 0.0), images, rtol=0, atol=2e-5)
    for share in (0.3, 1.0):
        found = _applied(way, images, share * way.most)
        assert found.shape == images.shape
        assert 0 <= float(found.min()) <= float(found.max()) <= 1
        assert (found - images).abs().mean() > 0.005


@_ways
def test_each_image_is_spoiled_by_its_own_strength(way: Spoiling) -> None:
    images, strengths = _images(3), [way.most * share for share in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    alone = torch.stack([_applied(way, images, strength)[row] for row, strength in enumerate(strengths)])
    # A blur's kernel ends at the largest sigma.
    torch.testing.assert_close(_applied(way, images, *strengths), alone, rtol=0, atol=2e-3)


@pytest.mark.parametrize("strength", [1.0, 2.0, 3.0])
def test_a_blur_is_scipys(strength: float) -> None:
    images = _images(3)
    wanted = gaussian_filter(images.numpy(), (0, 0, strength, strength), mode="mirror", truncate=3.0)
    torch.testing.assert_close(_applied(WAYS["blur"], images, strength), torch.from_numpy(wanted), rtol=0, atol=1e-5)


def test_patches_keep_all_pixels_and_none_its_place() -> None:
    images = torch.arange(2 * 3 * 32 * 32).view(2, 3, 32, 32).float() / 6144
    found = _applied(WAYS["patches"], images, 1.0)
    assert torch.equal(found.flatten(2).sort().values, images.flatten(2).sort().values)
    assert not (found == images).any()
    assert 0.2 < float((_applied(WAYS["patches"], images, 0.5) != images).double().mean()) < 0.8


def test_two_images_mixed_by_half_are_one() -> None:
    one, other = _applied(WAYS["mixture"], _images(3, count=2), 0.5)
    torch.testing.assert_close(one, other)


def test_washed_images_are_grey() -> None:
    images = _images(3)
    grey = images.mean(1, keepdim=True).expand_as(images)
    torch.testing.assert_close(_applied(WAYS["washed"], images, 1.0), grey)
    assert _applied(WAYS["washed"], _images(1), 1.0).flatten(1).std(1).max() < 1e-6


@_ways
@pytest.mark.parametrize("illegible", [1.5, 3.0])
def test_what_can_be_named_fades_with_the_strength(way: Spoiling, illegible: float) -> None:
    until, nobody = (bound * (illegible if way.sized else 1) for bound in way.legible)
    assert 0 < until < nobody
    named = way.legibility(torch.tensor([0, until, (until + nobody) / 2, nobody, 2 * nobody]), illegible)
    torch.testing.assert_close(named, torch.tensor([1.0, 1, 0.5, 0, 0]), rtol=0, atol=1e-5)
    assert (way.legibility(torch.linspace(0, 2 * nobody, 50), illegible).diff() <= 0).all()


def test_no_original_is_in_both_halves_and_copies_are_like_held_images(ground: Ground) -> None:
    _, test = digits.load(SOURCE)
    total = len(ground.held.labels)
    original = {image.numpy().tobytes(): int(own) for image, own in zip(test.images, test.originals, strict=True)}
    held = [original[image.numpy().tobytes()] for image in ground.pool.stored[:total]]
    assert ground.test.originals is not None
    assert not set(held) & set(ground.test.originals.tolist())
    assert len(set(zip(held, ground.originals.tolist(), strict=False))) == len(set(held)) == ground.count
    assert len(ground.originals.bincount().unique()) == 1  # as many variants of each
    assert torch.equal(ground.originals[total:] - ground.count, ground.originals[:total])


def test_samples_are_spoiled_as_they_say(ground: Ground) -> None:
    def rows(name: str, strength: float) -> Tensor:
        found = spoiled.sample(ground, name, strength).fake.rows
        assert found is not None
        return found

    total = len(ground.held.labels)
    gone = spoiled.missing(ground.held.labels)
    shares = [float(gone[rows("left_out", strength)].double().mean()) for strength in (0, 0.4, 1)]
    assert shares == pytest.approx([0.5, 0.3, 0], abs=0.03)
    assert len(rows("left_out", 0)) == pytest.approx(len(rows("left_out", 1)), abs=10)
    assert len(rows("left_out", 1).unique()) == len(rows("left_out", 1))
    assert (len(rows("repeated", 8)), len(rows("repeated", 8).unique())) == (total, round(total / 8))
    assert float((rows("copied", 0.4) >= total).double().mean()) == pytest.approx(0.4, abs=0.01)
    assert (rows("copied", 1) >= total).all()


def test_halves_hold_whole_originals(ground: Ground) -> None:
    cut = spoiled.halves(ground, 3)
    originals = spoiled.sample(ground, "copied", 0.5).originals
    for chosen in cut.chosen(originals):
        inside = originals[chosen.part.fake].unique()
        assert len(chosen.part.fake) == int(torch.isin(originals, inside).sum())
        assert len(chosen.part.fake) == pytest.approx(len(originals) / 2, rel=0.2)


SEEN = {
    "frechet_distance": "blur grain checkerboard pattern patches mixture tinted warped",
    "precision": "blur grain checkerboard pattern patches",
    "recognised": "blur grain patches smeared",
    "coverage": "blur grain patches left_out repeated",
    "blurriness": "blur",
    "sharpness": "blur grain checkerboard",
    "duplicates": "repeated",
    "nearest_train": "copied",
    "class_entropy": "left_out",
}
IGNORED = {
    "precision": "left_out repeated copied",
    "frechet_distance": "copied",
    "diversity": "left_out",
    "duplicates": "copied",
    "blurriness": "grain left_out repeated copied",
    "recognised": "checkerboard copied",
    "condition_accuracy": "copied",
}


@pytest.mark.parametrize(("asked", "lines"), [(("rises", "falls"), SEEN), (("ignores",), IGNORED)])
def test_metrics_see_what_they_must_and_mind_nothing_else(
    verdicts: Verdicts, asked: tuple[str, ...], lines: dict[str, str]
) -> None:
    for metric, names in lines.items():
        for found in (verdicts[metric, name] for name in names.split()):
            assert found.expected in asked
            assert found.fault == "", found


def test_numbers_of_spoiled_images_are_nowhere_near_those_of_real_ones(verdicts: Verdicts) -> None:
    for way in ("blur", "grain", "patches"):
        precise, named = (verdicts[metric, way].values for metric in ("precision", "recognised"))
        assert precise[0] > 0.7
        assert precise[-1] < 0.05
        assert named[0] > 0.9
        assert named[-1] < 0.25
        distances = verdicts["frechet_distance", way].values
        assert distances[-1] > 20 * distances[0]


def test_noise_does_not_hide_a_blur(ground: Ground) -> None:
    unit = spoiled.spoil(ground.held.images, "blur", 2.0)
    blurred, noisy = (
        sigma(spoiled.look(ground.panel, images).degrees) for images in (unit, spoiled.spoil(unit, "grain", 0.1))
    )
    assert blurred > 0.7
    assert noisy > blurred / 2


def test_distances_without_a_network_see_blur(ground: Ground) -> None:
    def told(metric: Any, name: str, strength: float) -> float:
        fake, originals = spoiled.sample(ground, name, strength)
        found = ground.evidence(replace(fake, originals=originals))
        (value,) = metric.of_parts(found, [found.whole()])
        return float(value["frechet_distance"])

    assert told(SlicedWasserstein, "blur", 2.0) > 2 * told(SlicedWasserstein, "blur", 0.0)
    assert told(NeighbourAccuracy, "blur", 0.0) == pytest.approx(0.5, abs=0.1)
    assert told(NeighbourAccuracy, "blur", 2.0) > 0.65


def test_a_folder_without_results_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match=r"test\.safetensors: expected .* of digits, found no such file; run `latentlab"
    ):
        spoiled.load("digits")


def test_the_page_tells_what_passes_and_keeps_other_sections(verdicts: Verdicts, tmp_path: Path) -> None:
    path, found = tmp_path / "page.md", list(verdicts.values())
    page.write(path, {page.CANDIDATES: page.candidates([["small", "own", *"123456", "7"]])})
    page.write(path, page.sections(found, ["A note."]))
    text = path.read_text()
    assert text.startswith("# What the metrics see")
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [page.SUMMARY, page.TABLE, page.WHY, page.VALUES, page.CANDIDATES]
    assert "| small | own | 1 |" in text
    summary = text.partition(f"## {page.SUMMARY}")[2].partition("\n## ")[0]
    for each in found:
        assert (f"| `{each.metric}` | {each.disturbance} | small |" in summary) == bool(each.fault)
    page.write(path, page.sections(found, ["Another note."]))
    assert "A note." not in path.read_text()


def test_a_cell_says_which_role_fails_and_which_is_otherwise() -> None:
    one, other, third = (Verdict(role, "precision", "blur", "falls", (1.0, 0.5), "") for role in ("a", "b", "c"))
    assert page.cell([one, other]) == "↓ ✓"
    failing = Verdict("b", "precision", "blur", "falls", (1.0, 1.0), "not step by step")
    assert page.cell([one, failing, third]) == "↓ ✗ b"
    assert page.cell([one, third, Verdict("d", "precision", "blur", "free", (1.0,), "")]) == "↓ ✓ (free d)"


def test_the_chart_has_a_panel_for_each_role_and_disturbance(verdicts: Verdicts) -> None:
    figure = page.chart(list(verdicts.values()))
    figure.draw_without_rendering()
    assert [axes.get_title("left") for axes in figure.axes] == [each.name.replace("_", " ") for each in DISTURBANCES]
    for axes in figure.axes:
        low, high = axes.get_ylim()
        drawn = torch.cat([torch.as_tensor(line.get_ydata()) for line in axes.lines])
        assert len(axes.lines) == len(page.SHOWN)
        assert low <= float(drawn.min()) <= float(drawn.max()) <= high  # no line leaves its panel
    for artist in (*figure.texts, *figure.axes, *figure.legends):
        box = artist.get_tightbbox()
        assert box is not None
        assert min(box.x0, box.y0) >= 0
        assert (box.x1, box.y1) <= (figure.bbox.x1, figure.bbox.y1)


def test_the_sheet_shows_each_role_at_each_step() -> None:
    _, test = digits.load(SOURCE)
    figure = spoiled.sheet({"digits": test, "others": test})
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [label.split()[0] for label in labels] == list(WAYS)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["digits", "others"]
