"""The loop: it plays what it is given, to the bit, and knows nothing else."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from pipeline.contracts.curves import Row
from pipeline.contracts.images import ImageSet, Kind, scale
from pipeline.contracts.model import Batch, GenerativeModel, Player
from pipeline.ground import plugins
from pipeline.ground.errors import InputError
from pipeline.training import loop
from pipeline.training.experiment import plan
from pipeline.training.loop import Run, Settings
from pipeline.training.resume import Place


class Toy(GenerativeModel):
    """Two players, each with one number of its own."""

    pixels = "unit"
    conditional = False
    latent = 1

    def __init__(self, repeat: int = 1, fresh: bool = False) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.a.weight)
        nn.init.ones_(self.b.weight)
        self.repeat, self.fresh = repeat, fresh
        self.seen: list[str] = []
        self.means: list[float] = []  # of the batches that b saw
        self.shown: list[float] = []  # of those that a saw

    def players(self) -> Sequence[Player]:
        return (
            Player("a", (self.a,), self._a, self.repeat, self.fresh, lambda: self.seen.append("after a")),
            Player("b", (self.b,), self._b),
        )

    def _a(self, batch: Batch) -> dict[str, Tensor]:
        self.seen.append("a")
        self.shown.append(batch.images.mean().item())
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


SMALL = {"hidden": 24, "width": 4, "batch": 16, "epochs": 4}  # where an entry has the key


def _run(content: dict[str, Any], tiny: ImageSet, name: str = "fc_vae", **changes: Any) -> Run:
    """An experiment's run at a size for tests."""
    block = content["experiments"][name]
    block = block | {key: value for key, value in SMALL.items() if key in block} | changes
    family, network = plugins.load("models", block["family"]), plugins.load("networks", block["network"])
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
    run._play(run.players[0], [batch])
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
    run = _run(content, tiny)
    run.train(_ignore)
    steps = {slots["step"].item() for slots in run.optimisers["vae"].state_dict()["state"].values()}
    assert steps == {run.total} == {24}


def test_every_experiment_learns_and_ends_in_evaluation_mode(
    experiment: str, tiny: ImageSet, content: dict[str, Any]
) -> None:
    """The known fault: samples drawn in train mode. Every weight of every player moves; with one player the loss falls,
    with opponents it stays finite."""
    run = _run(content, _like(tiny, content["experiments"][experiment]["data"]), experiment, epochs=6)
    before = {name: weight.clone() for name, weight in run.model.named_parameters()}
    run.train(_ignore)
    assert not run.model.training
    still = [weight for name, weight in run.model.named_parameters() if torch.equal(before[name], weight)]
    bound = content["experiments"][experiment].get("strength")  # norms' gains start and stay at a critic's clip
    assert all(bound is not None and torch.allclose(weight, torch.tensor(bound)) for weight in still)
    if len(run.players) == 1:
        assert run.curve[-1]["loss"] < run.curve[0]["loss"]
    assert {f"{player.name}_loss" for player in run.players if len(run.players) > 1} <= set(run.curve[0])
    assert "loss" in run.curve[0]


def _like(tiny: ImageSet, role: str) -> ImageSet:
    """The tiny images in the form of a role's."""
    shape = {"digits": (1, 28, 28), "colour": (3, 32, 32), "scenes": (3, 64, 64), "faces": (3, 64, 64)}[role]
    if shape == tiny.shape:
        return tiny
    images = torch.nn.functional.interpolate(tiny.images.float(), shape[1:]).to(torch.uint8).expand(-1, 3, -1, -1)
    classes = 24 if role == "scenes" else 10
    labels = torch.nn.functional.pad(tiny.labels, (0, classes - 10))
    kinds: dict[str, Kind] = {"scenes": "objects", "faces": "attributes"}
    kind = kinds.get(role, "classes")
    if kind != "classes":
        labels = labels | labels.roll(3, 1)
    return replace(tiny, images=images, labels=labels, classes=tuple(map(str, range(classes))), kind=kind)


def _weights(run: Run) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in run.model.state_dict().items()}


