"""An experiment from images to numbers, in this process and an empty folder, at a size for tests."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Generator

from pipeline.contracts import checkpoint, images
from pipeline.contracts.images import ImageSet, Kind
from pipeline.evaluation.collect import Settings
from pipeline.evaluation.seeds import Evaluation, Found
from pipeline.ground import plugins
from pipeline.judges import classifier, panel, referee
from pipeline.training import loop, seeds
from pipeline.training.experiment import plan

CONTENT: dict[str, Any] = yaml.safe_load((plugins.ROOT.parent / "params.yaml").read_text())
EACH = {(block["family"], block["network"]): name for name, block in reversed(CONTENT["experiments"].items())}
SMALL = {"hidden": 16, "width": 4, "seen": 4, "batch": 8, "epochs": 1, "snapshots": 2, "precision": "float32"}
SMALL |= {"seeds": [0], "mixture": 2}
EVALUATION = {"samples": 72, "real_images": 64, "likelihood_images": 10, "importance_samples": 4, "draws": 2}
EVALUATION |= {"pairs": 9, "progress_samples": 24, "halves": 2}
PLACE = torch.device("cpu")


def pictures(
    role: str, count: int, seed: int, classes: int | None = None, kind: Kind | None = None, lists: int = 4
) -> ImageSet:
    """Images as a role's are, each with a bright square whose place tells its labels, of other classes if asked."""
    layout, noise = plugins.load("data", role).LAYOUT, Generator().manual_seed(seed)
    names = layout.classes if classes is None else tuple(f"label {number}" for number in range(classes))
    _, height, side = layout.shape
    made = torch.randint(0, 60, (count, *layout.shape), generator=noise, dtype=torch.uint8)
    which = torch.arange(count) % len(names)
    labels = torch.eye(len(names), dtype=torch.uint8)[which]
    if (kind or layout.kind) != "classes":
        labels |= torch.rand(count, len(names), generator=noise).lt(0.3).to(torch.uint8)
    if (kind or layout.kind) == "objects":  # one to three
        labels *= labels.cumsum(1) <= 3
    for image, hot in zip(made, labels, strict=True):
        for number in hot.nonzero()[:, 0].tolist():
            row, column = divmod(number * 5, side - 4)
            image[:, row % (height - 4) : row % (height - 4) + 4, column : column + 4] = 220
    conditions = (
        {"test": labels[:lists].clone(), "new_test": labels[lists : 2 * lists].clone()}
        if layout.kind == "objects"
        else {}
    )
    return ImageSet(made, labels, torch.arange(count), names, kind or layout.kind, "squares", conditions)


@dataclass(frozen=True)
class Rehearsal:
    """An experiment, and a role's images in this folder's `data/prepared`."""

    name: str
    block: Mapping[str, Any]

    @property
    def role(self) -> str:
        role: str = self.block["data"]
        return role

    def judge(self) -> None:
        """A judge and a referee, both hardly trained."""
        prepared = Path("data/prepared") / self.role
        train, test = (images.load(prepared / f"{split}.safetensors") for split in ("train", "test"))
        network = CONTENT["classifier"][self.role]["network"]
        naming = classifier.Settings(
            weights="", network=network, width=4, batch=16, epochs=1, learning_rate=0.003, precision="float32"
        )
        judge = classifier.build(naming, train)
        classifier.fit(judge, train, naming, lambda *_: None)
        views = {split: classifier.predict(judge, data.images) for split, data in (("train", train), ("test", test))}
        classifier.save_views(self.files.judge / "views.safetensors", views)
        classifier.save(self.files.judge / "judge.safetensors", judge)
        seeing = referee.Settings(width=4, batch=16, epochs=1, learning_rate=0.003, illegible=2.0, precision="float32")
        made = referee.build(seeing, train)
        referee.fit(made, train, seeing, lambda *_: None)
        seen = {split: referee.look(made, data.images) for split, data in (("train", train), ("test", test))}
        referee.save_views(self.files.referee / "views.safetensors", seen)
        referee.save(self.files.referee / "referee.safetensors", made)

    @property
    def files(self) -> panel.Files:
        return panel.Files(Path("judges") / self.role, Path("referees") / self.role)

    def train(self) -> None:
        family, network = plugins.load("models", self.block["family"]), plugins.load("networks", self.block["network"])
        checked = plan(self.block, f"experiments.{self.name}", family.Settings, network.Settings, loop.Settings)
        training = seeds.Training(self.name, self.block, checked, PLACE, save_every=1000)
        for seed in training.untrained():
            training.seed(seed, lambda *_: None)
        training.write()

    def evaluation(self, **changes: Any) -> Evaluation:
        models = checkpoint.seeds(Path("results/models") / self.name)
        metrics = tuple(CONTENT["evaluation"][self.role]["metrics"])
        settings = Settings.model_validate({**EVALUATION, "metrics": metrics, **changes})
        prepared = Path("data/prepared") / self.role
        return Evaluation(models, Path(f"results/curves/{self.name}.csv"), self.files, prepared, settings, PLACE)

    def measured(self, **changes: Any) -> Found:
        """What evaluating the first seed's model gives."""
        evaluation = self.evaluation(**changes)
        return evaluation.seed(next(iter(evaluation.models)), lambda *_: None)


def rehearsal(name: str, train: ImageSet | None = None, test: ImageSet | None = None, **changes: Any) -> Rehearsal:
    """In the current folder, which is empty; the changes go over what makes an entry small."""
    block = copy.deepcopy(CONTENT["experiments"][name])
    small = {key: value for key, value in SMALL.items() if key in block}
    role = changes.get("data", block["data"])
    prepared = Path("data/prepared") / role
    images.save(train or pictures(role, 96, 0), prepared / "train.safetensors")
    images.save(test or pictures(role, 64, 1), prepared / "test.safetensors")
    return Rehearsal(name, block | small | changes)
