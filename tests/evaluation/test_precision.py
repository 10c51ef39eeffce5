"""What a model is measured to be does not hang on the precision that its products are computed in."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.contracts import checkpoint, images
from pipeline.data import digits
from pipeline.evaluation import collect
from pipeline.evaluation.seeds import Evaluation
from pipeline.ground import plugins
from pipeline.judges import classifier, referee
from pipeline.judges.panel import Files
from pipeline.statistics.intervals import between
from pipeline.statistics.measurements import Measurements
from pipeline.training import loop
from pipeline.training.experiment import head, plan
from pipeline.training.seeds import Training

CPU = torch.device("cpu")
BLOCK: Mapping[str, Any] = {
    "data": "digits",
    "family": "vae",
    "network": "mlp",
    "seeds": [0, 1, 2],
    "latent": 8,
    "layers": 2,
    "hidden": 64,
    "conditional": True,
    "likelihood": "bernoulli",
    "batch": 64,
    "epochs": 8,
    "optimisers": {"vae": {"learning_rate": 0.003}},
}


def _quiet(*told: Any) -> None: ...


def _measured(precision: str, metrics: list[str], folder: Path) -> Measurements:
    """Three seeds of a VAE of digits, trained in one precision and measured."""
    block = {**BLOCK, "precision": precision}
    common = head(block, "experiments.vae")
    family, network = plugins.load("models", common.family), plugins.load("networks", common.network)
    entry = plan(block, "experiments.vae", family.Settings, network.Settings, loop.Settings)
    with contextlib.chdir(folder):
        training = Training(precision, block, entry, CPU, save_every=1e9)
        for seed in common.seeds:
            training.seed(seed, _quiet)
        training.write()
        models = checkpoint.seeds(Path("results/models") / precision)
        curve, prepared = Path(f"results/curves/{precision}.csv"), Path("data/prepared/digits")
        settings = collect.Settings(
            samples=400,
            real_images=400,
            likelihood_images=50,
            importance_samples=16,
            halves=8,
            metrics=tuple(metrics),
        )
        task = Evaluation(models, curve, Files(Path("judge"), Path("referee")), prepared, settings, CPU)
        return task.measurements({seed: task.seed(seed, _quiet) for seed in models}, "")


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A folder with digits, their judge and their referee."""
    settings = digits.Settings(source="digits8x8", train=1280, test=400)
    splits = dict(zip(("train", "test"), digits.load(settings), strict=True))
    of_judge = classifier.Settings(
        weights="none", network="small", width=8, batch=64, epochs=1, learning_rate=0.004, precision="float32"
    )
    judge = classifier.build(of_judge, splits["train"])
    classifier.fit(judge, splits["train"], of_judge, _quiet)
    views = {name: classifier.predict(judge, split.images) for name, split in splits.items()}
    for name, split in splits.items():
        images.save(split, tmp_path / f"data/prepared/digits/{name}.safetensors")
    classifier.save_views(tmp_path / "judge/views.safetensors", views)
    classifier.save(tmp_path / "judge/judge.safetensors", judge)
    of_referee = referee.Settings(width=4, batch=64, epochs=1, learning_rate=0.004, illegible=3.0, precision="float32")
    made = referee.build(of_referee, splits["train"])
    referee.fit(made, splits["train"], of_referee, _quiet)
    seen = {name: referee.look(made, split.images) for name, split in splits.items()}
    referee.save_views(tmp_path / "referee/views.safetensors", seen)
    referee.save(tmp_path / "referee/referee.safetensors", made)
    return tmp_path


def test_no_metric_of_digits_differs_between_precisions_by_more_than_its_interval(
    prepared: Path, content: Mapping[str, Any]
) -> None:
    metrics = content["evaluation"]["digits"]["metrics"]
    base, found = (_measured(precision, metrics, prepared) for precision in ("float32", "bfloat16"))
    assert (base.precision, found.precision) == ("float32", "bfloat16")
    sure = 0
    for name in base.metrics:
        difference = between(found, base, name)
        if difference.low is not None and difference.high is not None:
            sure += 1
            assert difference.low <= 0 <= difference.high, (name, difference)
    assert sure > 12
    assert base.metrics["elbo"].values != found.metrics["elbo"].values  # they were not the same models
    assert found.metrics["elbo"].mean == pytest.approx(base.metrics["elbo"].mean, rel=0.01)
