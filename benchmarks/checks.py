"""What must hold on a device as on the CPU, at sizes of seconds, on random images. Each check returns what it found in
words and raises AssertionError where it does not hold. tests/gpu calls them; where there is no pytest,
`benchmarks.accelerator` does.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator
from torch.overrides import TorchFunctionMode

from benchmarks.experiments import Enough, noise, started, updated
from pipeline.contracts import checkpoint, curves, images, training_progress
from pipeline.contracts.curves import POSITION, Row
from pipeline.contracts.images import ImageSet
from pipeline.costs.work import planned
from pipeline.evaluation import collect
from pipeline.evaluation.seeds import Evaluation, Found
from pipeline.ground import params, plugins
from pipeline.judges import classifier, referee
from pipeline.judges.panel import Files
from pipeline.statistics import intervals
from pipeline.training.resume import Place
from pipeline.training.seeds import Training

CPU = torch.device("cpu")
ITERATIONS = 10
# Of a loss, by 1 + its size: at first what summing in another order leaves, which every update then makes more of.
# Adam steps as far for a gradient that is but rounding as for any other, so that the last differs much more.
TOLERANCES = (1e-5, 3e-3)  # of the first iteration, of the last
RATE = 1e-4  # of learning, small enough that rounding does not grow into another run
SIZES = {"hidden": 24, "width": 4, "batch": 8, "epochs": 1, "snapshots": 0}
EVALUATION = {
    "samples": 64,
    "real_images": 96,
    "likelihood_images": 8,
    "importance_samples": 4,
    "draws": 2,
    "pairs": 8,
    "progress_samples": 32,
    "halves": 4,
}
DRAWS = (torch.randn, torch.rand, torch.randint, torch.multinomial)


class SharedNoise(TorchFunctionMode):
    """Whatever a model draws comes from one CPU generator, and is moved to where it is wanted: each device has random
    numbers of its own, and this gives all the same.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.generator = Generator().manual_seed(seed)

    def __torch_function__(
        self, function: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        more = dict(kwargs or {})
        if function not in DRAWS or more.get("generator") is None:
            return function(*args, **more)
        if function is torch.multinomial:  # draws where its weights are
            return function(args[0].cpu(), *args[1:], **{**more, "generator": self.generator}).to(args[0].device)
        wanted = more.get("device") or CPU
        return function(*args, **{**more, "generator": self.generator, "device": CPU}).to(wanted)


@contextlib.contextmanager
def exact() -> Iterator[None]:
    """Float32 as it is written, not TF32, which a GPU may take for it and which keeps three digits."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def small(block: Mapping[str, Any], **sizes: Any) -> dict[str, Any]:
    """The experiment at a size for checks, with one seed, in float32."""
    rates = {name: {**settings, "learning_rate": RATE} for name, settings in block["optimisers"].items()}
    return updated(block, SIZES | sizes) | {"optimisers": rates, "precision": "float32"}


def losses(name: str, block: Mapping[str, Any], device: torch.device) -> list[Row]:
    """The curve of ten iterations on a device, a point each, of the same weights, images and noise everywhere."""
    entry = planned(name, small(block))
    data = noise(entry.experiment.data, 400)
    data = data.first(ITERATIONS * started(entry, data).images)
    run = started(entry, data.to(device), points=ITERATIONS)
    with exact(), SharedNoise():
        run.train(lambda row: None)
    return run.curve


def furthest(ours: Sequence[Row], theirs: Sequence[Row]) -> tuple[float, float]:
    """The largest difference of a loss, by 1 + its size, in the first iteration and in the last.

    Shares of right answers are left out: of eight images, rounding may turn one.
    """
    found = []
    for one, other in ((ours[0], theirs[0]), (ours[-1], theirs[-1])):
        names = [name for name in one if name not in POSITION and not name.endswith("_accuracy")]
        found.append(max(abs(one[name] - other[name]) / (1 + abs(one[name])) for name in names))
    return found[0], found[1]


def losses_agree(name: str, block: Mapping[str, Any], device: torch.device) -> str:
    """The losses of ten iterations on the CPU and on the device, in float32."""
    first, last = furthest(losses(name, block, CPU), losses(name, block, device))
    words = f"losses differ by {first:.1e} in iteration 1, {last:.1e} in iteration {ITERATIONS}"
    assert first <= TOLERANCES[0], words
    assert last <= TOLERANCES[1], words
    return words


def resumes(name: str, block: Mapping[str, Any], device: torch.device) -> str:
    """A run that ended half-way and is read back from disk comes to the same bits as one that did not."""
    entry = planned(name, small(block))
    data = noise(entry.experiment.data, 400)
    data = data.first(8 * started(entry, data).images).to(device)
    whole, broken, again = (started(entry, data, points=4) for _ in range(3))
    whole.train(lambda row: None)
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))

        def boundary(row: Row) -> None:
            if 2 * broken.iteration >= broken.total:
                place.save(broken.state(), device)
                raise Enough

        with contextlib.suppress(Enough):
            broken.train(boundary)
        state = place.load(device)
    assert state is not None, "no state was saved"
    assert 0 < state.iteration < whole.total
    again.restore(state)
    again.train(lambda row: None)
    pairs = zip(whole.model.state_dict().values(), again.model.state_dict().values(), strict=True)
    worst = max(float((one.double() - other.double()).abs().max()) for one, other in pairs)
    assert worst == 0, f"weights differ by {worst:.1e} after a run that was resumed"
    return "same bits"


@dataclass(frozen=True)
class Trained:
    """A small trained model in a folder of its own, with images, a judge, a referee and learning curves, all made on
    the CPU.
    """

    name: str
    role: str
    folder: Path
    content: Mapping[str, Any]  # params.yaml

    @property
    def judge(self) -> Path:
        return self.folder / "judge"

    @property
    def referee(self) -> Path:
        return self.folder / "referee"

    @property
    def prepared(self) -> Path:
        return self.folder / "data/prepared" / self.role

    @property
    def curves(self) -> Path:
        return self.folder / f"results/curves/{self.name}.csv"

    def models(self) -> dict[int, Path]:
        return checkpoint.seeds(self.folder / "results/models" / self.name)

    def evaluated(self, device: torch.device) -> tuple[Evaluation, dict[int, Found]]:
        """All metrics of the model, measured on a device, with noise that all devices share."""
        settings = params.parse(
            collect.Settings, {**self.content["evaluation"][self.role], **EVALUATION}, f"evaluation.{self.role}"
        )
        task = Evaluation(self.models(), self.curves, Files(self.judge, self.referee), self.prepared, settings, device)
        with exact(), SharedNoise():
            return task, {seed: task.seed(seed, lambda *progress: None) for seed in task.models}


def trained(name: str, content: Mapping[str, Any], folder: Path) -> Trained:
    """Trains an experiment of params.yaml, small, in an empty folder."""
    block = small(content["experiments"][name], snapshots=2)
    entry = planned(name, block)
    made = Trained(name, entry.experiment.data, folder, content)
    train, test = noise(made.role, 400), noise(made.role, 160, seed=1)
    for split, data in (("train", train), ("test", test)):
        images.save(data, made.prepared / f"{split}.safetensors")
    _judge(made, train, test)
    _referee(made, train, test)
    with contextlib.chdir(folder):
        training = Training(name, block, entry, CPU, save_every=1e9)
        for seed in entry.experiment.seeds:
            training.seed(seed, lambda *progress: None)
        training.write()
    return made


def _judge(made: Trained, train: ImageSet, test: ImageSet) -> None:
    where = f"classifier.{made.role}"
    block = {**made.content["classifier"][made.role], "width": 4, "epochs": 1, "precision": "float32"}
    settings = params.parse(classifier.Settings, block, where)
    judge = classifier.build(settings, train)
    classifier.fit(judge, train, settings, lambda *progress: None)
    views = {split: classifier.predict(judge, data.images) for split, data in (("train", train), ("test", test))}
    classifier.save_views(made.judge / "views.safetensors", views)
    classifier.save(made.judge / "judge.safetensors", judge)


def _referee(made: Trained, train: ImageSet, test: ImageSet) -> None:
    block = {**made.content["referee"][made.role], "width": 4, "epochs": 1, "precision": "float32"}
    settings = params.parse(referee.Settings, block, f"referee.{made.role}")
    found = referee.build(settings, train)
    referee.fit(found, train, settings, lambda *progress: None)
    views = {split: referee.look(found, data.images) for split, data in (("train", train), ("test", test))}
    referee.save_views(made.referee / "views.safetensors", views)
    referee.save(made.referee / "referee.safetensors", found)


def metrics_agree(made: Trained, device: torch.device) -> str:
    """Each metric measured on the device lies in the interval of the same metric measured on the CPU."""
    task, ours = made.evaluated(CPU)
    _, theirs = made.evaluated(device)
    base, head = (task.measurements(found, "").metrics for found in (ours, theirs))
    assert base.keys() == head.keys(), f"other metrics: {sorted(base.keys() ^ head.keys())}"
    beyond, sure = {}, 0
    for metric, measured in base.items():
        estimate = intervals.mean(measured)
        if estimate.low is None or estimate.high is None:
            continue
        sure += 1
        slack = 1e-5 * (1 + abs(estimate.value))
        if not estimate.low - slack <= head[metric].mean <= estimate.high + slack:
            beyond[metric] = (estimate.low, estimate.high, head[metric].mean)
    assert sure, "no metric has an interval"
    assert not beyond, f"beyond their intervals (low, high, found): {beyond}"
    return f"{sure} metrics within their intervals"


def figures_draw(made: Trained, device: torch.device) -> str:
    """Every figure of the role draws the model on the device. Raises ImportError without matplotlib or scikit-learn."""
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    from pipeline.figures.common import inputs

    _, found = made.evaluated(device)
    progress = made.folder / "progress.csv"
    training_progress.write(progress, {seed: each.moments for seed, each in found.items()})
    panel = Files(made.judge, made.referee).panel(device)
    seen = inputs.Inputs(
        made.name,
        {seed: checkpoint.load(path, device)[0] for seed, path in made.models().items()},
        curves.read(made.curves),
        training_progress.read(progress),
        lambda drawings: panel.look(drawings).logits,
        lambda drawings: panel.look(drawings).recognised,
        images.load(made.prepared / "test.safetensors").to(device),
        0,
    )
    drawn = []
    for figure in made.content["figures"][made.role]["figures"]:
        result = plugins.load("figures", figure).draw(seen)
        parts = list(result.values()) if isinstance(result, Mapping) else [] if result is None else [result]
        assert all(part.axes for part in parts if isinstance(part, Figure)), f"{figure} is empty"
        drawn += [figure] * bool(parts)
        pyplot.close("all")
    assert {"samples", "curves"} <= set(drawn), f"only {', '.join(drawn)} drawn"
    return f"{', '.join(drawn)} drawn"


Check = Callable[[str, Mapping[str, Any], torch.device], str]
OF_RUNS: dict[str, Check] = {"losses": losses_agree, "resuming": resumes}
OF_MODELS: dict[str, Callable[[Trained, torch.device], str]] = {"metrics": metrics_agree, "figures": figures_draw}
