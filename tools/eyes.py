"""`latentlab eyes`: whether the numbers agree with the eye, which does not know what it looks at."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.console.command import Device
from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from tools.sheets import Key, Pair, Realism

COLUMNS = 6  # of a sheet
GAP, BETWEEN, MARGIN, LETTER = 4, 48, 24, 28  # screen pixels: of images, of the two sheets, around all, high
PREPARED, RESULTS = Path("data/prepared"), Path("results")
KEY = Path("key/key.json")  # apart, so that nobody sees it by chance
HEADER = ["pair", "better", "sure"]

Out = Annotated[Path, typer.Option(help="Folder of the pairs, the ranking and its key.")]


def group() -> typer.Typer:
    """Both commands."""
    app = typer.Typer(
        help="Look at pairs of sheets without knowing what they show, and see whether the numbers agree.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.command()(make)
    app.command()(score)
    return app


@dataclass(frozen=True)
class Answer:
    """Which sheet of a pair looked more real: A or B; and whether the eye was sure."""

    better: str
    sure: bool


@dataclass(frozen=True)
class Scored:
    """One pair that was ranked, and how real its sources are by the numbers."""

    pair: "Pair"
    answer: Answer
    a: "Realism"
    b: "Realism"

    @property
    def number(self) -> str:
        """Which is more real by the distance."""
        return "A" if self.a.frechet_distance < self.b.frechet_distance else "B"

    @property
    def agrees(self) -> bool:
        return self.number == self.answer.better


def make(
    out: Out = Path("eyes"),
    pairs: Annotated[int, typer.Option(min=1, help="How many, shared evenly by the roles.")] = 24,
    role: Annotated[
        list[str] | None,
        typer.Option(help="Such as digits; repeat it for several.  [default: all that have a judge and a referee]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice and the noise: the same seed, the same sheets.")] = 0,
    device: Device = "auto",
) -> None:
    """Draw pairs of unlabelled sheets: of trained models, of models on their way, and of real images, spoiled or not.

    Then say in OUT/ranking.csv of each pair which sheet looks more real, A or B, and whether you are sure, yes or no.
    What the sheets are stands in OUT/key, which is better left closed until `latentlab eyes score`.
    """
    ranking = out / "ranking.csv"
    if ranking.exists():
        raise InputError(f"{ranking}: expected no ranking there, found one; give --out another folder, or remove it")
    roles = _roles(role or [])

    from pipeline.contracts import images
    from pipeline.ground.device import pick
    from pipeline.ground.files import replacing
    from tools import sheets

    place = pick(device)
    tests = {name: images.load(_test(name)) for name in roles}
    found = {name: sheets.sources(RESULTS / "models", name, test.source) for name, test in tests.items()}
    chosen = sheets.choose(found, pairs, seed)
    for number, pair in enumerate(chosen, 1):
        both = (("A", pair.a), ("B", pair.b))
        drawn = [sheets.sheet(each, tests[pair.role], place, seed, number, side) for side, each in both]
        with replacing(out / f"pair_{number:02d}.png") as beside:
            picture(drawn[0], drawn[1]).save(beside, format="PNG")
    sheets.write_key(out / KEY, sheets.key(seed, chosen, {name: _test(name) for name in roles}))
    with replacing(ranking) as beside:
        beside.write_text("\n".join([",".join(HEADER), *(f"{n + 1},," for n in range(pairs))]) + "\n", "utf-8")
    print(
        f"{out}: {pairs} pairs of {', '.join(roles)}\n"
        f"Look at pair_01.png and so on, and say of each in {ranking} which looks more real, A or B, and whether you "
        f"are sure, yes or no;\nthen run `latentlab eyes score --out {out}`"
    )


def score(out: Out = Path("eyes"), device: Device = "auto") -> None:
    """Measure the pairs that OUT/ranking.csv ranks, and say in how many the numbers agree with the eye.

    Each source is drawn again, many images of it, and compared with real ones in the referee's features. Prints a table
    and writes it to OUT/scored.md too; real images were spoiled by so much of the strongest. Pairs that are not ranked
    yet stay unknown.
    """
    from tools import sheets

    key = sheets.read_key(out / KEY)
    answers = read_ranking(out / "ranking.csv", len(key.pairs))
    if not any(answers):
        raise InputError(f"{out / 'ranking.csv'}: expected A or B in at least one line, found none")
    sheets.check(key)

    from rich.table import Table

    from pipeline.console.printable import console, printable
    from pipeline.ground.files import replacing

    scored = _measured(key, answers, device)
    names = ["pair", "role", "A", "B", "eye", "sure", "distance A, B", "precision A, B", "number", "agrees"]
    rows = [_row(number, each) for number, each in enumerate(scored, 1)]
    verdict = _verdict([each for each in scored if each])
    table = Table(title="the eye against frechet_distance: lower is more real")
    for name in names:
        table.add_column(name, overflow="fold", min_width=len(name) if " " not in name else None)
    for row in rows:
        table.add_row(*map(printable, row))
    screen = console(400)
    screen.print(table)
    screen.print(verdict, highlight=False)
    lines = ["| " + " | ".join(cells) + " |" for cells in (names, ["---"] * len(names), *rows)]
    with replacing(out / "scored.md") as beside:
        beside.write_text("\n".join([*lines, "", verdict, ""]), encoding="utf-8")


def _measured(key: "Key", answers: Sequence[Answer | None], device: str) -> list[Scored | None]:
    """The pairs that are ranked, measured, in their order; None for the others."""
    from pipeline.console.progress import progress
    from pipeline.contracts import images
    from pipeline.ground.device import pick
    from pipeline.judges.panel import Files
    from tools.sheets import Bench

    place, benches, scored = pick(device), dict[str, Bench](), list[Scored | None]()
    with progress("eyes") as show:
        for number, (pair, answer) in enumerate(zip(key.pairs, answers, strict=True), 1):
            if answer and pair.role not in benches:
                files = Files(RESULTS / "classifiers" / pair.role, RESULTS / "referees" / pair.role)
                test, seen = images.load(_test(pair.role)), files.real("test").features
                benches[pair.role] = Bench(test, seen, files.panel(place), place, key.seed)
            scored.append(Scored(pair, answer, *benches[pair.role].measure(pair, number)) if answer else None)
            show("", number, len(answers), {})
    return scored


def _row(number: int, scored: Scored | None) -> list[str]:
    """A pair's cells in the table."""
    if scored is None:
        return [str(number), *["–"] * 9]
    pair, answer, a, b = scored.pair, scored.answer, scored.a, scored.b
    told = [str(number), pair.role, str(pair.a), str(pair.b), answer.better, "yes" if answer.sure else "no"]
    numbers = f"{a.frechet_distance:.3g}, {b.frechet_distance:.3g}", f"{a.precision:.2f}, {b.precision:.2f}"
    return [*told, *numbers, scored.number, "yes" if scored.agrees else "no"]


