"""The pipeline as its users run it: DVC on a copy of the project at the smoke budget."""

import csv
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from workspace import Workspace, make, ran

from pipeline.statistics import measurements
from pipeline.statistics.intervals import mean

pytestmark = pytest.mark.slow
NAMES = ("fc_vae", "fc_cvae")
LAST = {"intervals", "conclude", "report"}  # which look at all experiments
OWN = {f"{stage}@fc_vae" for stage in ("train", "evaluate", "figures")} | LAST


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two experiments, one of two seeds, reproduced and committed."""
    workspace = make(tmp_path_factory.mktemp("pipeline"), NAMES)
    workspace.edit(lambda content: content["experiments"]["fc_cvae"].update(seeds=[0, 1]))
    done = workspace.reproduced()
    assert done == LAST | {"prepare@digits", "classify@digits", "referee@digits"} | {
        f"{stage}@{name}" for stage in ("train", "evaluate", "figures") for name in NAMES
    }
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-qm", "reproduced")
    return workspace


def _restore(workspace: Workspace) -> None:
    workspace.run("git", "checkout", "-q", ".")
    workspace.run("dvc", "checkout", "-q")


def test_a_second_run_does_nothing(workspace: Workspace) -> None:
    output = workspace.run("dvc", "repro")
    assert not ran(output)
    assert "up to date" in output


def test_git_holds_lock_and_metrics_but_no_data(workspace: Workspace) -> None:
    files = workspace.run("git", "ls-files").split()
    assert {"dvc.lock", "results/metrics/fc_vae.json", "results/measurements/fc_vae.json"} <= set(files)
    assert "results/conclusions.json" in files
    outputs = [name for name in files if name.startswith(("data/", "results/"))]
    assert not [name for name in outputs if name.endswith((".safetensors", ".png", ".webp", ".html", ".csv"))]
    assert not workspace.run("git", "status", "--porcelain")


def test_results_are_complete(workspace: Workspace) -> None:
    for name in NAMES:
        results = workspace.folder / "results"
        metrics = json.loads((results / f"metrics/{name}.json").read_text())
        assert (metrics["source"], metrics["seeds"]) == ("digits8x8", 1 + (name == "fc_cvae"))
        named = {"elbo", "reconstruction", "kl", "nll", "mse", "active_units", "frechet_distance", "kernel_distance"}
        named |= {
            "precision",
            "recall",
            "density",
            "coverage",
            "confidence",
            "class_entropy",
            "loss_trend",
            "sharpness",
            "blurriness",
            "blurriness_real",
            "nameable",
            "recognised_real",
            "nearest_train",
        }
        conditional = {"condition_accuracy", "condition_accuracy_real", "recognised"}
        assert set(metrics) - {"source", "seeds"} == named | (conditional if name == "fc_cvae" else set())
        drawn = {path.stem for path in (results / f"figures/{name}").glob("*.png")}
        grids = {"samples", "corners", "interpolation", "reconstructions", "curves"}
        assert drawn == grids | ({"classes"} if name == "fc_cvae" else set())
        with (results / f"curves/{name}.csv").open() as file:
            assert {"seed", "iteration", "epoch", "images_seen", "loss", "kl", "reconstruction"} <= set(
                next(csv.reader(file))
            )
    found = measurements.load(workspace.folder / "results/measurements")
    assert len({each.test_set for each in found.values()}) == 1
    for name, each in found.items():
        assert (each.seeds, each.partial) == ((0, 1) if name == "fc_cvae" else (0,), {})
        assert len(each.metrics["elbo"].errors) == 4  # halves at this budget
        assert each.metrics["loss_trend"].errors == ()
        if len(each.seeds) == 1:
            assert all(mean(measured).leaves_out_seeds for measured in each.metrics.values())
    page = (workspace.folder / "results/report/index.html").read_text()
    assert all(name in page for name in NAMES)
    assert "digits8x8" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_latent_size_reruns_its_own_experiment_only(workspace: Workspace) -> None:
    workspace.edit(lambda content: content["experiments"]["fc_vae"].update(latent=7))
    assert workspace.reproduced() == OWN
    workspace.edit(lambda content: content["experiments"]["fc_vae"].update(latent=15, layers=2))
    assert workspace.reproduced() == OWN
    _restore(workspace)


def test_settings_of_evaluation_and_figures_retrain_nothing(workspace: Workspace) -> None:
    workspace.edit(lambda content: content["evaluation"]["digits"].update(samples=150))
    assert workspace.reproduced() == LAST | {"evaluate@fc_vae", "evaluate@fc_cvae"}
    _restore(workspace)
    workspace.edit(lambda content: content["figures"]["digits"].update(seed=1))
    # conclusions may name any key of params.yaml, so they are tested again: a second
    assert workspace.reproduced() == LAST | {"figures@fc_vae", "figures@fc_cvae"}
    _restore(workspace)


def test_editing_a_figure_redraws_only(workspace: Workspace) -> None:
    path = workspace.folder / "pipeline/figures/samples.py"
    path.write_text(path.read_text() + "# a comment\n")
    # the pictures come out the same, so the report stands
    assert workspace.reproduced() == {"figures@fc_vae", "figures@fc_cvae"}
    _restore(workspace)


def test_a_comment_in_one_family_leaves_the_others_alone(workspace: Workspace) -> None:
    """A second family, vae's copy, stands for those to come."""
    families = workspace.folder / "pipeline/models"
    shutil.copy(families / "vae.py", families / "twin.py")
    workspace.edit(lambda content: content["experiments"]["fc_cvae"].update(family="twin"))
    workspace.reproduced()
    (families / "twin.py").write_text((families / "twin.py").read_text() + "# a comment\n")
    # trained anew, to the same bytes: what is made from the models stands, but the code that loads them has changed;
    # the page says how long it took, and is drawn anew unless that was the same in milliseconds
    assert workspace.reproduced() - {"report"} == {"train@fc_cvae", "evaluate@fc_cvae", "figures@fc_cvae"}
    (families / "twin.py").unlink()
    _restore(workspace)


