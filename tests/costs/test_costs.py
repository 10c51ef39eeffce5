"""What a run costs: as much as was measured where it was, and more of what is more."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from pipeline.costs import rates
from pipeline.costs.costs import Costs, Reference, costs
from pipeline.ground.plugins import ROOT as PIPELINE
from pipeline.running.record import Times

ROOT = PIPELINE.parent
NAMES = ("fc_vae", "cgan", "wgan_gp", "face_ae")
Content = dict[str, Any]


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def few(content: Content) -> Content:
    """params.yaml with four experiments of two seeds."""
    blocks = {name: content["experiments"][name] | {"seeds": [1, 2]} for name in NAMES}
    return deepcopy(content | {"experiments": blocks})


@pytest.fixture(scope="module")
def times(few: Content) -> Times:
    """A committed run: whole seconds, other ones of each stage."""
    kinds = ("train", "evaluate", "figures")
    stages = {f"{kind}@{name}": 60.0 * n for n, name in enumerate(NAMES, 1) for kind in kinds}
    stages |= {f"{kind}@{role}": 30.0 for kind in ("prepare", "classify", "referee") for role in few["data"]}
    return Times("a machine", 2, 900, stages | {"intervals": 2.0, "report": 8.0}, dict.fromkeys(NAMES, 2))


def found(content: Content, base: Content, times: Times | None, name: str = "cpu") -> Costs:
    devices = rates.load()
    return costs(content, devices[name], devices, Reference(times, base) if times else None)


def test_the_committed_run_costs_what_it_took(few: Content, times: Times) -> None:
    told = found(few, few, times)
    for name, cost in told.training.items():
        assert cost.seconds.basis == "measured"
        assert len(cost.seeds) * cost.seed_seconds == pytest.approx(times.stages[f"train@{name}"])
        assert told.measuring(name) == times.stages[f"evaluate@{name}"] + times.stages[f"figures@{name}"]
        assert told.one_by_one(name) - told.side_by_side(name) == pytest.approx(cost.seed_seconds)
    known = sum(times.stages.values())
    assert told.units.total == pytest.approx(known + told.seconds("conclude"))  # of which nothing is known


@pytest.mark.parametrize(
    ("change", "grown", "factor"),
    [
        (lambda content: content["experiments"]["cgan"].update(seeds=[1, 2, 3, 4]), "train", 2.0),
        (lambda content: content["experiments"]["cgan"].update(seeds=[1, 2, 3, 4]), "evaluate", 2.0),
        (lambda content: content["experiments"]["cgan"].update(epochs=9), "train", 3.0),
        (lambda content: content["data"]["colour"].update(train=24000), "train", 2.0),
        (lambda content: content["classifier"]["colour"].update(epochs=6), "classify", 2.0),
        (lambda content: content["referee"]["colour"].update(epochs=10), "referee", 2.0),
        (lambda content: content["data"]["colour"].update(train=24000, test=6000), "prepare", 2.0),
        (lambda content: content["experiments"]["cgan"].update(epochs=9), "evaluate", 1.0),
        (lambda content: content["experiments"]["cgan"].update(epochs=9), "figures", 1.0),
    ],
)
def test_more_takes_longer_by_as_much(
    few: Content, times: Times, change: Callable[[Content], None], grown: str, factor: float
) -> None:
    more = deepcopy(few)
    change(more)
    before, after = (found(content, few, times).units.seconds for content in (few, more))
    own = "colour" if grown in ("prepare", "classify", "referee") else "cgan"

    def spent(seconds: Any) -> float:
        return sum(each for unit, each in seconds.items() if unit.partition("#")[0] == f"{grown}@{own}")

    assert spent(after) == pytest.approx(factor * spent(before), rel=0.01)
    others = [unit for unit in before if not unit.partition("#")[0].endswith(("@colour", "@cgan", "@wgan_gp"))]
    assert all(after[unit] == before[unit] for unit in others)


def test_a_wider_model_takes_longer_to_train_and_to_evaluate(few: Content, times: Times) -> None:
    more = deepcopy(few)
    more["experiments"]["cgan"]["width"] *= 2
    before, after = (found(content, few, times) for content in (few, more))
    assert after.training["cgan"].seconds.basis == "estimated"
    assert 1.5 < after.training["cgan"].seed_seconds / before.training["cgan"].seed_seconds < 5
    assert 1 < after.units.seconds["evaluate@cgan"] / before.units.seconds["evaluate@cgan"] < 4


def test_more_draws_of_the_likelihood_are_told(few: Content, times: Times) -> None:
    more = deepcopy(few)
    more["evaluation"]["digits"]["importance_samples"] *= 8
    before, after = (found(content, few, times).units.seconds for content in (few, more))
    assert 2 < after["evaluate@fc_vae"] / before["evaluate@fc_vae"] < 8
    assert after["evaluate@cgan"] == before["evaluate@cgan"]


def test_a_gpu_is_faster_but_for_what_its_processor_does(few: Content, times: Times) -> None:
    core, card = (found(few, few, times, name) for name in ("cpu", "H100"))
    assert card.seconds("train") < core.seconds("train")
    assert card.seconds("evaluate") == pytest.approx(core.seconds("evaluate") / rates.load()["H100"].others)
    for kind in ("prepare", "figures", "report"):
        assert card.seconds(kind) == core.seconds(kind)
    assert {cost.precision for cost in card.training.values()} == {"bfloat16"}
    assert {cost.seconds.basis for cost in card.training.values()} == {"guessed"}


def test_without_a_committed_run_only_training_is_known(few: Content) -> None:
    told = found(few, few, None, "H100")
    assert told.seconds("train") == told.units.total > 0


def test_an_experiment_that_the_committed_run_lacks_is_told_too(few: Content, times: Times) -> None:
    more = deepcopy(few)
    more["experiments"]["mine"] = deepcopy(more["experiments"]["cgan"]) | {"width": 40}
    told = found(more, few, times)
    assert told.training["mine"].seconds.basis == "estimated"
    assert told.measuring("mine") > 0
    assert told.side_by_side("mine") > told.measuring("mine")