def _verdict(scored: Sequence[Scored]) -> str:
    sure, unsure = ([each.agrees for each in scored if each.answer.sure is kind] for kind in (True, False))
    return (
        f"agrees in {sum(sure)} of {len(sure)} pairs where the eye was sure, "
        f"in {sum(unsure)} of {len(unsure)} where it was not"
    )


def read_ranking(path: Path, pairs: int) -> list[Answer | None]:
    """The answers for pairs 1 to `pairs`, None where a line is left empty. Raises InputError naming the line."""
    found: dict[int, Answer | None] = {}
    for number, cells in enumerate(_lines(path), 1):
        where = f"{path} line {number}"
        if number == 1:
            if cells != HEADER:
                raise InputError(f"{where}: expected {','.join(HEADER)}, found {','.join(cells) or 'nothing'}")
        elif any(cells):
            if len(cells) != len(HEADER):
                raise InputError(f"{where}: expected {len(HEADER)} values, {', '.join(HEADER)}, found {len(cells)}")
            which, better, sure = cells
            if not which.isdecimal() or not 1 <= int(which) <= pairs:
                raise InputError(f"{where}: pair: expected a number from 1 to {pairs}, found {which or 'nothing'}")
            if int(which) in found:
                raise InputError(f"{where}: pair: expected each pair once, found {which} again")
            found[int(which)] = _answer(better, sure, where)
    if missing := [number for number in range(1, pairs + 1) if number not in found]:
        listed = ", ".join(map(str, missing))
        raise InputError(f"{path}: expected a line for each pair from 1 to {pairs}, found none for {listed}")
    return [found[number] for number in range(1, pairs + 1)]


