from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from pipeline.contracts.training_progress import Moment
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import generators
from pipeline.evaluation.metrics.generators import collapse


def moments(
    distances: Sequence[float], diversities: Sequence[float] | None = None, drawer: str = "generator"
) -> list[Moment]:
    """At iterations 100, 200, ...; as varied as real images if nothing else is said."""
    found = diversities or [1.0] * len(distances)
    return [
        Moment(100 * i, 3200 * i, drawer, {"frechet_distance": distance, "diversity": diversity})
        for i, (distance, diversity) in enumerate(zip(distances, found, strict=True), 1)
    ]


IMPROVING = (90.0, 50.0, 30.0, 20.0, 15.0, 12.0)


@pytest.mark.parametrize(
    ("distances", "diversities"),
    [
        pytest.param(IMPROVING, (0.1, 0.3, 0.5, 0.7, 0.8, 0.9), id="steady"),
        pytest.param((90, 20, 70, 80, 25, 21), None, id="far and back"),
        pytest.param((90, 20, 25, 40, 40, 40), None, id="up to twice the best"),
        pytest.param(IMPROVING, (0.4, 0.9, 0.2, 0.3, 0.5, 0.9), id="alike and back"),
        pytest.param((90, 50, 20, 21, 20, 70), (0.9, 0.9, 0.9, 0.9, 0.9, 0.2), id="a single last moment"),
        pytest.param((90, 91, 89, 90, 92, 90), (0.15, 0.2, 0.2, 0.19, 0.2, 0.15), id="never good"),
        pytest.param((90, 20, 22, 25, 24, 23), (4.0, 3.0, 0.9, 0.6, 0.8, 0.9), id="wild at first"),
        pytest.param(IMPROVING, (0.9, 0.8, 0.4, 0.3, 0.4, 0.4), id="best when alike"),
        pytest.param((90, 50, 20, 22), (0.02, 0.05, 0.3, 0.4), id="late to vary"),
        pytest.param((30,), None, id="one moment"),
    ],
)
def test_no_collapse(distances: Sequence[float], diversities: Sequence[float] | None) -> None:
    assert collapse(moments(distances, diversities)) is None


@pytest.mark.parametrize(
    ("distances", "diversities", "began"),
    [
        pytest.param((90, 20, 25, 60, 80, 70), None, 400, id="far"),
        pytest.param((90, 20, 70, 30, 80, 70), None, 500, id="far for the second time"),
        pytest.param((90, 50, 20, 22, 24, 25), (0.5, 0.8, 1.0, 0.9, 0.4, 0.3), 500, id="alike"),
        pytest.param((90, 50, 20, 22, 24, 25), (0.5, 0.8, 1.8, 0.9, 0.4, 0.3), 500, id="alike after wild"),
        pytest.param((90, 20, 25, 30, 80, 70), (0.5, 0.8, 0.9, 0.4, 0.3, 0.3), 400, id="first alike, then far"),
        pytest.param((90, 20, 25, 60, 80, 70), (0.5, 0.8, 0.9, 0.7, 0.3, 0.3), 400, id="first far, then alike"),
        pytest.param((90, 88, 89, 87, 88, 88), (0.03, 0.01, 0.0, 0.02, 0.0, 0.0), 100, id="never varied"),
        pytest.param((90, 88, 70, 87, 88, 88), (0.05, 0.2, 0.15, 0.09, 0.05, 0.09), 400, id="varied a little"),
        pytest.param((90, 50, 20, 21, 20, 70), (0.9, 0.9, 0.9, 0.9, 0.9, 0.02), 600, id="one image at the end"),
        pytest.param((30,), (0.0,), 100, id="one moment"),
    ],
)
def test_collapse_begins_with_the_last_bad_stretch(
    distances: Sequence[float], diversities: Sequence[float] | None, began: int
) -> None:
    assert collapse(moments(distances, diversities)) == began


def test_the_average_does_not_count() -> None:
    bad, good = (90.0, 20.0, 25.0, 60.0, 80.0, 70.0), IMPROVING
    assert collapse([*moments(bad, drawer="average"), *moments(good)]) is None
    assert collapse([*moments(good, drawer="average"), *moments(bad)]) == 400
    assert collapse(moments(bad, drawer="average")) is None
    assert collapse([]) is None