def test_a_seed_more_trains_that_seed_only(workspace: Workspace) -> None:
    model = workspace.folder / "results/models/fc_vae/seed0.safetensors"
    before = model.read_bytes()
    workspace.edit(lambda content: content["experiments"]["fc_vae"].update(seeds=[0, 1]))
    output = workspace.run("dvc", "repro")
    assert ran(output) == OWN
    assert "seed 0: trained before" in output
    assert "seed 1: trained before" not in output
    assert model.read_bytes() == before
    assert model.with_name("seed1.safetensors").read_bytes() != before
    metrics = json.loads((workspace.folder / "results/metrics/fc_vae.json").read_text())
    assert metrics["seeds"] == 2
    assert metrics["elbo"]["low"] < metrics["elbo"]["mean"] < metrics["elbo"]["high"]
    _restore(workspace)


def test_repeating_everything_on_workers_gives_the_same_bits(workspace: Workspace) -> None:
    """Of stages that `dvc repro` ran one after another, with their seeds side by side in one process."""

    def results() -> dict[str, bytes]:
        folders = ("models", "metrics", "measurements", "classifiers", "referees")
        files = [path for name in folders for path in (workspace.folder / "results" / name).rglob("*.*")]
        return {str(path): path.read_bytes() for path in files}

    before = results()
    shutil.rmtree(workspace.folder / ".resume")
    said = workspace.run("latentlab", "run", "--force", "--workers", "2", "--threads", "1")
    assert said.count("seed 1: trained before") == said.count("seed 0: trained before") == 1  # by other processes
    assert results() == before
    assert "up to date" in workspace.run("dvc", "status")