def _answer(better: str, sure: str, where: str) -> Answer | None:
    """As people write it, in capitals or not."""
    if better.upper() not in ("A", "B", ""):
        raise InputError(f"{where}: better: expected A, B or nothing, found {better}")
    if sure.lower() not in ("yes", "no", "") or (better and not sure):
        wanted = "yes or no, as the pair is ranked" if better else "yes, no or nothing"
        raise InputError(f"{where}: sure: expected {wanted}, found {sure or 'nothing'}")
    return Answer(better.upper(), sure.lower() == "yes") if better else None


def _lines(path: Path) -> list[list[str]]:
    """The cells of a CSV file, without the space around them."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets begin files with a mark
        return [[cell.strip() for cell in cells] for cells in csv.reader(text.splitlines())] or [[]]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `latentlab eyes make` makes it") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: expected a CSV file in UTF-8, found something else ({error})") from None


def _roles(asked: Sequence[str]) -> list[str]:
    """The roles asked for, or all. Raises InputError where what the pairs are measured by is missing."""
    for role in dict.fromkeys(asked):
        for path in _needed(role):
            if not path.exists():
                raise InputError(f"--role {role}: expected {path}, found no such file; run `latentlab repro`")
    there = sorted(path.parent.name for path in PREPARED.glob("*/test.safetensors"))
    roles = list(dict.fromkeys(asked)) or [role for role in there if all(path.exists() for path in _needed(role))]
    if not roles:
        wanted = " and ".join(str(path) for path in _needed("ROLE"))
        raise InputError(f"expected {wanted} of at least one ROLE, found none; run `latentlab repro`")
    return roles


def _needed(role: str) -> list[Path]:
    """What pairs of a role are drawn from and measured by, besides models."""
    judge, seen = RESULTS / "classifiers" / role, RESULTS / "referees" / role
    return [
        _test(role),
        *(judge / f"{n}.safetensors" for n in ("judge", "views")),
        *(seen / f"{n}.safetensors" for n in ("referee", "views")),
    ]


def _test(role: str) -> Path:
    return PREPARED / role / "test.safetensors"


def picture(left: "Tensor", right: "Tensor") -> "Image":
    """Two sheets of images (N, C, H, W) in [0, 1] side by side on white, above each its letter, A or B."""
    from matplotlib.font_manager import findfont
    from PIL import Image, ImageDraw, ImageFont

    from pipeline.figures.common.style import FONT, INK, PAPER

    sheets = [_sheet(images) for images in (left, right)]
    height, width = sheets[0].shape[:2]
    top = MARGIN + LETTER + MARGIN // 2
    paper = Image.new("RGB", (2 * (MARGIN + width) + BETWEEN, top + height + MARGIN), PAPER)
    pen, font = ImageDraw.Draw(paper), ImageFont.truetype(findfont(FONT), LETTER)
    for number, (letter, sheet) in enumerate(zip("AB", sheets, strict=True)):
        x = MARGIN + number * (width + BETWEEN)
        paper.paste(Image.fromarray(sheet), (x, top))
        pen.text((x + width / 2, MARGIN + LETTER), letter, INK, font, anchor="ms")
    return paper


def _sheet(images: "Tensor") -> Any:
    """One picture (H', W', 3) uint8 of images (N, C, H, W), enlarged by a whole number, with white between."""
    import torch

    n, _, h, w = images.shape
    scale = max(1, min(3, 128 // max(h, w)))
    high, wide, rows = h * scale + GAP, w * scale + GAP, -(-n // COLUMNS)
    large = images.repeat_interleave(scale, 2).repeat_interleave(scale, 3).expand(-1, 3, -1, -1)
    paper = torch.ones(3, rows * high - GAP, COLUMNS * wide - GAP)
    for number, image in enumerate(large):
        y, x = number // COLUMNS * high, number % COLUMNS * wide
        paper[:, y : y + h * scale, x : x + w * scale] = image
    return paper.mul(255).round().byte().permute(1, 2, 0).contiguous().numpy()