@pytest.mark.parametrize("stop", [1, 7, 23])
def test_a_restored_run_is_bit_identical(stop: int, tiny: ImageSet, content: dict[str, Any]) -> None:
    whole = _run(content, tiny)
    whole.train(_ignore)

    class Stop(Exception): ...

    broken = _run(content, tiny)
    states = []

    def boundary(row: Row) -> None:
        if broken.iteration == stop:
            states.append(broken.state())
            raise Stop

    with pytest.raises(Stop):
        broken.train(boundary)
    torch.manual_seed(99)  # whatever the global generator does must not matter
    resumed = _run(content, tiny)
    resumed.restore(states[0])
    resumed.train(_ignore)
    assert all(torch.equal(tensor, _weights(whole)[name]) for name, tensor in _weights(resumed).items())
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in run.curve] for run in (whole, resumed)]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize("name", ["cgan", "wgan_gp"])
def test_a_game_restored_from_disk_is_bit_identical(
    name: str, tiny: ImageSet, content: dict[str, Any], tmp_path: Path
) -> None:
    """All players' weights and optimisers, the norms' statistics and the moving average go on where they were.

    Through a file, which keeps no strides: convolutions' are not in the order of their axes.
    """
    colour = _like(tiny, "colour")
    whole = _run(content, colour, name, batch=8, epochs=2)
    whole.train(_ignore)
    broken = _run(content, colour, name, batch=8, epochs=2)
    states = []
    broken.train(lambda row: states.append(broken.state()))
    place, device = Place(tmp_path), torch.device("cpu")
    place.save(states[1], device)
    kept = place.load(device)
    assert kept is not None
    resumed = _run(content, colour, name, batch=8, epochs=2)
    resumed.restore(kept)
    resumed.train(_ignore)
    assert 2 <= states[1].iteration < whole.total
    assert all(torch.equal(tensor, _weights(whole)[key]) for key, tensor in _weights(resumed).items())


class Spiky(Toy):
    """Player a's loss is 1, but 7 in the fourth iteration; it watches the iteration's number."""

    def players(self) -> Sequence[Player]:
        a = Player("a", (self.a,), self._spike, observed=frozenset({"turn"}))
        return a, Player("b", (self.b,), self._b)

    def _spike(self, batch: Batch) -> dict[str, Tensor]:
        self.seen.append("a")
        turn = self.seen.count("a")
        level = torch.tensor(7.0 if turn == 4 else 1.0)
        return {"level": level + 0 * self.a.weight.sum(), "turn": torch.tensor(float(turn))}


def test_what_is_observed_is_recorded_and_is_no_part_of_the_loss(tiny: ImageSet) -> None:
    run = Run(Spiky(), tiny, _settings(epochs=2), 0, points=4)  # 12 iterations, of which each point has 3
    run.train(_ignore)
    assert [row["a_turn"] for row in run.curve] == [2, 5, 8, 11]
    assert [row["a_loss"] for row in run.curve] == [row["a_level"] for row in run.curve] == [1, 3, 1, 1]


def test_a_point_of_the_curve_holds_the_highest_loss_since_the_last_one(tiny: ImageSet) -> None:
    """A mean would hide a spike of one iteration."""
    run = Run(Spiky(), tiny, _settings(epochs=2), 0, points=4)
    run.train(_ignore)
    assert [row["a_peak"] for row in run.curve] == [1, 7, 1, 1]
    assert "b_peak" in run.curve[0]
    assert "loss_peak" not in run.curve[0]


def test_the_learning_rate_decays_by_iterations_also_after_a_restart(tiny: ImageSet) -> None:
    """Report D: by 0.9 every 4,000 steps."""

    def start() -> Run:
        settings = _settings(epochs=2).model_dump()
        settings["optimisers"]["a"] |= {"decay": 0.5, "decay_every": 5}
        return Run(Toy(), tiny, Settings.model_validate(settings), 0, points=12)

    def rates(run: Run) -> list[float]:
        found = []
        run.train(lambda row: found.append(run.optimisers["a"].param_groups[0]["lr"]))
        return found

    run = start()
    expected = [0.1] * 5 + [0.05] * 5 + [0.025] * 2
    states, whole = [], []

    def boundary(row: Row) -> None:
        states.append(run.state())
        whole.append(run.optimisers["a"].param_groups[0]["lr"])

    run.train(boundary)
    assert whole == pytest.approx(expected)
    assert run.optimisers["b"].param_groups[0]["lr"] == 0.1
    again = start()
    again.restore(states[6])
    assert rates(again) == pytest.approx(expected[7:])