def test_experiments_params_metrics_and_plots(workspace: Workspace, tmp_path: Path) -> None:
    workspace.run("dvc", "exp", "run", "-S", "experiments.fc_vae.latent=20", "--name", "latent20")
    assert "experiments.fc_vae.latent" in workspace.run("dvc", "params", "diff")
    difference = workspace.run("dvc", "metrics", "diff", "--md")
    assert "elbo.mean" in difference
    assert "results/metrics/fc_cvae.json" not in difference
    table = workspace.run("dvc", "exp", "show", "--csv")
    assert "latent20" in table
    for command in (["show"], ["diff", "HEAD", "latent20"]):
        workspace.run("dvc", "plots", *command, "-o", str(tmp_path / command[0]))
        page = (tmp_path / command[0] / "index.html").read_text()
        assert "training images seen" in page
        assert "samples.png" in page
    _restore(workspace)
    output = workspace.run("latentlab", "compare", "HEAD", "latent20", "--pictures", str(tmp_path / "pictures"))
    assert "experiments.fc_vae.latent" in output
    assert "1 experiment measured the same in both" in output
    assert "†" in output  # there is one seed at this budget
    page = (tmp_path / "pictures/index.html").read_text()
    for side in range(2):
        assert f'src="{side}/fc_vae/samples.png"' in page
        assert (tmp_path / f"pictures/{side}/fc_vae/samples.png").read_bytes().startswith(b"\x89PNG")
    assert "fc_cvae" not in page
    workspace.run("dvc", "exp", "branch", "latent20", "wider")
    assert "experiments.fc_vae.latent" in workspace.run("latentlab", "compare", "HEAD", "wider")
    assert workspace.run("git", "log", "-1", "--format=%P", "wider") == workspace.run("git", "rev-parse", "HEAD")


def test_a_queue_of_latent_sizes_and_layers(workspace: Workspace, tmp_path: Path) -> None:
    grid = ("-S", "experiments.fc_vae.latent=5,10", "-S", "experiments.fc_vae.layers=1,2")
    workspace.run("dvc", "exp", "run", "--queue", *grid)
    workspace.run("dvc", "queue", "start")
    deadline = time.monotonic() + 300
    while (status := workspace.run("dvc", "queue", "status")).count("Success") < 4:
        assert "Failed" not in status, status
        assert time.monotonic() < deadline, status
        time.sleep(2)
    shown = json.loads(workspace.run("dvc", "exp", "show", "--json"))
    latents = {
        run["data"]["params"]["params.yaml"]["data"]["experiments"]["fc_vae"]["latent"]
        for experiment in shown[1]["experiments"]
        for run in experiment["revs"]
    }
    assert {5, 10} <= latents
    path = tmp_path / "map.png"
    command = ("latentlab", "compare", "HEAD", "--queue", "--heatmap", str(path), "--format", "json")
    compared = json.loads(workspace.run(*command))
    assert compared["varying"] == ["experiments.fc_vae.latent", "experiments.fc_vae.layers"]
    places = {tuple(run["params"].values()) for run in compared["runs"]}
    assert {(15, 3), (5, 1), (5, 2), (10, 1), (10, 2)} <= places
    for metrics in zip(*(run["metrics"] for run in compared["runs"]), strict=True):
        assert {metric["experiment"] for metric in metrics} == {"fc_vae"}
        assert sum(metric["best"] for metric in metrics) == 1
    assert path.read_bytes().startswith(b"\x89PNG")


