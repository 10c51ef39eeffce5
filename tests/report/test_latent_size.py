import itertools
from dataclasses import replace

import pytest
import reported
import torch
from matplotlib.figure import Figure

from pipeline.report import latent_size
from pipeline.report.latent_size import AdviceRun
from pipeline.statistics.measurements import Measured

RUNS = (
    AdviceRun("vae_latent60_with_a_long_name", 60, 12.5, False, 98.7),
    AdviceRun("fc_cvae", 15, 6.0, True, 105.1),
    AdviceRun("fc_vae", 15, 12.0, False, None),
    AdviceRun("fc_vae_latent10", 10, 10.0, False, 101.0),
)
SIZES = {"plain10": (10, 6.8, 78.0), "plain15": (15, 6.2, 78.6), "plain60": (60, 10.0, 81.0)}


def large(nll: float, scatter: float = 0.1) -> list[AdviceRun]:
    """Three sizes without, and a latent of 60 that is regularised and has this -log p(x), as `runs` finds them."""
    rest = {"data": "digits", "family": "vae", "conditional": False, "likelihood": "bernoulli"}
    sizes = SIZES | {"regularised60": (60, 9.3, nll)}
    experiments = {name: {**rest, "latent": latent} for name, (latent, _, _) in sizes.items()}
    experiments["regularised60"]["beta_warmup"] = 600
    spread = torch.tensor([-1.0, 0.0, 1.0]) * scatter
    found = {
        name: reported.measured(
            0,
            1,
            2,
            active_units=Measured("neither", (used,) * 3),
            nll=Measured("lower", tuple((value + spread).tolist())),
        )
        for name, (_, used, value) in sizes.items()
    }
    return latent_size.runs(experiments, found, "digits")


def test_singular_values_of_a_diagonal_covariance() -> None:
    # All 16 combinations of signs: four uncorrelated pixels, each +- its deviation about 100.
    deviations = torch.tensor([3, 40, 7, 25])
    signs = torch.tensor(list(itertools.product((-1, 1), repeat=4)))
    images = (100 + signs * deviations).to(torch.uint8).view(16, 1, 2, 2)
    wanted = torch.tensor([40, 25, 7, 3], dtype=torch.float64) * 16**0.5 / 255
    torch.testing.assert_close(latent_size.singular_values(images), wanted)


def test_singular_values_agree_with_the_decomposition_of_a_gaussian_sample() -> None:
    draw = torch.Generator().manual_seed(0)
    scales = torch.tensor([60.0, 30, 15, 8, 4, 2])
    images = (128 + scales * torch.randn(4500, 6, generator=draw)).clamp(0, 255).to(torch.uint8).view(-1, 3, 1, 2)
    pixels = images.flatten(1).double() / 255
    wanted = torch.linalg.svdvals(pixels - pixels.mean(0))
    torch.testing.assert_close(latent_size.singular_values(images), wanted)


