"""Pairs of sheets that do not tell what they are, and whether the numbers agree with who looks at them."""

import json
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.contracts import checkpoint, images
from pipeline.contracts.checkpoint import Header
from pipeline.contracts.images import ImageSet
from pipeline.ground.errors import InputError
from pipeline.judges import classifier, referee
from pipeline.judges.spoiling import SPOILINGS
from tools import cli, sheets
from tools.eyes import make, picture, read_ranking, score
from tools.sheets import Pair, Real, Trained

CPU = torch.device("cpu")
ROLE = "digits"
TEST = Path(f"data/prepared/{ROLE}/test.safetensors")
GAN = {"conditional": True, "loss": "bce", "moving_average": 0.5, "drawn_by": "generator"}
FAMILIES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "a_vae": ("vae", {"conditional": True, "likelihood": "bernoulli"}),
    "some_gan": ("gan", GAN),
}


def train(folder: Path, data: ImageSet) -> None:
    """Models of both families with fresh weights, two seeds each; the GAN's with three moments on the way."""
    for name, (family, settings) in FAMILIES.items():
        for seed in (0, 1):
            own = {"latent": 3, **settings}
            where = (data.shape, data.classes, data.kind, data.source, seed)
            header = Header(ROLE, family, "mlp", own, {"layers": 1, "hidden": 8}, *where, precision="float32")
            torch.manual_seed(seed)
            checkpoint.save(folder / name / f"seed{seed}.safetensors", checkpoint.build(header), header)
            for iteration in (10, 20, 30) if family == "gan" else ():
                snapshots = folder / name / "snapshots"
                checkpoint.save_snapshot(snapshots, checkpoint.build(header), seed, iteration, iteration)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny: ImageSet) -> Path:
    """A project with tiny images, a judge and a referee that saw them a few times, and untrained models."""
    folder = tmp_path_factory.mktemp("project")
    images.save(tiny, folder / TEST)
    train(folder / "results/models", tiny)
    judges, referees = folder / f"results/classifiers/{ROLE}", folder / f"results/referees/{ROLE}"
    seen: dict[str, Any] = {"batch": 32, "epochs": 4, "learning_rate": 0.01}
    judge = classifier.build(classifier.Settings(weights="", network="small", width=4, **seen), tiny)
    classifier.save(judges / "judge.safetensors", judge.eval())
    classifier.save_views(judges / "views.safetensors", {"test": classifier.predict(judge, tiny.images)})
    settings = referee.Settings(width=4, illegible=3, **seen)
    trained = referee.build(settings, tiny)
    referee.fit(trained, tiny, settings, lambda done, total, values: None)
    referee.save(referees / "referee.safetensors", trained)
    referee.save_views(referees / "views.safetensors", {"test": referee.look(trained, tiny.images)})
    return folder