def test_sample_and_results_read_what_was_made(workspace: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "seven.png"
    output = workspace.run("latentlab", "sample", "fc_cvae", "--count", "5", "--label", "7", "--out", str(target))
    assert "5 images of fc_cvae" in output
    assert target.read_bytes().startswith(b"\x89PNG")
    assert "fc_cvae" in workspace.run("latentlab", "results")
    assert "coverage" in workspace.run("latentlab", "results", "--all")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["latentlab", "sample", "fc_cvae", "--label", "eleven"], ["eleven", "0, 1, 2"]),
        (["latentlab", "sample", "fc_vae", "--label", "1"], ["fc_vae", "not conditional"]),
        (["latentlab", "sample", "nobody"], ["results/models/nobody", "dvc repro"]),
        (["latentlab", "sample", "fc_vae", "--out", "a.jpg"], ["a.jpg", ".png"]),
        (["latentlab", "sample", "fc_vae", "--device", "abacus"], ["abacus", "cpu"]),
        (["latentlab", "budget", "huge"], ["huge", "evening, full, laptop, smoke"]),
        (["python", "-m", "stages.train", "nobody"], ["experiments.nobody", "fc_vae"]),
        (["python", "-m", "stages.train", "fc_cvae", "--seed", "7"], ["experiments.fc_cvae.seeds (0, 1)", "found 7"]),
        (["python", "-m", "stages.evaluate", "nobody"], ["results/models/nobody"]),
        (["python", "-m", "stages.figures", "nobody"], ["results/models/nobody"]),
        (["python", "-m", "stages.prepare", "letters"], ["data.letters", "digits"]),
        (["python", "-m", "stages.classify", "letters"], ["classifier.letters", "digits"]),
        (["python", "-m", "stages.referee", "letters"], ["referee.letters", "digits"]),
    ],
)
def test_bad_input_is_one_line_and_status_1(command: list[str], words: list[str], workspace: Workspace) -> None:
    output = workspace.run(*command, status=1)
    assert output.startswith("error: ")
    assert output.count("\n") == 1
    assert all(word in output for word in words), output


def test_a_damaged_model_is_one_line(workspace: Workspace) -> None:
    path = workspace.folder / "results/models/fc_vae/seed0.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "seed0.safetensors: expected a trained model" in workspace.stage("evaluate", "fc_vae", status=1)
    path.write_bytes(content)


def _recorded(workspace: Workspace, stage: str, *arguments: str) -> dict[str, Any]:
    """Runs a stage with its reads of files and parameters recorded."""
    recorder = Path(__file__).with_name("recorder.py")
    target = workspace.folder.parent / f"{stage}.json"
    workspace.run("python", str(recorder), str(target), stage, *arguments)
    found: dict[str, Any] = json.loads(target.read_text())
    return found


STAGES = ("prepare", "classify", "referee", "train", "evaluate", "figures", *sorted(LAST))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_exactly_what_it_declares(stage: str, workspace: Workspace) -> None:
    """Parameters, files and code, as they are read at run time against those in dvc.yaml as DVC resolved it."""
    key = "" if stage in LAST else "digits" if stage in ("prepare", "classify", "referee") else "fc_vae"
    lock = yaml.safe_load((workspace.folder / "dvc.lock").read_text())["stages"][f"{stage}@{key}".rstrip("@")]
    if stage == "train":
        shutil.rmtree(workspace.folder / ".resume", ignore_errors=True)
    found = _recorded(workspace, stage, *([key] if key else []))
    declared = [workspace.folder / dep["path"] for dep in lock["deps"]]
    outputs = [workspace.folder / out["path"] for out in lock["outs"]]

    def within(path: Path, roots: list[Path]) -> bool:
        return any(path == root or path.is_relative_to(root) for root in roots)

    if workspace.folder / "params.yaml" not in declared:  # stages that read experiments of all kinds declare all of it
        assert sorted(found["params"]) == sorted(lock["params"]["params.yaml"])
    read = [Path(path) for path in found["files"]]
    strange = [
        p
        for p in read
        if not within(p, declared) and not within(p.with_name(p.name.strip(".").removesuffix(".part")), outputs)
    ]
    assert not [path for path in strange if ".resume" not in path.parts and path.name != "params.yaml"]
    data = [path for path in declared if path.is_file() and path.suffix not in (".py", ".j2")]
    assert not [path for path in data if path not in read]
    code = {Path(path) for path in found["modules"]}
    code = {path for path in code if path.name != "__init__.py" and path.parent.name != "console"}  # change no result
    assert not [path for path in code if not within(path, declared)]
    # Rooms are declared whole, and single files only where they are read.
    assert not [path for path in declared if path.suffix == ".py" and path not in code]
