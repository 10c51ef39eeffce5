"""params.yaml: strict, typed, equal to the laptop budget, and readable without torch."""

import copy
import importlib
import subprocess
import sys
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field

from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.ground.params import Strict
from pipeline.ground.plugins import ROOT as PIPELINE
from pipeline.report.budget import overlays
from tools.budget import apply
from tools.check import faults
from tools.schemas import settings


class Example(Strict):
    rate: float = Field(gt=0)
    layers: int = 3


@pytest.mark.parametrize(("written", "value"), [("1e-3", 1e-3), ("5e-05", 5e-5), ("2", 2.0), ("0.5", 0.5)])
def test_numbers_that_yaml_1_1_takes_for_strings_are_numbers(written: str, value: float) -> None:
    assert params.parse(Example, yaml.safe_load(f"rate: {written}"), "here").rate == value


@pytest.mark.parametrize(("written", "value"), [("false", False), ("no", False), ("'false'", False), ("yes", True)])
def test_switches_can_be_off(written: str, value: bool) -> None:
    """The known fault: `type=bool` flags that are always true."""
    switch = settings("models/vae").model_validate(
        {"latent": 1, "likelihood": "bernoulli", "conditional": yaml.safe_load(written)}
    )
    assert switch.model_dump()["conditional"] is value


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"rate": -1}, ["here.rate", "greater than 0", "-1"]),
        ({"rate": "fast"}, ["here.rate", "fast"]),
        ({"rate": ".nan"}, ["here.rate", "nan"]),
        ({"rate": float("inf")}, ["here.rate", "inf"]),
        ({}, ["here.rate", "missing"]),
        ({"rate": 1, "rat": 2}, ["here.rat", "unknown", "rate, layers"]),
        ({"rate": 1, "layers": 2.5}, ["here.layers", "2.5"]),
        (7, ["here", "7"]),
    ],
)
def test_a_wrong_value_is_named_with_its_key_in_one_line(block: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        params.parse(Example, block, "here")
    assert all(word in str(error.value) for word in words)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["params.yaml", "cannot be read"]),
        ("a: [1", ["params.yaml", "not valid YAML"]),
        ("- 1", ["params.yaml", "mapping", "list"]),
        ("experiments:\n  a: 1\n  b: 2", ["experiments.c", "found a, b"]),
        ("experiments: 3", ["experiments.c", "found 3"]),
    ],
)
def test_a_wrong_file_is_one_clear_line(
    text: str | None, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path("params.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        params.read("experiments.c")
    assert all(word in str(error.value) for word in words)
    assert "\n" not in str(error.value)


def test_params_yaml_is_the_laptop_budget_and_keeps_its_comments(root: Path) -> None:
    text = (root / "params.yaml").read_text()
    assert apply(text, yaml.safe_load((root / "budgets/laptop.yaml").read_text()), "laptop") == text


def _leaves(content: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if not isinstance(content, dict):
        return {path: content}
    return {key: value for name, part in content.items() for key, value in _leaves(part, (*path, str(name))).items()}


def test_every_budget_is_valid_and_leads_back_to_the_laptop(root: Path) -> None:
    text = (root / "params.yaml").read_text()
    found = {path.stem: overlays(path) for path in (root / "budgets").glob("*.yaml")}
    assert set(found) == {"smoke", "laptop", "evening", "full"}
    (laptop,) = found["laptop"]
    for name, parts in found.items():
        there = reduce(lambda text, overlay: apply(text, overlay, name), parts, text)
        assert not faults(yaml.safe_load(there))
        assert (there == text) == (name == "laptop")
        assert apply(there, laptop, "laptop") == text  # so no budget leaves a trace


def test_an_evening_begins_with_the_laptops_run(root: Path) -> None:
    parts = [part for name in ("smoke", "evening") for part in overlays(root / f"budgets/{name}.yaml")]
    there = yaml.safe_load(reduce(lambda text, part: apply(text, part, ""), parts, (root / "params.yaml").read_text()))
    laptop = yaml.safe_load((root / "params.yaml").read_text())
    assert there["data"] == laptop["data"]
    assert there["experiments"]["fc_vae"] == laptop["experiments"]["fc_vae"]
    assert there["experiments"]["scenes_cvae"]["epochs"] > laptop["experiments"]["scenes_cvae"]["epochs"]


def test_the_full_budget_holds_the_reports_schedules(root: Path) -> None:
    full = yaml.safe_load(
        apply((root / "params.yaml").read_text(), yaml.safe_load((root / "budgets/full.yaml").read_text()), "")
    )
    assert full["data"]["digits"]["train"] == 60000
    epochs = {name: block["epochs"] for name, block in full["experiments"].items()}
    reports = {"fc": 10, "scenes": 300, "face": 500, "dcgan": 100}
    assert all(epochs[name] == (350 if "infogan" in name else reports.get(name.split("_")[0], 200)) for name in epochs)
    cgan, scenes = full["experiments"]["cgan"], full["experiments"]["scenes_cgan"]
    assert (cgan["width"], cgan["embedding"], cgan["batch"], cgan["auxiliary"]) == (64, 10, 256, 0)
    assert (scenes["width"], scenes["embedding"], scenes["batch"], scenes["auxiliary"]) == (64, 100, 256, 0)
    assert full["experiments"]["scenes_cgan_condition300"]["batch"] == 512
    assert scenes["generator_steps"] == 4
    adam = {"learning_rate": 0.0002, "betas": [0.5, 0.999]}
    assert cgan["optimisers"]["generator"] == adam | {"weight_decay": 0.00002}
    assert scenes["optimisers"]["discriminator"] == adam
    faces = {name: block for name, block in full["experiments"].items() if block["data"] == "faces"}
    assert (full["data"]["faces"]["train"], full["data"]["faces"]["test"]) == (40000, 2621)
    assert all(block["batch"] == (128 if "dcgan" in name else 200) for name, block in faces.items())
    assert 40000 // 200 * faces["face_gan"]["epochs"] == 100_000  # iterations
    assert 40000 // 200 * faces["face_infogan"]["epochs"] == 70_000
    rates = {
        name: {
            player: (each.get("algorithm", "adam"), float(each["learning_rate"]))
            for player, each in block["optimisers"].items()
        }
        for name, block in faces.items()
    }
    others = {"discriminator": ("rmsprop", 5e-5), "generator": ("adam", 1e-4)}
    assert rates["face_gan"] == {"discriminator": ("rmsprop", 1e-4), "generator": ("adam", 5e-5)}
    assert rates["face_acgan"] == others | {"classifier": ("adam", 1e-4)}
    assert rates["face_infogan"] == rates["face_infogan_embedded"] == others | {"recogniser": ("adam", 1e-4)}
    assert {block["network"] for name, block in faces.items() if name.endswith("gan") and "face" in name} == {"skip"}
    assert not faces["face_gan"]["normalised"]
    assert faces["face_gan"]["discriminator"] == "report"
    assert (faces["face_vae"]["latent"], faces["face_vae_latent512"]["latent"]) == (1024, 512)
    decay = faces["face_vae"]["optimisers"]["vae"]
    assert (decay["learning_rate"], decay["decay"], decay["decay_every"]) == (0.0002, 0.9, 4000)
    # the mean squared error of 3 x 64 x 64 values + 5e-5 KL, times 3 * 64 * 64 / (2 sigma^2), is this Gaussian's loss
    assert 2 * faces["face_vae"]["sigma"] ** 2 / (3 * 64 * 64) == pytest.approx(5e-5, rel=1e-4)
    assert [faces[name]["deepened"] for name in ("dcgan", "dcgan_deep")] == [False, True]
    critic = full["experiments"]["wgan_clip"]["optimisers"]["critic"]
    assert (critic["algorithm"], float(critic["learning_rate"])) == ("rmsprop", 0.00005)


@pytest.mark.parametrize("overlay", [{"experiments": {"nobody_*": {"epochs": 1}}}, {"data": {"digits": {"trian": 1}}}])
def test_an_overlay_cannot_add_keys(overlay: dict[str, Any], root: Path) -> None:
    with pytest.raises(InputError, match="no such key"):
        apply((root / "params.yaml").read_text(), overlay, "mine.yaml")


def test_an_overlay_with_a_wrong_value_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match=r"mine.yaml: .*epochs"):
        apply((root / "params.yaml").read_text(), {"experiments": {"fc_vae": {"epochs": 0}}}, "mine.yaml")


def _set(content: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for part in path:
        content = content[part]
    if value is None:
        del content[last]
    else:
        content[last] = value


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("experiments.fc_vae.latent", 0, ["experiments.fc_vae.latent", "0"]),
        ("experiments.fc_vae.latent", None, ["experiments.fc_vae.latent", "missing"]),
        ("experiments.fc_vae.latnet", 5, ["experiments.fc_vae.latnet", "did you mean 'latent'?"]),
        ("experiments.fc_vae.conditional", "perhaps", ["experiments.fc_vae.conditional", "perhaps"]),
        ("experiments.fc_vae.family", "vea", ["pipeline/models/vea.py", "vae"]),
        ("experiments.fc_vae.network", "mpl", ["pipeline/networks/mpl.py", "mlp"]),
        ("experiments.fc_vae.data", "letters", ["experiments.fc_vae.data", "letters", "digits"]),
        ("experiments.fc_vae.seeds", [], ["experiments.fc_vae.seeds"]),
        ("experiments.fc_vae.seeds", [1, 1], ["experiments.fc_vae.seeds", "distinct"]),
        ("experiments.fc_vae.optimisers.vae.algorithm", "sgdd", ["optimisers.vae.algorithm", "sgdd"]),
        ("experiments.fc_vae", 3, ["experiments.fc_vae", "3"]),
        ("evaluation.digits.metrics", ["fid"], ["evaluation.digits.metrics", "pipeline/evaluation/metrics/fid.py"]),
        ("figures.digits.figures", ["poster"], ["pipeline/figures/poster.py"]),
        ("classifier.scenes.network", "oracle", ["classifier.scenes.network", "pipeline/judges/networks/oracle.py"]),
        ("experiments.cgan.loss", "l2", ["experiments.cgan.loss", "bce", "l2"]),
        ("experiments.wgan_clip.constraint", "hope", ["experiments.wgan_clip.constraint", "clip"]),
        ("experiments.cgan.moving_average", 1.0, ["experiments.cgan.moving_average", "1.0"]),
        ("data.scenes.source", "iclevr", ["data.scenes.source", "clevr", "folder"]),
        ("data.digits.source", "mnits", ["data.digits.source", "mnits", "digits8x8"]),
        ("data.faces.source", "celebs", ["data.faces.source", "avatars", "celeba"]),
        ("experiments.face_infogan.codes", 1, ["experiments.face_infogan.codes", "2", "1"]),
        ("experiments.face_gan.discriminator", "x", ["experiments.face_gan.discriminator", "strided"]),
        ("experiments.face_vae.optimisers.vae.decay", 1.5, ["optimisers.vae.decay", "1.5"]),
        ("report.beside", [], ["report.beside", "unknown key"]),
        ("report.metrics.letters", ["elbo"], ["report.metrics.letters", "digits"]),
        ("report.explorer", ["me"], ["report.explorer", "'me'"]),
        ("report.explorer", ["face_vae"], ["report.explorer", "'face_vae'", "data: faces", "network: conv"]),
        ("report.overview", ["me"], ["report.overview", "'me'"]),
        (
            "report.sections",
            [{"title": "A", "experiments": ["cgan"], "leads": [{"question": "?", "pictures": ["cgan/clases"]}]}],
            ["report.sections.0.leads", "EXPERIMENT/FIGURE", "'cgan/clases'"],
        ),
        ("report.sections", [{"title": "A", "experiments": []}], ["report.sections.0.experiments"]),
        ("report.sections", [{"title": "A", "experiments": ["me"]}], ["report.sections.0.experiments", "'me'"]),
        ("report.sections", [{"title": n, "experiments": ["cgan"]} for n in "AB"], ["report.sections", "'cgan'"]),
        ("classifier.letters", {}, ["classifier.letters"]),
        ("referee.scenes.illegible", 0, ["referee.scenes.illegible", "greater than 0"]),
        ("referee.faces.batch", 8, ["referee.faces.batch", "16", "8"]),
        ("colours", {}, ["colours", "unknown block"]),
        ("data", None, ["data", "expected a mapping"]),
    ],
)
def test_check_names_the_fault(key: str, value: Any, words: list[str], content: dict[str, Any]) -> None:
    broken = copy.deepcopy(content)
    _set(broken, key, value)
    found = faults(broken)
    assert found
    assert all(word in " ".join(found) for word in words), found
    assert all("\n" not in fault for fault in found)


def test_check_takes_no_torch(root: Path) -> None:
    code = """if True:
        import sys
        from tools.cli import main
        sys.argv = ["latentlab", "check", "--quick"]
        try:
            main()
        except SystemExit as end:
            assert not end.code
        assert "torch" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "valid" in done.stdout


def _plugins() -> list[str]:
    folders = ("data", "models", "networks")
    files = [path for folder in folders for path in sorted((PIPELINE / folder).glob("*.py"))]
    named = [str(p.relative_to(PIPELINE).with_suffix("")) for p in files if "class Settings" in p.read_text()]
    return [
        *named,
        "training/loop",
        "judges/classifier",
        "judges/referee",
        "evaluation/collect",
        "figures/common/inputs",
        "report/settings",
    ]


@pytest.mark.parametrize("name", _plugins())
def test_the_schema_read_from_source_is_the_schema_that_runs(name: str) -> None:
    module = importlib.import_module(f"pipeline.{name.replace('/', '.')}")
    assert settings(name).model_json_schema() == module.Settings.model_json_schema()
