"""The loop: it plays what it is given, to the bit, and knows nothing else."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from pipeline.data.images import ImageSet
from pipeline.errors import InputError
from pipeline.experiment import plan
from pipeline.models.base import Batch, GenerativeModel, Player
from pipeline.plugins import plugin
from pipeline.training import loop
from pipeline.training.curves import Row
from pipeline.training.loop import Run, Settings


class Toy(GenerativeModel):
    """Two players, each with one number of its own."""

    pixels = "unit"
    conditional = False
    latent = 1

    def __init__(self, repeat: int = 1) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.a.weight)
        nn.init.ones_(self.b.weight)
        self.repeat = repeat
        self.seen: list[str] = []
        self.means: list[float] = []

    def players(self) -> Sequence[Player]:
        return (
            Player("a", (self.a,), self._a, self.repeat, lambda: self.seen.append("after a")),
            Player("b", (self.b,), self._b),
        )

    def _a(self, batch: Batch) -> dict[str, Tensor]:
        self.seen.append("a")
        return {"product": (self.a.weight * self.b.weight).sum(), "brightness": batch.images.mean()}

    def _b(self, batch: Batch) -> dict[str, Tensor]:
        self.seen.append("b")
        self.means.append(batch.images.mean().item())
        return {"product": -(self.a.weight * self.b.weight).sum()}

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.randn(count, 1, generator=generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return torch.zeros(len(latents), 1, 28, 28)


def _settings(names: Sequence[str] = ("a", "b"), batch: int = 16, epochs: int = 2, rate: float = 0.1) -> Settings:
    optimisers = {name: {"algorithm": "adam", "learning_rate": rate} for name in names}
    return Settings.model_validate({"batch": batch, "epochs": epochs, "optimisers": optimisers, "precision": "float32"})


def _ignore(row: Row) -> None: ...


def _vae(content: dict[str, Any], tiny: ImageSet, name: str = "fc_vae", **changes: Any) -> Run:
    block = content["experiments"][name] | {"hidden": 24, "batch": 16, "epochs": 4} | changes
    family, network = plugin("models", block["family"]), plugin("networks", block["network"])
    parts = plan(block, name, family.Settings, network.Settings, loop.Settings)
    torch.manual_seed(0)
    model = family.build(parts.model, network.build(parts.network, tiny.shape), len(tiny.classes))
    return Run(model, tiny, parts.training, 0)


def test_players_take_turns_repeat_and_tell(tiny: ImageSet) -> None:
    model = Toy(repeat=3)
    Run(model, tiny, _settings(epochs=1), 0).train(_ignore)
    assert model.seen[:7] == ["a", "after a", "a", "after a", "a", "after a", "b"]
    assert len(model.seen) == 7 * (len(tiny) // 16)


def test_a_player_moves_its_own_weights_only(tiny: ImageSet) -> None:
    model = Toy()
    run = Run(model, tiny, _settings(), 0)
    batch = Batch(torch.zeros(1, 1, 28, 28), torch.zeros(1, 10), torch.Generator())
    before = model.b.weight.clone()
    run._play(run.players[0], batch)
    assert model.a.weight.item() < 1
    assert torch.equal(model.b.weight, before)
    assert model.b.weight.grad is None  # nothing computed, nothing left over


def test_every_full_batch_of_an_epoch_is_seen_once_and_orders_differ(tiny: ImageSet) -> None:
    run = Run(Toy(), tiny, _settings(batch=32), 0)
    first, second = run._order(0), run._order(1)
    assert first.sort().values.tolist() == second.sort().values.tolist() == list(range(len(tiny)))
    assert not torch.equal(first, second)
    assert not torch.equal(first, Run(Toy(), tiny, _settings(batch=32), 1)._order(0))


def test_the_curve_holds_means_over_iterations_not_the_last_minibatch(tiny: ImageSet) -> None:
    """The known fault: the last minibatch's loss reported as the average."""
    model = Toy()
    run = Run(model, tiny, _settings(batch=16, epochs=3), 0, points=4)
    run.train(_ignore)
    assert run.every == 5
    brightness = [row["a_brightness"] for row in run.curve]
    chunks = [model.means[i : i + 5] for i in range(0, len(model.means), 5)]
    assert brightness == pytest.approx([sum(chunk) / len(chunk) for chunk in chunks], rel=1e-5)
    assert [row["iteration"] for row in run.curve] == [5, 10, 15, 18]
    assert run.curve[-1]["images_seen"] == 18 * 16
    assert run.curve[-1]["epoch"] == 3