def test_fewer_images_than_pixels() -> None:
    images = torch.randint(256, (3, 1, 3, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    values = latent_size.singular_values(images)
    assert values.shape == (9,)
    assert (values[:2] > 0.1).all()
    assert (values[2:] < 1e-5).all()


@pytest.mark.parametrize(("share", "count"), [(0.8, 2), (0.9, 3), (0.95, 3), (1.0, 4), (0.1, 1)])
def test_needed(share: float, count: int) -> None:
    explained = torch.tensor([0.5, 0.8, 0.95, 1.0], dtype=torch.float64)
    assert latent_size.needed(explained, share) == count


def drawn(runs: tuple[AdviceRun, ...], decay: float = -1) -> Figure:
    figure = latent_size.draw(torch.logspace(2, decay, 100, dtype=torch.float64), runs)
    figure.draw_without_rendering()
    return figure


@pytest.mark.parametrize("decay", [-100, -1, 1.9])  # one component is enough, or some, or nearly all are needed
@pytest.mark.parametrize("runs", [RUNS, RUNS[:1], RUNS[1:2] * 20, (), tuple(large(76.0)), (*RUNS, *large(78.0))])
def test_everything_is_labelled_apart_and_inside(runs: tuple[AdviceRun, ...], decay: float) -> None:
    figure = drawn(runs, decay)
    assert len(figure.axes) == (2 if runs else 1)
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        texts += [axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    texts += [text for legend in figure.legends for text in legend.get_texts()]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)


def test_marks_how_many_components_are_needed() -> None:
    values = torch.logspace(2, -1, 100, dtype=torch.float64)
    explained = values.square().cumsum(0) / values.square().sum()
    wanted = [f"{share:.0%}: {latent_size.needed(explained, share)}" for share in (0.95, 0.9, 0.8)]
    assert [text.get_text() for text in drawn(()).axes[0].texts] == wanted


def test_bars_say_what_is_used_of_how_much() -> None:
    figure = drawn(RUNS)
    axes = figure.axes[1]
    assert [text.get_text() for text in axes.texts] == [
        "10 of 10 (101.0)",
        "12 of 15",
        "12.5 of 60 (98.7)",
        "6 of 15 (105.1)",
    ]
    assert [text.get_text() for text in axes.get_yticklabels()][1::2] == ["fc_vae", "fc_cvae"]
    has, uses = axes.containers
    assert [bar.get_width() for bar in has] == [10, 15, 60, 15]
    assert [bar.get_width() for bar in uses] == [10, 12, 12.5, 6]
    assert "nats" in figure.texts[1].get_text()
    assert "nats" not in drawn(tuple(replace(run, nll=None) for run in RUNS)).texts[1].get_text()


def test_runs_are_those_of_one_roles_images_that_count_their_active_units() -> None:
    """A face VAE's thousand dimensions say nothing about digits."""
    used = reported.measured(0, active_units=Measured("neither", (3.0,)), nll=Measured("lower", (80.0,)))
    experiments = {
        "a_vae": {"data": "digits", "latent": 5, "conditional": True},
        "a_face_vae": {"data": "faces", "latent": 1024},
        "a_gan": {"data": "digits", "latent": 100},
    }
    game = reported.measured(0, frechet_distance=Measured("lower", (1.0,)))
    found = {"a_vae": used, "a_face_vae": used, "a_gan": game}
    (run,) = latent_size.runs(experiments, found, "digits")
    assert replace(run, series="") == AdviceRun("a_vae", 5, 3.0, True, 80.0)


def test_a_weight_or_a_schedule_regularises_and_a_series_differs_in_nothing_else() -> None:
    used = reported.measured(0, active_units=Measured("neither", (3.0,)))
    block = {"data": "digits", "latent": 5, "conditional": False, "layers": 3, "seeds": [0]}
    experiments = {
        "plain": block,
        "said": block | {"beta": 1.0, "beta_warmup": 0, "latent": 7, "seeds": [0, 1]},
        "weighed": block | {"beta": 2.0},
        "warmed": block | {"beta_warmup": 9},
        "deeper": block | {"layers": 4},
    }
    found = latent_size.runs(experiments, dict.fromkeys(experiments, used), "digits")
    assert [run.name for run in found if run.regularised] == ["weighed", "warmed"]
    assert [run.name for run in found if run.series != found[0].series] == ["deeper"]
    pair = latent_size.largest(found)
    assert pair is not None
    assert [run.name for run in pair] == ["weighed", "plain"]
    assert latent_size.largest([run for run in found if run.name != "plain"]) is None
    assert latent_size.largest(found[:2]) is None


@pytest.mark.parametrize(
    ("nll", "scatter", "words"),
    [
        (76.0, 0.1, ["Z = 60", "regularise it", "regularised60 uses 9.3 of its 60", "by 2.00 ±", "than with 10"]),
        (80.0, 0.1, ["Z = 10", "likeliest", "by 2.00 ±", "than under regularised60"]),
        (77.9, 2.0, ["Z = 10", "the smallest tried that holds", "9.3 of its 60", "cannot be told"]),
    ],
)
def test_the_advice_goes_by_what_is_likelier_beyond_chance(nll: float, scatter: float, words: list[str]) -> None:
    runs = large(nll, scatter)
    advice = latent_size.advice(runs)
    assert all(word in advice for word in words), advice
    assert advice in drawn(tuple(runs)).texts[1].get_text().replace("\n", " ")


def test_what_is_used_decides_which_size_is_enough() -> None:
    runs = [replace(run, active_units=10.5) if run.regularised else run for run in large(77.9, 2.0)]
    assert "Z = 15, the smallest" in latent_size.advice(runs)


def test_without_a_regularised_latent_there_is_no_advice() -> None:
    for runs in (RUNS, large(76.0)[:3], large(76.0)[3:], [replace(run, nll=None) for run in large(76.0)]):
        assert latent_size.advice(runs) == ""
        assert not drawn(tuple(runs)).texts[1].get_text().startswith("We")


def test_the_curve_is_marked_where_the_large_latents_use_so_many() -> None:
    axes = drawn(tuple(large(76.0))).axes[0]
    squares = {line.get_xdata()[0] for line in axes.lines if line.get_marker() == "s"}  # type: ignore[index]
    assert squares == {9.3, 10.0}
    assert {"9.3: regularised60", "10: plain60"} <= {text.get_text() for text in axes.texts}
