"""Moments of training: measured as they were, with the same latents, and kept as they are measured."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from pipeline.contracts import checkpoint, training_progress
from pipeline.contracts.model import AdversarialModel, Averaged, Drawer, GenerativeModel, Player
from pipeline.contracts.training_progress import Moment
from pipeline.evaluation import collect, snapshots
from pipeline.evaluation.drawing import DRAWN
from pipeline.evaluation.evidence import Judged
from pipeline.evaluation.jackknife import Half
from pipeline.judges.panel import Opinion
from pipeline.judges.referee import Seen

K = 4  # labels


class Painter(GenerativeModel):
    """Paints each label it was asked for at the brightness of its only weight; the average's weight is its own."""

    pixels = "unit"
    conditional = True
    latent = 3
    drawn_by: Drawer = "generator"

    def __init__(self, brightness: float, average: float) -> None:
        super().__init__()
        self.generator = Averaged(nn.Linear(1, 1, bias=False), 0.9)
        nn.init.constant_(self.generator.current.weight, brightness)  # type: ignore[arg-type]
        nn.init.constant_(self.generator.average.weight, average)  # type: ignore[arg-type]
        self.critic = nn.Linear(1, 1)
        self.drawn: list[Tensor] = []

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        self.drawn.append(torch.randn(count, self.latent, generator=generator))
        return self.drawn[-1]

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generate_by(self.drawn_by, latents, labels)

    def generate_by(self, drawer: Drawer, latents: Tensor, labels: Tensor) -> Tensor:
        network = self.generator.current if drawer == "generator" else self.generator.average
        (weight,) = network.parameters()
        noise = 0.01 * torch.sigmoid(latents[:, :1])
        return (weight * labels + noise).clamp(0, 1).view(-1, 1, 2, 2)


class Reader(nn.Module):
    """Judge and referee: they read a label off its pixel, which holds where that is brighter than one half."""

    def forward(self, images: Tensor) -> Seen:
        return Seen(images.flatten(1), images.flatten(1) - 0.5, images.flatten(1))


class Readers:
    """A panel of readers. looks: how often whom was asked."""

    kind = "objects"

    def __init__(self) -> None:
        self.referee, self.looks = Reader(), {"both": 0, "judge": 0}

    def name(self, images: Tensor) -> tuple[Tensor]:
        self.looks["judge"] += 1
        return (self.referee(images).logits,)

    def look(self, images: Tensor) -> Opinion:
        self.looks["both"] += 1
        seen = self.referee(images)
        return Opinion(seen.logits, *seen)


@pytest.fixture
def test() -> Judged:
    draw = torch.Generator().manual_seed(0)
    labels = torch.eye(K, dtype=torch.uint8)[torch.arange(40) % K]
    images = (labels + 0.05 * torch.rand(40, K, generator=draw)).clamp(0, 1).view(-1, 1, 2, 2)
    features, logits, _ = Reader()(images)
    return Judged(images, features, logits, labels, torch.arange(40))


LISTS = {"test": torch.tensor([[1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 0, 1]], dtype=torch.uint8)}


def _snapshots(folder: Path) -> list[Path]:
    """A generator that inverts its labels at first and draws them at last; its average lags behind."""
    for iteration, weights in ((10, (-1.0, -1.0)), (200, (1.0, -1.0)), (1000, (1.0, 1.0))):
        checkpoint.save_snapshot(folder / "snapshots", Painter(*weights), 3, iteration, 32 * iteration)
    return checkpoint.snapshots(folder / "seed3.safetensors")


