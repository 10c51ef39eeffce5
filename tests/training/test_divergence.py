"""A run that diverges stops at the next point of its curve, in one line, and what was good before it is kept."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Generator, Tensor, nn

from pipeline.contracts import checkpoint, images
from pipeline.contracts.curves import Row
from pipeline.contracts.images import ImageSet
from pipeline.contracts.model import Batch, GenerativeModel, Player
from pipeline.ground import plugins
from pipeline.ground.errors import InputError
from pipeline.training import loop, seeds
from pipeline.training.experiment import plan
from pipeline.training.loop import Run, Settings

CONTENT: dict[str, Any] = yaml.safe_load((plugins.ROOT.parent / "params.yaml").read_text())
EACH = {(block["family"], block["network"]): name for name, block in reversed(CONTENT["experiments"].items())}
SMALL = {"hidden": 16, "width": 4, "seen": 4, "batch": 8, "epochs": 3, "snapshots": 0, "precision": "float32"}


def pictures(role: str) -> ImageSet:
    """Forty images as a role's are."""
    layout, noise = plugins.load("data", role).LAYOUT, Generator().manual_seed(0)
    labels = torch.eye(len(layout.classes), dtype=torch.uint8)[torch.arange(40) % len(layout.classes)]
    made = torch.randint(0, 256, (40, *layout.shape), generator=noise, dtype=torch.uint8)
    return ImageSet(made, labels, torch.arange(40), layout.classes, layout.kind, "noise")


def entry(name: str, **changes: Any) -> dict[str, Any]:
    block = copy.deepcopy(CONTENT["experiments"][name])
    return block | {key: value for key, value in SMALL.items() if key in block} | changes


def training(name: str, block: dict[str, Any]) -> seeds.Training:
    family, network = plugins.load("models", block["family"]), plugins.load("networks", block["network"])
    checked = plan(block, f"experiments.{name}", family.Settings, network.Settings, loop.Settings)
    return seeds.Training(name, block, checked, torch.device("cpu"), save_every=0)


def started(name: str, points: int, **changes: Any) -> Run:
    asked = training(name, entry(name, **changes))
    data = pictures(asked.plan.experiment.data)
    torch.manual_seed(0)
    return Run(checkpoint.build(asked.header(data, 0)), data, asked.plan.training, 0, points)


def nothing(_: Any) -> None: ...


def stopped(run: Run, passed: Callable[[], None]) -> tuple[str, list[Row]]:
    """What a run says that must stop, and the points of its curve before."""
    kept: list[Row] = []
    with pytest.raises(InputError) as error:
        run.train(kept.append, passed)
    assert "\n" not in str(error.value)
    return str(error.value), kept


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", EACH.values())
def test_every_player_with_a_bad_weight_stops_within_an_interval(name: str, value: float) -> None:
    for player in range(len(started(name, 1).players)):
        run = started(name, points=5)

        def poison(run: Run = run, player: int = player) -> None:
            if run.iteration == run.every + 1:
                with torch.no_grad():
                    run.weights[run.players[player].name][0].data[0] = value

        said, kept = stopped(run, poison)
        assert len(kept) == 1
        assert f"between iterations {run.every} and {min(2 * run.every, run.total)} of {run.total}" in said
        assert " is nan " in said or " is inf " in said
        assert all(math.isfinite(number) for row in kept for number in row.values())


@pytest.mark.parametrize("name", ["fc_vae", "fc_cvae", "face_ae", "cgan", "face_acgan", "scenes_cvae"])
def test_ten_thousand_times_the_learning_rate_is_refused_before_it_trains(name: str) -> None:
    block = entry(name)
    for player, optimiser in block["optimisers"].items():
        optimiser["learning_rate"] = 1e4 * float(optimiser["learning_rate"])
        with pytest.raises(InputError, match=rf"optimisers\.{player}\.learning_rate: .* less than or equal to 1"):
            training(name, block)


@pytest.mark.parametrize("name", ["fc_vae", "fc_cvae", "scenes_cvae"])
def test_the_largest_learning_rate_that_is_allowed_diverges_in_one_line(name: str) -> None:
    block = entry(name, epochs=40)
    for optimiser in block["optimisers"].values():
        optimiser["learning_rate"] = 1.0
    said, _ = stopped(started(name, points=10, **block), lambda: None)
    assert " between iterations " in said
    assert said.endswith("a smaller learning rate may help")