def test_one_optimiser_lives_through_all_epochs(tiny: ImageSet, content: dict[str, Any]) -> None:
    """The known fault: an optimiser built anew every epoch."""
    run = _vae(content, tiny)
    run.train(_ignore)
    steps = {slots["step"].item() for slots in run.optimisers["vae"].state_dict()["state"].values()}
    assert steps == {run.total} == {24}


def test_every_experiment_learns_and_ends_in_evaluation_mode(
    experiment: str, tiny: ImageSet, content: dict[str, Any]
) -> None:
    """The known fault: samples drawn in train mode. Every weight of every player moves, and the loss falls."""
    run = _vae(content, tiny, experiment, epochs=6)
    before = {name: weight.clone() for name, weight in run.model.named_parameters()}
    run.train(_ignore)
    assert not run.model.training
    assert all(not torch.equal(before[name], weight) for name, weight in run.model.named_parameters())
    assert run.curve[-1]["loss"] < run.curve[0]["loss"]


def _weights(run: Run) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in run.model.state_dict().items()}


@pytest.mark.parametrize("stop", [1, 7, 23])
def test_a_restored_run_is_bit_identical(stop: int, tiny: ImageSet, content: dict[str, Any]) -> None:
    whole = _vae(content, tiny)
    whole.train(_ignore)

    class Stop(Exception): ...

    broken = _vae(content, tiny)
    states = []

    def boundary(row: Row) -> None:
        if broken.iteration == stop:
            states.append(broken.state())
            raise Stop

    with pytest.raises(Stop):
        broken.train(boundary)
    torch.manual_seed(99)  # whatever the global generator does must not matter
    resumed = _vae(content, tiny)
    resumed.restore(states[0])
    resumed.train(_ignore)
    assert all(torch.equal(tensor, _weights(whole)[name]) for name, tensor in _weights(resumed).items())
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in run.curve] for run in (whole, resumed)]
    assert timeless[0] == timeless[1]


def test_seeds_differ_and_the_same_seed_does_not(tiny: ImageSet, content: dict[str, Any]) -> None:
    runs = [_vae(content, tiny) for _ in range(3)]
    runs[2].seed, runs[2].generator = 1, torch.Generator().manual_seed(5)
    for run in runs:
        run.train(_ignore)
    first, second, third = (_weights(run)["decoder.layers.0.weight"] for run in runs)
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_a_loss_that_is_not_finite_stops_before_its_state_is_kept(tiny: ImageSet, content: dict[str, Any]) -> None:
    run = _vae(content, tiny, optimisers={"vae": {"algorithm": "adam", "learning_rate": 1e6}}, epochs=20)
    kept: list[Row] = []
    with pytest.raises(InputError, match=r"\w+ is (nan|inf) between iterations \d+ and \d+ of 120"):
        run.train(kept.append)
    assert all(math.isfinite(value) for row in kept for value in row.values())


def test_settings_that_do_not_fit_are_named(tiny: ImageSet) -> None:
    with pytest.raises(InputError, match="optimisers: expected one for each of a, b, found a"):
        Run(Toy(), tiny, _settings(["a"]), 0)
    with pytest.raises(InputError, match="batch: expected at most the 96 training images, found 97"):
        Run(Toy(), tiny, _settings(batch=97), 0)


@pytest.mark.parametrize("algorithm", ["adam", "rmsprop"])
def test_optimisers_are_torchs_with_the_given_settings(algorithm: str) -> None:
    weight = nn.Parameter(torch.ones(1))
    settings = loop.Optimiser.model_validate({"algorithm": algorithm, "learning_rate": 0.01, "weight_decay": 0.1})
    group = loop._optimiser(settings, [weight]).param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.01, 0.1)
    assert group.get("betas", (0.9, 0.999)) == (0.9, 0.999)