@pytest.fixture(autouse=True)
def project(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def known(role: str) -> dict[str, dict[str, list[sheets.Source]]]:
    """Sources by kind and group, of which no file is there."""
    folders = [Path(f"{role}{number}") for number in range(3)]
    models: dict[str, list[sheets.Source]] = {str(f): [Trained(f / "seed0"), Trained(f / "seed1")] for f in folders}
    moments: dict[str, list[sheets.Source]] = {str(f): [Trained(f / "seed0", f / "moment", 1)] for f in folders}
    spoiled: dict[str, list[sheets.Source]] = {way: [Real(way, 0.2), Real(way, 0.4)] for way in ("blur", "grain")}
    return {"model": models, "moment": moments, "spoiled": spoiled}


def kind(source: sheets.Source) -> str:
    if isinstance(source, Real):
        return "spoiled"
    return "model" if source.moment is None else "moment"


def test_the_same_seed_gives_the_same_sheets(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("same", 3), ("other", 4)):
        make(out=tmp_path / name, pairs=4, seed=seed)
    one, same, other = (contents(tmp_path / name) for name in ("one", "same", "other"))
    assert {"pair_01.png", "pair_04.png", "ranking.csv", "key/key.json"} < set(one)
    assert len(one) == 6
    assert one == same
    assert one["key/key.json"] != other["key/key.json"]


def test_only_the_key_tells_what_sheets_are(tmp_path: Path) -> None:
    make(out=tmp_path, pairs=12)
    assert (tmp_path / "ranking.csv").read_text().splitlines() == [
        "pair,better,sure",
        *(f"{n},," for n in range(1, 13)),
    ]
    said = (tmp_path / "key/key.json").read_text()
    key = sheets.read_key(tmp_path / "key/key.json")
    told = {name for name in (*FAMILIES, *(way.name for way in SPOILINGS)) if name in said}
    assert {"a_vae", "some_gan"} < told
    for path in tmp_path.glob("*.*"):
        assert not [name for name in (*told, "seed", "iteration") if name.encode() in path.read_bytes()], path
    test = images.load(TEST)
    for number, pair in enumerate(key.pairs, 1):  # the key draws them again
        both = [sheets.sheet(each, test, CPU, 0, number, side) for side, each in (("A", pair.a), ("B", pair.b))]
        assert both[0].shape == (36, 1, 28, 28)
        with Image.open(tmp_path / f"pair_{number:02d}.png") as written:
            assert not written.info
            assert np.array_equal(np.array(written), np.array(picture(*both)))


@pytest.mark.parametrize("seed", range(5))
def test_both_sheets_are_of_one_role_and_two_sources(seed: int) -> None:
    chosen = sheets.choose({role: known(role) for role in ("digits", "faces", "scenes")}, 26, seed)
    shares = [sum(pair.role == role for pair in chosen) for role in ("digits", "faces", "scenes")]
    assert sorted(shares) == [8, 9, 9]
    for pair in chosen:
        assert pair.a != pair.b
        for source in (pair.a, pair.b):
            assert isinstance(source, Real) or source.model.parent.name.startswith(pair.role)
    kinds = [tuple(sorted((kind(pair.a), kind(pair.b)))) for pair in chosen]
    counts = [kinds.count(both) for both in set(kinds)]
    assert len(counts) == len(sheets.KINDS)
    assert max(counts) - min(counts) <= 2
    assert any(one.role != other.role for one, other in pairwise(chosen))  # in no order
    assert len({kind(pair.a) for pair in chosen}) == 3  # on no side


def test_a_role_without_models_or_moments_has_pairs_of_the_others() -> None:
    two = Trained(Path("x/seed0")), Trained(Path("x/seed1"))
    spoiled = known("")["spoiled"]
    for models, kinds in (
        ({}, {"spoiled"}),
        ({"x": two[:1]}, {"model", "spoiled"}),
        ({"x": two}, {"model", "spoiled"}),
    ):
        chosen = sheets.choose({"digits": {"model": models, "moment": {}, "spoiled": spoiled}}, 9, 0)
        assert {kind(each) for pair in chosen for each in (pair.a, pair.b)} == kinds
        assert all(pair.a != pair.b for pair in chosen)


def test_moments_draw_as_they_were_and_the_last_is_the_model(tiny: ImageSet) -> None:
    found = sheets.sources(Path("results/models"), ROLE, tiny.source)
    assert {name: len(group) for name, group in found["model"].items()} == {"a_vae": 2, "some_gan": 2}
    moments = found["moment"]["some_gan"]
    assert [str(each) for each in moments] == [
        f"some_gan seed {seed}, iteration {iteration}" for seed in (0, 1) for iteration in (10, 20)
    ]
    drawn = [sheets.draw(each, tiny, CPU, "x") for each in (*moments[:2], found["model"]["some_gan"][0])]
    assert all(each.shape == tiny.images.shape and each.min() >= 0 and each.max() <= 1 for each in drawn)
    assert not any(torch.equal(one, other) for one, other in pairwise(drawn))
    assert not sheets.sources(Path("results/models"), ROLE, "elsewhere")["model"]
    assert not sheets.sources(Path("results/models"), "faces", tiny.source)["moment"]


def test_halves_hold_all_variants_of_an_original_or_none() -> None:
    originals = torch.arange(60) // 3
    first, second = sheets.halves(originals, 0)
    assert sorted(torch.cat([first, second]).tolist()) == list(range(60))
    assert len(first) == len(second)
    assert not set(originals[first].tolist()) & set(originals[second].tolist())


@pytest.mark.parametrize(("side", "scale"), [(28, 3), (32, 3), (64, 2), (256, 1)])
def test_pixels_are_enlarged_by_whole_numbers(side: int, scale: int) -> None:
    drawn = torch.rand(8, 3, side, side, generator=torch.Generator().manual_seed(0))
    paper = torch.from_numpy(np.array(picture(drawn, 1 - drawn)))
    wanted = drawn[7].mul(255).round().byte().repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    x, y = 24 + side * scale + 4, 64 + side * scale + 4  # second column, second row
    assert torch.equal(paper[y : y + side * scale, x : x + side * scale].permute(2, 0, 1), wanted)
    assert bool((paper[y - 4 : y] == 255).all())


# Whatever the eye says of such pairs, it is sure.
REAL, WORSE, WORST = Real(None, 0), Real("blur", 0.4), Real("blur", 1.0)
KNOWN = (Pair(ROLE, REAL, WORST), Pair(ROLE, WORSE, REAL), Pair(ROLE, WORST, WORSE))
TRUTH, REVERSED = ("A", "B", "B"), ("B", "A", "A")


@pytest.fixture
def ranked(tmp_path: Path) -> Callable[..., Path]:
    """A folder with the known pairs and a ranking of them."""

    def write(better: tuple[str, ...], sure: tuple[str, ...] = ("yes", "yes", "no")) -> Path:
        sheets.write_key(tmp_path / "key/key.json", sheets.key(0, KNOWN, {ROLE: TEST}))
        lines = [f"{number},{each},{how}" for number, (each, how) in enumerate(zip(better, sure, strict=True), 1)]
        (tmp_path / "ranking.csv").write_text("\n".join(["pair,better,sure", *lines]) + "\n")
        return tmp_path

    return write


@pytest.mark.parametrize(("better", "words"), [(TRUTH, "2 of 2, 1 of 1"), (REVERSED, "0 of 2, 0 of 1")])
def test_a_known_answer_is_agreed_with(
    better: tuple[str, ...], words: str, ranked: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = ranked(better)
    score(out=out)
    sure, unsure = words.split(", ")
    verdict = f"agrees in {sure} pairs where the eye was sure, in {unsure} where it was not"
    shown, written = capsys.readouterr().out, (out / "scored.md").read_text()
    assert verdict in shown
    assert verdict in written
    for text in (shown, written):
        assert "real, blur 100%" in text
        assert "…" not in text
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in written.splitlines() if line[:1] == "|"][2:]
    assert [row[:6] for row in rows] == [
        [str(number), ROLE, str(pair.a), str(pair.b), own, "yes" if number < 3 else "no"]
        for number, (pair, own) in enumerate(zip(KNOWN, better, strict=True), 1)
    ]
    assert [row[8] for row in rows] == list(TRUTH)
    assert {row[9] for row in rows} == ({"yes"} if better == TRUTH else {"no"})


def test_every_kind_of_source_is_measured_and_the_same_again(tmp_path: Path) -> None:
    make(out=tmp_path, pairs=8)
    ranking = tmp_path / "ranking.csv"
    ranking.write_text(ranking.read_text().replace(",,", ",a, No "))
    score(out=tmp_path)
    first = (tmp_path / "scored.md").read_bytes()
    score(out=tmp_path)
    assert (tmp_path / "scored.md").read_bytes() == first
    assert first.count(b"a_vae") > 0 < first.count(b"iteration")


def test_pairs_that_are_not_ranked_stay_unknown(
    ranked: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = ranked(("", "B", ""), ("", "yes", "no"))
    score(out=out)
    shown = capsys.readouterr().out
    assert "agrees in 1 of 1 pairs where the eye was sure, in 0 of 0 where it was not" in shown
    assert str(WORST) not in shown + (out / "scored.md").read_text()


GOOD = ["pair,better,sure", "1,A,yes", "2,,", "3,B,no"]


@pytest.mark.parametrize(
    ("line", "text", "words"),
    [
        (1, "pair;better;sure", "line 1: expected pair,better,sure, found pair;better;sure"),
        (2, "1,C,yes", "line 2: better: expected A, B or nothing, found C"),
        (3, "2,A,", "line 3: sure: expected yes or no, as the pair is ranked, found nothing"),
        (3, "2,,perhaps", "line 3: sure: expected yes, no or nothing, found perhaps"),
        (4, "7,B,no", "line 4: pair: expected a number from 1 to 3, found 7"),
        (4, "three,B,no", "line 4: pair: expected a number from 1 to 3, found three"),
        (4, "1,B,no", "line 4: pair: expected each pair once, found 1 again"),
        (4, "3,B", "line 4: expected 3 values, pair, better, sure, found 2"),
        (4, "", "expected a line for each pair from 1 to 3, found none for 3"),
    ],
)
def test_a_bad_line_is_named(line: int, text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "ranking.csv"
    path.write_text("\n".join([*GOOD[: line - 1], text, *GOOD[line:]]) + "\n")
    with pytest.raises(InputError) as error:
        read_ranking(path, 3)
    assert str(error.value).startswith(str(path))
    assert str(error.value).endswith(words)
    assert "\n" not in str(error.value)


def test_a_ranking_is_read_as_spreadsheets_write_it(tmp_path: Path) -> None:
    path = tmp_path / "ranking.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*GOOD[:1], *GOOD[:0:-1]]).replace("A,yes", " a,Yes").encode())
    first, second, third = read_ranking(path, 3)
    assert first is not None
    assert (first.better, first.sure) == ("A", True)
    assert second is None
    assert third is not None
    assert (third.better, third.sure) == ("B", False)


def test_missing_and_changed_files_are_named(ranked: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"key\.json: no such file; `latentlab eyes make` makes it"):
        score(out=tmp_path / "nowhere")
    out = ranked(("", "", ""), ("", "", ""))
    with pytest.raises(InputError, match=r"ranking\.csv: expected A or B in at least one line, found none"):
        score(out=out)
    (out / "ranking.csv").unlink()
    with pytest.raises(InputError, match=r"ranking\.csv: no such file; `latentlab eyes make` makes it"):
        score(out=out)
    out = ranked(TRUTH)
    key = out / "key/key.json"
    written = json.loads(key.read_text())
    key.write_text(json.dumps(written | {"files": {str(TEST): "0123456789ab"}}))
    with pytest.raises(InputError, match=f"{TEST}: expected the file that was drawn from, 0123456789ab, found another"):
        score(out=out)
    for wrong in ("{", "[]", json.dumps({**written, "pairs": [{"role": ROLE}]})):
        key.write_text(wrong)
        with pytest.raises(InputError, match=r"key\.json: expected what `latentlab eyes make` wrote, found [^\n]+$"):
            score(out=out)


def test_roles_that_cannot_be_measured_are_named(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"--role faces: expected data\S+faces\Stest\.safetensors, found no such file"):
        make(out=tmp_path / "eyes", role=[ROLE, "faces"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="of at least one ROLE, found none"):
        make()


def test_a_ranking_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ranking.csv").write_text("mine")
    monkeypatch.setattr(sys, "argv", ["latentlab", "eyes", "make", "--out", str(tmp_path), "--role", ROLE])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    shown = capsys.readouterr().err
    assert shown.startswith(f"error: {tmp_path}/ranking.csv: expected no ranking there, found one")
    assert shown.count("\n") == 1
    assert contents(tmp_path) == {"ranking.csv": b"mine"}