def test_the_unit_does_not_matter() -> None:
    """Neither that of the features nor that of time."""
    for scale in (1e-3, 1.0, 1e5):
        assert collapse(moments([scale * distance for distance in (9, 2, 2.5, 6, 8, 7)])) == 400
    late = [replace(moment, iteration=7 * moment.iteration) for moment in moments((9, 2, 2.5, 6, 8, 7))]
    assert collapse(late) == 2800


def evidence_of(make_evidence: Callable[..., Evidence], found: Sequence[Moment]) -> Evidence:
    return replace(make_evidence(), moments=found, drawn_by="generator")


def test_final_best_and_average(make_evidence: Callable[..., Evidence]) -> None:
    found = [*moments((9.0, 4.0, 5.0, 6.0)), *moments((8.0, 7.0, 3.0, 3.5), drawer="average")]
    found.sort(key=lambda moment: moment.iteration)
    assert generators.measure(evidence_of(make_evidence, found)) == {
        "final_frechet_distance": 6.0,
        "best_frechet_distance": 4.0,
        "average_frechet_distance": 3.5,
        "progress_frechet_distance": 6.0,
        "best_at": 0.5,
        "collapsed": 0.0,
    }


def test_the_average_may_lack(make_evidence: Callable[..., Evidence]) -> None:
    values = generators.measure(evidence_of(make_evidence, moments(IMPROVING)))
    assert values["best_frechet_distance"] == values["final_frechet_distance"]
    assert values["best_at"] == 1
    assert not [name for name in values if name.startswith("average")]


def test_collapse_is_told(make_evidence: Callable[..., Evidence]) -> None:
    values = generators.measure(evidence_of(make_evidence, moments((90, 20, 25, 60, 80, 70))))
    assert (values["collapsed"], values["collapse_iteration"]) == (1, 400)


def with_values(found: Sequence[Moment], **columns: Sequence[float]) -> list[Moment]:
    return [
        replace(moment, values={**moment.values, **{name: column[i] for name, column in columns.items()}})
        for i, moment in enumerate(found)
    ]


def test_accuracy_is_the_mean_over_lists(make_evidence: Callable[..., Evidence]) -> None:
    """The best accuracy may be at another moment than the best distance."""
    own = with_values(
        moments((9.0, 4.0, 5.0)),
        condition_accuracy=(0.9, 0.9, 0.9),
        test_accuracy=(0.1, 0.2, 0.6),
        new_test_accuracy=(0.3, 0.8, 0.2),
    )
    averaged = with_values(
        moments((9.0, 4.0, 5.0), drawer="average"), test_accuracy=(0.0, 0.0, 0.5), new_test_accuracy=(0.0, 0.0, 0.7)
    )
    values = generators.measure(evidence_of(make_evidence, [*own, *averaged]))
    accuracies = [values[f"{name}_accuracy"] for name in ("final", "best", "average")]
    assert accuracies == pytest.approx([0.4, 0.5, 0.6])


def test_accuracy_without_lists(make_evidence: Callable[..., Evidence]) -> None:
    found = with_values(moments((9.0, 4.0, 5.0)), condition_accuracy=(0.4, 0.7, 0.5))
    values = generators.measure(evidence_of(make_evidence, found))
    assert (values["final_accuracy"], values["best_accuracy"]) == (0.5, 0.7)


def test_recognised_is_averaged_over_moments(make_evidence: Callable[..., Evidence]) -> None:
    found = with_values(moments((9.0, 4.0, 5.0)), recognised=(0.1, 0.2, 0.6))
    assert generators.measure(evidence_of(make_evidence, found))["progress_recognised"] == pytest.approx(0.3)


@pytest.mark.parametrize("conditional", [True, False])
def test_measure_applies_to_every_adversarial_model(make_evidence: Callable[..., Evidence], conditional: bool) -> None:
    values = generators.measure(make_evidence(conditional=conditional, adversarial=True))
    expected = {name for name in generators.BETTER if conditional or not name.endswith(("accuracy", "recognised"))}
    assert values.keys() == expected


def test_nothing_without_moments(make_evidence: Callable[..., Evidence]) -> None:
    assert generators.measure(make_evidence(conditional=True)) == {}