def test_each_moment_is_measured_with_the_weights_it_had(test: Judged, tmp_path: Path) -> None:
    model = Painter(0.0, 0.0)
    noise = Generator().manual_seed(0)
    halves, done = [Half(torch.arange(0, 20), {}), Half(torch.arange(20, 40), {})], list[int]()
    paths, panel = _snapshots(tmp_path), Readers()
    found = snapshots.measure(model, paths, panel, test, LISTS, 20, halves, noise, done.append)  # type: ignore[arg-type]
    assert sum(done) == DRAWN * snapshots.planned(3, True, LISTS, 20)
    assert [(moment.iteration, moment.images_seen, moment.drawer) for moment in found] == [
        (iteration, 32 * iteration, drawer) for iteration in (10, 200, 1000) for drawer in ("generator", "average")
    ]
    right = [moment.values["test_accuracy"] for moment in found]
    assert right[2] == right[4] == right[5] == 1
    # at -1 all pixels are nearly black, but where a label is asked for even blacker
    assert right[0] == right[1] == right[3] < 0.5
    assert [moment.values["recognised"] for moment in found] == [0, 0, 1, 0, 1, 1]
    assert "condition_accuracy" not in found[0].values  # the lists tell it
    assert found[2].values == found[4].values  # the same weights, the same latents
    distances = [moment.values["frechet_distance"] for moment in found]
    assert distances[4] < 0.1 * distances[0]
    apart = [moment.halves for moment in found]
    assert apart[2] == apart[4]
    assert all(low < 0.1 * high for low, high in zip(apart[4], apart[0], strict=True))
    assert len(model.drawn) == 1 + len(LISTS)
    assert panel.looks == {"both": 0, "judge": len(found)}  # nobody looks at what the other tells


def test_without_lists_the_judge_looks_at_the_samples(test: Judged, tmp_path: Path) -> None:
    panel = Readers()
    model, noise = Painter(0.0, 0.0), Generator().manual_seed(0)
    found = snapshots.measure(model, _snapshots(tmp_path), panel, test, {}, 20, [], noise)  # type: ignore[arg-type]
    assert [moment.values["condition_accuracy"] for moment in found] == [0, 0, 1, 0, 1, 1]
    assert [moment.values["recognised"] for moment in found] == [0, 0, 1, 0, 1, 1]
    assert panel.looks == {"both": len(found), "judge": 0}


def test_snapshots_hold_what_draws_and_nothing_else(tmp_path: Path) -> None:
    from pipeline.ground import storage

    paths = _snapshots(tmp_path)
    assert isinstance(Painter(1.0, 1.0), AdversarialModel)
    assert [path.name for path in paths] == [f"seed3-{n:07d}.safetensors" for n in (10, 200, 1000)]
    tensors, facts = storage.read(paths[1], "a snapshot")
    assert set(tensors) == {"generator.current.weight", "generator.average.weight"}
    assert facts == {"iteration": 200, "images_seen": 6400}
    assert checkpoint.snapshots(tmp_path / "seed30.safetensors") == []


def test_moments_survive_their_file(tmp_path: Path) -> None:
    values = {"frechet_distance": 12.5, "diversity": 0.75}
    kept = {
        seed: [Moment(10, 320, drawer, {k: v + seed for k, v in values.items()}) for drawer in ("generator", "average")]
        for seed in (0, 2)
    }
    training_progress.write(tmp_path / "a.csv", kept)
    assert training_progress.read(tmp_path / "a.csv") == kept
    training_progress.write(tmp_path / "none.csv", {0: [], 1: []})
    assert training_progress.read(tmp_path / "none.csv") == {}
    assert (tmp_path / "none.csv").read_text() == "seed,drawer,iteration,images_seen\n"
    assert training_progress.read(tmp_path / "nowhere.csv") == {}


def test_listed_sets_are_drawn_many_times_with_latents_of_their_own() -> None:
    model, sets = Painter(1.0, 1.0), LISTS["test"]
    shown = {(0, 1, 1, 0), (0, 0, 0, 1)}
    found = collect.answers(model, Readers(), sets, shown, 5, Generator().manual_seed(0))  # type: ignore[arg-type]
    assert found.logits.shape == (5, 3, K)
    assert found.seen.tolist() == [False, True, False]
    assert torch.equal(found.labels, sets)
    assert torch.equal(found.logits > 0, sets.bool().expand(5, -1, -1))  # each row is its own set's
    assert len(found.logits[:, 0, 0].unique()) == 1  # clamped at white
    assert len(found.logits[:, 0, 1].unique()) == 5  # five latents