class Blind(GenerativeModel):
    """One number a player and a norm. The loss is 0 and its gradient nan from the given iteration on, which no loss
    tells, as each is of the weights before their update.
    """

    pixels = "unit"
    conditional = False
    latent = 1

    def __init__(self, last: int) -> None:
        super().__init__()
        self.own, self.norm, self.last, self.turn = nn.Linear(1, 1, bias=False), nn.BatchNorm2d(1), last, 0

    def players(self) -> tuple[Player, ...]:
        return (Player("own", (self.own,), self.terms),)

    def terms(self, batch: Batch) -> dict[str, Tensor]:
        self.turn += 1
        nothing = (self.own.weight - self.own.weight.detach()).sum()
        return {"nothing": nothing.abs().sqrt() if self.turn == self.last else 0 * nothing}

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.zeros(count, 1)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return torch.zeros(len(latents), 1, 28, 28)


OWN = Settings.model_validate(
    {"batch": 10, "epochs": 3, "precision": "float32", "optimisers": {"own": {"learning_rate": 0.1}}}
)


def test_the_last_update_of_all_is_looked_at() -> None:
    said, kept = stopped(Run(Blind(last=12), pictures("digits"), OWN, 0, points=4), lambda: None)
    assert said.startswith("root mean square of own.weight is nan between iterations 9 and 12 of 12")
    assert len(kept) == 3


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_statistics_and_averages_that_no_loss_looks_at_are_looked_at(value: float) -> None:
    run = Run(Blind(last=0), pictures("digits"), OWN, 0, points=4)
    said, _ = stopped(run, lambda: nothing(run.model.get_buffer("norm.running_var").fill_(value)))
    assert "norm.running_var is" in said
    game = started("cgan", points=4)
    average = game.model.get_parameter("generator.average.layers.0.convolution.weight")
    said, _ = stopped(game, lambda: nothing(average.data[0].fill_(value)))
    assert "generator.average" in said


def test_a_gradient_whose_square_overflows_stops_though_adam_then_stands_still() -> None:
    run = Run(Blind(last=0), pictures("digits"), OWN, 0, points=4)

    def passed() -> None:
        run.optimisers["own"].state_dict()["state"][0]["exp_avg_sq"].fill_(math.inf)

    said, _ = stopped(run, passed)
    assert "own's average exp_avg_sq.0 is inf" in said


def test_weights_that_run_away_stop_though_every_loss_is_finite() -> None:
    run = Run(Blind(last=0), pictures("digits"), OWN, 0, points=4)
    said, _ = stopped(run, lambda: nothing(run.model.get_parameter("own.weight").data.fill_(2 * loop.FAR)))
    assert said.startswith("root mean square of own.weight is 200 between iterations 0 and 3 of 12")


@pytest.mark.parametrize("name", ["face_ae", "face_vae"])
@pytest.mark.parametrize("mixture", [1, 3])
def test_codes_that_are_not_finite_are_not_fitted(name: str, mixture: int) -> None:
    run = started(name, 1, mixture=mixture, latent=3)
    bias = run.model.get_parameter("encoder.head.bias")
    bias.data[0] = math.nan
    batch = run._batch(torch.arange(4))
    with pytest.raises(InputError, match=r"of 4 of 4 training images are not finite"), torch.no_grad():
        run.model.settle([batch])


def test_a_batch_of_one_is_refused_where_a_norm_needs_two() -> None:
    with pytest.raises(InputError, match="batch: expected 2 or more, as this network normalises over the images"):
        started("scenes_cvae", 1, batch=1)


def test_a_seed_that_diverges_costs_no_other_and_no_earlier_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seed 1 of three; it is trained again with fewer seeds, and the others are not."""
    monkeypatch.chdir(tmp_path)
    images.save(pictures("digits"), Path("data/prepared/digits/train.safetensors"))
    earlier = tmp_path / "results/models/fc_vae/seed0.safetensors"
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(b"good")
    build = checkpoint.build

    def poisoned(header: checkpoint.Header) -> GenerativeModel:
        model = build(header)
        if header.seed == 1:
            next(model.parameters()).data.fill_(math.nan)
        return model

    monkeypatch.setattr(checkpoint, "build", poisoned)
    asked = training("fc_vae", entry("fc_vae", seeds=[0, 2, 1]))
    monkeypatch.setattr("pipeline.ground.parallel.torch.get_num_threads", lambda: 1)
    for seed in (0, 2):
        asked.seed(seed, lambda *_: None)
    with pytest.raises(InputError) as error:
        asked.train(asked.untrained(), lambda *_: None)
    assert str(error.value).startswith("train fc_vae seed 1: reconstruction is nan between iterations 0 and 1 of ")
    assert str(error.value).endswith("no state was good")
    assert "\n" not in str(error.value)
    assert asked.untrained() == [1]
    assert earlier.read_bytes() == b"good"
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]
    fewer = replace(asked, plan=training("fc_vae", entry("fc_vae", seeds=[0, 2])).plan)
    assert fewer.untrained() == []
    fewer.write()
    assert sorted(path.name for path in earlier.parent.glob("*.safetensors")) == [
        "seed0.safetensors",
        "seed2.safetensors",
    ]
