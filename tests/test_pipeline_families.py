"""The stages of one experiment of each family that digits do not have, at the smoke budget, one after the other."""

import csv
import shutil
from pathlib import Path

import pytest
from workspace import Workspace, make

from pipeline.statistics import measurements

pytestmark = pytest.mark.slow
FACES = ("face_ae", "face_acgan", "face_infogan")


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One experiment of each adversarial family, on the two roles of colour images, stage by stage."""
    workspace = make(tmp_path_factory.mktemp("games"), ("scenes_cgan", "wgan_gp"))
    for name, role in (("scenes_cgan", "scenes"), ("wgan_gp", "colour")):
        for stage, key in (
            ("prepare", role),
            ("classify", role),
            ("referee", role),
            ("train", name),
            ("evaluate", name),
            ("figures", name),
        ):
            workspace.stage(stage, key)
    return workspace


def test_games_leave_all_their_results(games: Workspace) -> None:
    results = games.folder / "results"
    found = {name: set(each.metrics) for name, each in measurements.load(results / "measurements").items()}
    assert found.keys() == {"scenes_cgan", "wgan_gp"}
    both = {"diversity", "duplicates", "final_frechet_distance", "best_frechet_distance", "average_frechet_distance"}
    for metrics in found.values():
        assert both | {"collapsed", "frechet_distance", "precision", "recall", "sharpness"} <= metrics
    objects = {
        f"{name}_{kind}" for name in ("test", "new_test") for kind in ("accuracy", "exact_match", "extra_objects")
    }
    objects |= {"test_accuracy_1_object", "accuracy_red", "accuracy_cube"}
    assert objects | {"objects_accuracy_real", "final_accuracy", "average_accuracy"} <= found["scenes_cgan"]
    assert not {"condition_accuracy", "final_accuracy", "test_accuracy"} & found["wgan_gp"]  # not conditional

    drawn = {name: {path.stem for path in (results / f"figures/{name}").glob("*.png")} for name in found}
    lists = {"conditions_test", "conditions_new_test", "single_objects"}
    assert drawn["scenes_cgan"] == {"samples", "interpolation", "curves", "progress"} | lists
    assert drawn["wgan_gp"] == {"samples", "interpolation", "curves", "progress"}

    with (results / "progress/scenes_cgan.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["iteration"], row["drawer"]) for row in rows] == [
        (iteration, drawer) for iteration in ("8", "16") for drawer in ("generator", "average")
    ]
    assert {"frechet_distance", "diversity", "test_accuracy", "new_test_accuracy"} <= set(rows[0])
    with (results / "curves/wgan_gp.csv").open() as file:
        assert {"critic_real", "critic_fake", "critic_penalty", "generator_loss", "loss"} <= set(next(csv.reader(file)))


def test_objects_are_asked_for_by_name(games: Workspace, tmp_path: Path) -> None:
    target, names = tmp_path / "two.png", ("--label", "red cube", "--label", "cyan sphere")
    output = games.run("latentlab", "sample", "scenes_cgan", "--count", "4", *names, "--out", str(target))
    assert "4 images of scenes_cgan" in output
    assert target.read_bytes().startswith(b"\x89PNG")
    output = games.run("latentlab", "sample", "scenes_cgan", "--label", "red cone", status=1)
    assert output.startswith("error: --label red cone: expected one of gray cube, red cube, ")
    assert "yellow cylinder" in output
    assert output.count("\n") == 1


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One experiment of each family that only faces have, stage by stage."""
    workspace = make(tmp_path_factory.mktemp("faces"), FACES)
    stages = [(stage, "faces") for stage in ("prepare", "classify", "referee")]
    for stage, key in [*stages, *((stage, name) for name in FACES for stage in ("train", "evaluate", "figures"))]:
        workspace.stage(stage, key)
    return workspace


def test_faces_leave_all_their_results(faces: Workspace) -> None:
    results = faces.folder / "results"
    measured = measurements.load(results / "measurements")
    found = {name: set(each.metrics) for name, each in measured.items()}
    every = {"frechet_distance", "precision", "recall", "eye_asymmetry", "sharpness", "nearest_train"}
    games = {"spikes", "highest_loss", "late_loss", "collapsed", "final_frechet_distance"}
    own = {
        "face_ae": {"mse"},
        "face_acgan": {"condition_accuracy", "condition_accuracy_real", "flip_rate", "leak_absolute"} | games,
        "face_infogan": {"code_recovery", "code_information", "code_attribute_information", "collapse"} | games,
    }
    assert found.keys() == own.keys()
    for name, metrics in found.items():
        assert every | own[name] <= metrics
        assert measured[name].source == "avatars"
    assert {"flip_rate_smiling", "flip_rate_lowest"} <= found["face_acgan"]
    assert not {"elbo", "nll", "active_units"} & found["face_ae"]

    drawn = {name: {path.stem for path in (results / f"figures/{name}").glob("*.png")} for name in found}
    every = {"samples", "real_fake", "eyes", "interpolation", "curves"}
    assert drawn["face_ae"] == every | {"reconstructions", "latent_map"}
    assert drawn["face_acgan"] == every | {"flips_pairs", "flips_all", "progress"}
    assert drawn["face_infogan"] == every | {"codes_meaning", "codes_mixed", "progress"}
    with (results / "curves/face_acgan.csv").open() as file:
        columns = set(next(csv.reader(file)))
    assert {"discriminator_peak", "classifier_real_accuracy", "classifier_fake_accuracy"} <= columns


def test_attributes_are_asked_for_together_and_codes_mixed(faces: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "faces.png"
    names = ("--label", "Smiling", "--label", "Male", "--count", "4", "--out", str(target))
    assert "4 images of face_acgan, trained on avatars" in faces.run("latentlab", "sample", "face_acgan", *names)
    mixed = ("--code", "1", "--code", "5", "--count", "4", "--out", str(target))
    assert "4 images of face_infogan" in faces.run("latentlab", "sample", "face_infogan", *mixed)
    assert target.read_bytes().startswith(b"\x89PNG")
    output = faces.run("latentlab", "sample", "face_infogan", "--code", "8", status=1)
    assert output == "error: --code 8: expected a number from 1 to 7\n"
    output = faces.run("latentlab", "sample", "face_acgan", "--code", "1", status=1)
    assert output == "error: --code 1: face_acgan has no latent code; leave --code out\n"
    output = faces.run("latentlab", "sample", "face_acgan", "--label", "Elf", status=1)
    assert output.startswith("error: --label Elf: expected one of Bangs, Beard, ")


def test_a_game_trained_again_is_the_same_to_the_bit(games: Workspace) -> None:
    folder = games.folder / "results/models/wgan_gp"

    def content() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in folder.rglob("*.safetensors")}

    before = content()
    assert len(before) == 3  # the model and two snapshots
    shutil.rmtree(games.folder / ".resume")
    shutil.rmtree(folder)
    games.stage("train", "wgan_gp")
    assert content() == before