def test_a_model_settles_after_the_last_update_with_every_image(tiny: ImageSet) -> None:
    class Settling(Toy):
        settled: list[tuple[bool, int, float]]

        def settle(self, batches: Iterable[Batch]) -> None:
            every = torch.cat([batch.images for batch in batches])
            self.settled.append((self.training, len(self.seen), len(every)))
            assert torch.equal(every, scale(tiny.images, self.pixels))
            assert not torch.is_grad_enabled()

    model = Settling()
    model.settled = []
    Run(model, tiny, _settings(epochs=1), 0).train(_ignore)
    assert model.settled == [(False, len(model.seen), 96)]


def test_fresh_batches_are_different_ones_and_counted(tiny: ImageSet) -> None:
    """A critic's steps: three batches an iteration, each image once an epoch; the other player has the last of them."""
    model = Toy(repeat=3, fresh=True)
    run = Run(model, tiny, _settings(batch=8, epochs=1), 0)
    run.train(_ignore)
    assert (run.total, run.curve[-1]["images_seen"], run.curve[-1]["epoch"]) == (4, 96, 1)
    assert len(set(model.shown)) == 12
    assert model.means == model.shown[2::3]


def test_gradients_reach_weights_in_any_memory_layout() -> None:
    """Fused optimisers walk through weight and gradient in memory order, whatever the strides of each."""
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(4, 3, 2, 2).contiguous(memory_format=torch.channels_last))
    gradient = torch.randn(4, 3, 2, 2)
    expected = weight.detach() - 0.1 * gradient.sign()  # Adam's first step
    weight.grad = loop._laid_out_as(weight, gradient)
    settings = loop.Optimiser.model_validate({"algorithm": "adam", "learning_rate": 0.1})
    loop._optimiser(settings, [weight]).step()
    torch.testing.assert_close(weight.detach(), expected, rtol=0, atol=1e-4)


def test_snapshots_are_spread_evenly_and_end_with_the_run(tiny: ImageSet, content: dict[str, Any]) -> None:
    colour = _like(tiny, "colour")
    run = _run(content, colour, "cgan", batch=16, epochs=8, snapshots=4)
    assert sorted(run.snapshots) == [12, 24, 36, 48]
    assert _run(content, colour, "cgan", batch=16, epochs=1, snapshots=100).snapshots == set(range(1, 7))
    with pytest.raises(InputError, match="snapshots: expected 0, as this family has no generator, found 3"):
        _run(content, tiny, "fc_vae", snapshots=3)


def test_the_loss_of_a_game_is_the_last_players(tiny: ImageSet) -> None:
    run = Run(Toy(), tiny, _settings(epochs=1), 0)
    run.train(_ignore)
    assert all(row["loss"] == row["b_loss"] == row["b_product"] for row in run.curve)
    assert all(row["a_loss"] != row["loss"] for row in run.curve)


def test_seeds_differ_and_the_same_seed_does_not(tiny: ImageSet, content: dict[str, Any]) -> None:
    runs = [_run(content, tiny) for _ in range(3)]
    runs[2].seed, runs[2].generator = 1, torch.Generator().manual_seed(5)
    for run in runs:
        run.train(_ignore)
    first, second, third = (_weights(run)["decoder.layers.0.weight"] for run in runs)
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_a_loss_that_is_not_finite_stops_before_its_state_is_kept(tiny: ImageSet, content: dict[str, Any]) -> None:
    run = _run(content, tiny, optimisers={"vae": {"algorithm": "adam", "learning_rate": 1.0}}, epochs=20)
    kept: list[Row] = []
    with pytest.raises(InputError, match=r"\w+ is (nan|inf) between iterations \d+ and \d+ of 120"):
        run.train(kept.append)
    assert all(math.isfinite(value) for row in kept for value in row.values())


def test_settings_that_do_not_fit_are_named(tiny: ImageSet) -> None:
    with pytest.raises(InputError, match="optimisers: expected one for each of a, b, found a"):
        Run(Toy(), tiny, _settings(["a"]), 0)
    with pytest.raises(InputError, match="batch: expected at most 96, of 96 training images, found 97"):
        Run(Toy(), tiny, _settings(batch=97), 0)


@pytest.mark.parametrize("algorithm", ["adam", "rmsprop"])
def test_optimisers_are_torchs_with_the_given_settings(algorithm: str) -> None:
    weight = nn.Parameter(torch.ones(1))
    settings = loop.Optimiser.model_validate({"algorithm": algorithm, "learning_rate": 0.01, "weight_decay": 0.1})
    group = loop._optimiser(settings, [weight]).param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.01, 0.1)
    assert group.get("betas", (0.9, 0.999)) == (0.9, 0.999)
