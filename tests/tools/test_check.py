"""`latentlab check` refuses what a stage would: wrong values of every key, by the schemas, and of several together."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from pipeline.ground import params, plugins
from pipeline.ground.errors import InputError
from tools.check import ROLES, faults
from tools.models import misfits
from tools.schemas import settings

CONTENT: dict[str, Any] = yaml.safe_load((plugins.ROOT.parent / "params.yaml").read_text())
# One experiment of each family and network is enough, as all are read alike.
KEPT = {(block["family"], block["network"]): name for name, block in reversed(CONTENT["experiments"].items())}
ROLE_SCHEMAS = {
    "classifier": "judges/classifier",
    "referee": "judges/referee",
    "evaluation": "evaluation/collect",
    "figures": "figures/common/inputs",
}


def small(name: str) -> dict[str, Any]:
    """A params.yaml with one experiment."""
    content = copy.deepcopy({key: value for key, value in CONTENT.items() if key != "experiments"})
    content["experiments"] = {name: copy.deepcopy(CONTENT["experiments"][name])}
    content["report"] |= {"explorer": [], "overview": [], "sections": []}
    return content


def wrong(field: dict[str, Any], defined: dict[str, Any]) -> Iterator[Any]:
    """Values that a field of a JSON schema must refuse."""
    if "$ref" in field:
        field = defined[field["$ref"].rsplit("/", 1)[-1]]
    yield {"a": "mapping"}
    kind = field.get("type")
    if kind in ("integer", "number"):
        yield from (True, "many", [1], float("inf"), float("nan"), -(10**30))
        if "minimum" in field:
            yield field["minimum"] - 1
        if "exclusiveMinimum" in field:
            yield field["exclusiveMinimum"]
        if "maximum" in field:
            yield field["maximum"] + 1
        if "exclusiveMaximum" in field:
            yield field["exclusiveMaximum"]
    if kind == "integer":
        yield from (2.5, 10**30)
    if "enum" in field or "const" in field:
        yield from ("none such", 3.5, [])
    if kind == "string":
        yield from (3, [], True)
    if kind == "boolean":
        yield from ("perhaps", 7, [])
    if kind == "array":
        yield from (3, [{"a": 1}], "a,b")
    if kind == "object":
        yield from (3, ["a"], {"nobody": {"learning_rate": 1.0}})


def fields(schema: str) -> Iterator[tuple[str, Any]]:
    described = settings(schema).model_json_schema()
    for key, field in described["properties"].items():
        for value in wrong(field, described.get("$defs", {})):
            yield key, value


def cases() -> Iterator[tuple[str, str, Any]]:
    for (family, network), name in KEPT.items():
        for schema in (f"models/{family}", f"networks/{network}"):
            for key, value in fields(schema):
                yield name, f"experiments.{name}.{key}", value
    name = KEPT["vae", "mlp"]
    for key, value in fields("training/loop"):
        yield name, f"experiments.{name}.{key}", value
    described = settings("training/loop").model_json_schema()
    for key, field in described["$defs"]["Optimiser"]["properties"].items():
        for value in wrong(field, {}):
            yield name, f"experiments.{name}.optimisers.vae.{key}", value
    for block, schema in ROLE_SCHEMAS.items():
        for key, value in fields(schema):
            yield name, f"{block}.digits.{key}", value
    for role in CONTENT["data"]:
        for key, value in fields(f"data/{role}"):
            yield name, f"data.{role}.{key}", value


def put(content: dict[str, Any], key: str, value: Any) -> None:
    *path, last = key.split(".")
    for part in path:
        content = content[part]
    content[last] = value


def told(name: str, content: dict[str, Any]) -> list[str]:
    return faults(content) or misfits(content)


@pytest.mark.parametrize("group", range(8))
def test_every_key_refuses_wrong_values_in_a_line_that_names_it(group: int) -> None:
    for number, (name, key, value) in enumerate(cases()):
        if number % 8 != group:
            continue
        content = small(name)
        put(content, key, value)
        found = told(name, content)
        assert found, f"{key}: {value!r} was accepted"
        assert all("\n" not in fault and len(fault) < 1000 for fault in found), found
        assert any(key in fault for fault in found), f"{key}: {value!r} was told as {found}"


def test_there_are_hundreds_of_cases() -> None:
    assert len(list(cases())) >= 300


@pytest.mark.parametrize("name", list(KEPT.values()))
def test_every_key_that_is_missing_or_unknown_is_named(name: str) -> None:
    family, network = CONTENT["experiments"][name]["family"], CONTENT["experiments"][name]["network"]
    for schema in ("models/" + family, "networks/" + network, "training/loop"):
        for key in settings(schema).model_json_schema().get("required", ()):
            content = small(name)
            del content["experiments"][name][key]
            assert any(f"{name}.{key}: missing" in fault for fault in faults(content))
    content = small(name)
    content["experiments"][name]["nonsense"] = 1
    assert any(f"{name}.nonsense: unknown key" in fault for fault in faults(content))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("experiments.fc_vae.family", "__init__", ["pipeline/models/__init__.py", "no such file", "vae"]),
        ("experiments.fc_vae.family", "base", ["pipeline/models/base.py", "no such file"]),
        ("experiments.fc_vae.family", "../models/vae", ["no such file"]),
        ("experiments.fc_vae.network", "__init__", ["pipeline/networks/__init__.py", "mlp"]),
        ("experiments.fc_vae.latent", True, ["experiments.fc_vae.latent", "True"]),
        ("experiments.fc_vae.latent", 10**12, ["experiments.fc_vae.latent", "65536"]),
        ("experiments.fc_vae.seeds", [2**70], ["experiments.fc_vae.seeds", "4294967296"]),
        ("experiments.fc_vae.seeds", [True, 2], ["experiments.fc_vae.seeds.0", "True"]),
        ("experiments.fc_vae.batch", 50_000, ["experiments.fc_vae", "batch", "12000", "50000"]),
        ("experiments.wgan_gp.batch", 4000, ["experiments.wgan_gp", "batch", "5 batches an iteration", "4000"]),
        ("experiments.fc_vae.optimisers", {}, ["experiments.fc_vae", "optimisers", "vae", "none"]),
        ("experiments.fc_vae.optimisers.critic", {"learning_rate": 1.0}, ["experiments.fc_vae", "vae, critic"]),
        ("experiments.cgan.optimisers", {"generator": {"learning_rate": 1.0}}, ["discriminator", "classifier"]),
        ("experiments.fc_vae.optimisers.vae.betas", [0.9, 1.5], ["optimisers.vae.betas.1", "1.5"]),
        ("evaluation.digits.metrics", ["frechet", "frechet"], ["evaluation.digits.metrics", "'frechet'", "again"]),
        ("figures.digits.figures", ["samples", "samples"], ["figures.digits.figures", "'samples'"]),
        ("report.metrics.digits", ["elbo", "elbo"], ["report.metrics.digits", "'elbo'"]),
        ("report.explorer", ["fc_vae", "fc_vae"], ["report.explorer", "'fc_vae'"]),
        ("report.overview", ["fc_vae", "fc_vae"], ["report.overview", "'fc_vae'"]),
        ("experiments.fc_vae.snapshots", 3, ["experiments.fc_vae", "snapshots", "3"]),
        ("classifier.digits.weights", "nowhere/judge.pt", ["classifier.digits.weights", "nowhere/judge.pt"]),
        ("classifier.digits.batch", 20_000, ["classifier.digits.batch", "12000", "20000"]),
        ("referee.digits.batch", 20_000, ["referee.digits.batch", "12000", "20000"]),
        ("experiments.fc_vae.optimisers.vae.learning_rate", 10.0, ["optimisers.vae.learning_rate", "equal to 1", "10"]),
        ("classifier.digits.learning_rate", 40.0, ["classifier.digits.learning_rate", "equal to 1", "40"]),
        ("referee.digits.learning_rate", 40.0, ["referee.digits.learning_rate", "equal to 1", "40"]),
        ("experiments.scenes_cvae.batch", 1, ["experiments.scenes_cvae.batch", "2 or more", "found 1"]),
        ("data.digits.test", 11, ["data.digits.test", "at least 12 images", "metric manifold", "found 11"]),
        ("evaluation.faces.pairs", 3, ["evaluation.faces.pairs", "4", "found 3"]),
        ("experiments.face_vae.data", "digits", ["experiments.face_vae.network conv", "16 divides", "28 x 28"]),
        ("experiments.face_acgan.network", "mlp", ["experiments.face_acgan", "unknown key"]),
        ("experiments.dcgan.network", "mlp", ["experiments.dcgan", "unknown key"]),
        ("experiments.scenes_cvae.latent", 20, ["experiments.scenes_cvae", "latent", "24", "20"]),
        ("experiments.scenes_cvae.conditional", False, ["experiments.scenes_cvae", "conditional"]),
        ("experiments.fc_vae.data", "letters", ["experiments.fc_vae.data", "letters"]),
        ("data.letters", {"source": "folder"}, ["data.letters", "pipeline/data/letters.py"]),
    ],
)
def test_what_goes_wrong_between_keys(key: str, value: Any, words: list[str]) -> None:
    content = copy.deepcopy(CONTENT)
    put(content, key, value)
    found = " ".join(faults(content) or misfits(content))
    assert all(word in found for word in words), found


@pytest.mark.parametrize("role", list(CONTENT["data"]))
def test_a_folder_that_is_not_there_is_named(role: str) -> None:
    content = small("fc_vae")
    content["data"][role] |= {"source": "folder", "folder": "nowhere/at/all"}
    assert f"data.{role}.folder" in " ".join(faults(content))
    assert "nowhere/at/all" in " ".join(faults(content))


@pytest.mark.parametrize(
    "name", ["my vae", "a/b", 7, "x;touch pwned", "$(touch pwned)", "", "é", "-x", "x\n", ".", "a" * 65, True, "a.b"]
)
@pytest.mark.parametrize("block", ["experiments", *ROLES])
def test_a_name_that_a_shell_or_a_path_would_misread_is_refused(block: str, name: Any) -> None:
    content = small("fc_vae")
    content[block][name] = copy.deepcopy(next(iter(content[block].values())))
    (found,) = faults(content)
    assert block in found
    assert repr(name) in found


@pytest.mark.parametrize("kind", ["family", "network", "data"])
def test_an_unknown_plug_in_is_not_told_as_the_explorers_fault(kind: str) -> None:
    content = copy.deepcopy(CONTENT)
    content["experiments"]["fc_vae"][kind] = "nonsense"
    assert all("explorer" not in fault for fault in faults(content))
    assert len(faults(content)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a:\n  latent: 15\n  latent: 20", ["'latent'", "lines 2 and 3"]),
        ("a: &x {b: 1}\nc: *x", ["anchors", "'x'", "line 1"]),
        ("a: 1\na: 2", ["'a'", "lines 1 and 2"]),
        ("? [1, 2]\n: 3", ["not valid YAML"]),
        ("a: 2026-99-99", ["not valid YAML"]),
        ("a: !!python/object:os.system {}", ["not valid YAML"]),
        ("a: 1\n\tb: 2", ["not valid YAML"]),
        ("[" * 100_000, ["not valid YAML"]),
        ("", ["mapping", "NoneType"]),
    ],
)
def test_a_file_that_says_a_thing_twice_or_is_no_yaml_is_refused(text: str, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        params.load(path)
    assert all(word in str(error.value) for word in words), error.value
    assert "\n" not in str(error.value)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


@hypothesis(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
@example(b"\xff")
@example(b"a: \x00")
def test_the_reader_reads_any_bytes_or_refuses_them(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "params.yaml"
    path.write_bytes(raw)
    said = ""
    try:
        assert isinstance(params.load(path), dict)
    except InputError as error:
        said = str(error)
    assert "\n" not in said


LEAVES = [f"{block}.digits" for block in ROLES]


@hypothesis(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["", *LEAVES, "report", "experiments.fc_vae", "experiments.fc_vae.optimisers"]),
    st.text(max_size=6),
    VALUES,
)
@example("report", "", {"\n": None})
def test_a_value_of_any_kind_anywhere_never_ends_in_a_traceback(where: str, key: str, value: Any) -> None:
    content = small("fc_vae")
    place: Any = content
    for part in where.split(".") if where else ():
        place = place[part]
    keys = list(place)
    place[keys[len(key) % len(keys)]] = value
    for fault in told("fc_vae", content):
        assert "\n" not in fault
