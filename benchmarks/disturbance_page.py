"""What each metric must see of spoiled real images and what it must not mind, and docs/disturbances.md, which tells."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.spoiled import DISTURBANCES, SETS, WAYS, Disturbance
from pipeline.figures.common import style
from pipeline.ground.files import replacing

Expected = Literal["rises", "falls", "ignores", "free"]
UNREAL: Final = "blur grain checkerboard pattern patches mixture washed tinted warped smeared fringed"
SAMPLES: Final = "left_out repeated copied"
BY_NAME: Final = ("recognised", "nameable")  # they need not mind what leaves an image legible
SUMMARY, TABLE, WHY, VALUES, CANDIDATES, HELD_OUT = (
    "What passes",
    "What each metric must see",
    "Why",
    "Values",
    "Other features, and none",
    "Referees that have not seen it",
)
INTRO: Final = """\
# What the metrics see

Real test images are spoiled step by step, or chosen as a bad model might draw, and measured as if they were samples:
does a metric see what the eye sees, and does it leave alone what it has nothing to do with? After Heusel et al. 2017,
figure 3, and Stein et al. 2023. The test images are cut in two halves, no original in both; samples are compared with
one, the other is spoiled. The untouched half is what a perfect model would draw, so its numbers are as good as
numbers get.

![A real image of each role, spoiled in each way](spoiled.png)

What a metric must see moves it with every step (Kendall's tau is 1 or -1, up to an end of its scale), and from the
second step on beyond the 95 % interval of the difference from untouched images; a first step may be too small to see.
What names things need not mind spoiling that leaves things legible; from where on nobody could name them,
`pipeline/judges/spoiling.py` says. What a metric must not mind leaves it within its interval at all five steps
together (Bonferroni), or moves it by less than a twentieth of the farthest that any disturbance does. Intervals are
over random halves ([intervals](intervals.md)). What was expected was written down before it was measured; where that
was wrong, and not the metric, the reason says what was learnt.

![Four metrics under all disturbances](disturbances.png)

`python -m benchmarks.disturbances` writes this page; `--candidates` (other features) and `--held-out` (ways that a
referee has not seen) add a table each.
"""
ORDER: Final = (SUMMARY, TABLE, WHY, VALUES, CANDIDATES, HELD_OUT)
SIGNS: Final[Mapping[Expected, str]] = {"rises": "↑", "falls": "↓", "ignores": "=", "free": ""}
SHOWN: Final = ("frechet_distance", "precision", "recognised", "recall")
UNSEEN: Final = {  # what is easily read into a metric
    "frechet_distance, kernel_distance": "which images are bad, or whether all are or some are missing",
    "precision, density": "whether anything is missing, repeated or copied",
    "recall": "how real samples are, and how many of a kind there are; it falls when a kind is all but gone",
    "coverage": "how many samples of a kind there are, as long as there is one near each real image",
    "diversity": "whether what differs is real; repeats, unless only a handful of images is left",
    "duplicates": "whether samples are real: strongly spoiled images are alike to a referee, whatever they show",
    "nearest_train": "copies of training images that are not among those compared, as many as there are test images",
    "recognised, nameable": "whatever leaves an image legible; variety",
    "blurriness": "all but blur; mixed images and frosted ones pass for blurred in part",
    "sharpness": "whether detail means anything: noise and patterns raise it, and hide blur",
    "confidence, condition_accuracy": "whether there is anything to name: a judge has to choose",
    "class_entropy": "whether images are real, or differ within a class",
}


@dataclass(frozen=True)
class Verdict:
    """One metric under one disturbance of one role.

    values: of untouched images and at each step. fault: what is wrong; empty where all is as expected, or free.
    """

    role: str
    metric: str
    disturbance: str
    expected: Expected
    values: tuple[float, ...]
    fault: str


@dataclass(frozen=True)
class Rule:
    """What metrics do under disturbances, and why; of all roles, or of some, for which it then takes precedence.

    rises, falls: it must see them, that way; ignores: it must not mind; free: either may be. since: from which step on
    it must see them beyond its interval; what comes before may be too little to see.
    """

    metrics: str
    expected: Expected
    disturbances: str
    why: str
    roles: tuple[str, ...] = ()
    since: int = 2


# Written down before anything was measured; where that was wrong, and not the metric, the reason says `learnt`.
EXPECTED: Final = (
    Rule("frechet_distance kernel_distance", "rises", UNREAL, "other images than real ones"),
    Rule("frechet_distance kernel_distance", "rises", "left_out", "learnt: there are few originals", since=4),
    Rule("frechet_distance kernel_distance", "ignores", "copied", "copies are distributed as real images are"),
    Rule("frechet_distance kernel_distance", "free", "repeated", "a small sample is far by chance"),
    Rule("precision density", "falls", UNREAL, "no real image looks so"),
    Rule("precision density", "ignores", SAMPLES, "each sample is a real image"),
    Rule("coverage", "falls", UNREAL, "no sample is near; learnt: one is enough, so it sees late", since=3),
    Rule("recall", "free", UNREAL, "samples far from one another reach real images too: it says nothing by itself"),
    Rule("recall coverage", "falls", "left_out", "real images without a sample near; learnt: all must go", since=5),
    Rule("recall coverage", "falls", "repeated", "real images without a sample near"),
    Rule("recall coverage", "ignores", "copied", "copies are as varied as real images are"),
    Rule("diversity", "ignores", "left_out copied", "it compares images of the same labels"),
    Rule("diversity", "free", "repeated", "of all pairs of samples few are of one image"),
    Rule("diversity", "free", UNREAL, "spoiled images may differ more than real ones, or less"),
    Rule("duplicates", "rises", "repeated", "that is what it looks for"),
    Rule("duplicates", "ignores", "copied", "copies of different images are not alike"),
    Rule("duplicates", "free", "left_out", "images of half of the labels are nearer to one another"),
    Rule("duplicates", "free", "blur washed smeared", "they make different images alike"),
    Rule("duplicates", "free", "grain patches", "learnt: they too leave nothing in which images could differ"),
    Rule("duplicates", "ignores", "checkerboard pattern mixture tinted warped fringed", "images stay different"),
    Rule("nearest_train", "rises", "copied", "that is what it looks for"),
    Rule("nearest_train", "ignores", "left_out repeated", "held-out images are not nearer to either side"),
    Rule("nearest_train", "free", UNREAL, "far from all real images, a few of these are the nearest of all samples"),
    Rule("recognised nameable", "falls", UNREAL, "from where on nobody could name what is shown; until then it stays"),
    Rule("recognised nameable", "ignores", "repeated copied", "each sample is a real image"),
    Rule("recognised nameable", "free", "left_out", "learnt: some labels are easier than others"),
    Rule("confidence condition_accuracy", "free", "left_out", "learnt: some labels are easier than others"),
    Rule("confidence condition_accuracy", "ignores", "repeated copied", "each sample is a real image of its label"),
    Rule("confidence condition_accuracy class_entropy", "free", UNREAL, "a judge never learned to see nothing"),
    Rule("class_entropy", "falls", "left_out", "half of the classes are missing; learnt: few originals", since=3),
    Rule("class_entropy", "ignores", "repeated copied", "all classes come about as often"),
    Rule("blurriness", "rises", "blur", "that is what it looks for"),
    Rule("blurriness", "free", "warped smeared fringed", "pixels between pixels are interpolated, which blurs"),
    Rule("blurriness", "free", "mixture", "learnt: two images over one another have soft edges"),
    Rule("blurriness", "ignores", f"grain checkerboard pattern patches washed tinted {SAMPLES}", "edges stay sharp"),
    Rule("sharpness", "falls", "blur", "less detail"),
    Rule("sharpness", "rises", "grain checkerboard pattern", "more detail, though none that means anything"),
    Rule("sharpness", "free", "patches mixture washed tinted warped smeared fringed", "more detail, or less"),
    Rule("sharpness", "ignores", SAMPLES, "each sample is a real image"),
    Rule("precision density coverage", "free", "washed", "grey numbers, and grey objects, exist", ("colour", "scenes")),
    Rule("recognised", "free", "washed", "a grey number can be read", ("colour",)),
    Rule("nameable", "free", "washed", "what is grey has a name, if not its own", ("colour", "scenes")),
    Rule("recognised nameable", "free", "tinted", "learnt: it changes colours, which labels name", ("scenes", "faces")),
    Rule("recall", "free", "left_out", "learnt: variants crowd, and it is low anyway", ("digits",)),
    Rule("duplicates", "rises", "repeated", "learnt: as few are compared as there are originals", ("digits",), 3),
    Rule("duplicates", "free", "checkerboard pattern mixture", "learnt: variants are alike till then", ("digits",)),
    Rule("duplicates", "free", "tinted warped fringed", "learnt: variants are alike till then", ("digits",)),
    Rule("blurriness", "free", "washed", "learnt: of one channel it ends at a flat image", ("digits",)),
    Rule("frechet_distance kernel_distance", "rises", "warped", "learnt: it hardly shows", ("scenes", "faces"), 3),
    Rule("precision density", "falls", "warped", "learnt: one pixel of 64 hardly shows", ("scenes", "faces"), 3),
    Rule("coverage", "falls", "warped", "learnt: likewise, and it sees later", ("scenes", "faces"), 4),
    Rule("precision density", "falls", "mixture", "learnt: a fifth of a soft image hardly shows", ("colour",), 3),
)


def rule(metric: str, disturbance: str, role: str) -> Rule:
    """What is expected; an exception for the role goes first."""
    fits = [
        each
        for each in EXPECTED
        if metric in each.metrics.split()
        and disturbance in each.disturbances.split()
        and (not each.roles or role in each.roles)
    ]
    return max(fits, key=lambda each: bool(each.roles))


def legible(disturbance: Disturbance, illegible: float) -> list[float]:
    """How much of what is shown can be named, untouched and at each step, 0 to 1; all of it in sets of images."""
    if disturbance.name in SETS:
        return [1.0] * len(disturbance.strengths)
    strengths = torch.tensor(disturbance.strengths, dtype=torch.float64)
    return WAYS[disturbance.name].legibility(strengths, illegible).tolist()


def number(value: float) -> str:
    """Three digits or so, never a minus nought."""
    text = f"{value:.0f}" if abs(value) >= 10 else f"{value:.1f}" if abs(value) >= 2 else f"{value:.2f}"
    return text.replace("-0.00", "0.00")


def series(values: Sequence[float]) -> str:
    """The untouched images' value, and what comes of it."""
    return f"{number(values[0])} → {' '.join(map(number, values[1:]))}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def summary(verdicts: Sequence[Verdict], notes: Sequence[str]) -> str:
    """How many lines pass, and each that does not."""
    kinds = {"must see": ("rises", "falls"), "must not mind": ("ignores",)}
    parts, faults = [*notes], [each for each in verdicts if each.fault]
    counts = []
    for role in dict.fromkeys(each.role for each in verdicts):
        own = [each for each in verdicts if each.role == role]
        cells = [role]
        for expected in kinds.values():
            some = [each for each in own if each.expected in expected]
            cells.append(f"{sum(not each.fault for each in some)} of {len(some)}")
        counts.append([*cells, str(sum(each.expected == "free" for each in own))])
    parts.append(table(["role", *kinds, "free"], counts))
    if faults:
        rows = [
            [f"`{each.metric}`", each.disturbance, each.role, SIGNS[each.expected], each.fault, series(each.values)]
            for each in faults
        ]
        parts += ["What does not:", table(["metric", "disturbance", "role", "must", "but", "untouched → steps"], rows)]
    unseen = [[", ".join(f"`{name}`" for name in names.split(", ")), what] for names, what in UNSEEN.items()]
    return "\n\n".join([*parts, "What each does not see:", table(["metric", "does not see"], unseen)])


def cell(verdicts: Sequence[Verdict]) -> str:
    """One metric under one disturbance, of all roles: what is expected in most, and where it is otherwise or fails."""
    expected = [each.expected for each in verdicts]
    common = max(dict.fromkeys(expected), key=expected.count)
    tested = [each for each in verdicts if each.expected != "free"]
    failed = [each.role for each in tested if each.fault]
    other = [f"{SIGNS[each.expected] or 'free'} {each.role}" for each in verdicts if each.expected != common]
    mark = f"✗ {', '.join(failed)}" if failed else "✓" if tested else ""
    told = " ".join(part for part in (SIGNS[common], mark) if part)
    return f"{told} ({', '.join(other)})" if other else told


def matrix(verdicts: Sequence[Verdict]) -> str:
    """Metric by disturbance."""
    metrics, names = (dict.fromkeys(getattr(each, of) for each in verdicts) for of in ("metric", "disturbance"))
    rows = []
    for metric in metrics:
        own = [each for each in verdicts if each.metric == metric]
        rows.append([f"`{metric}`", *(cell([each for each in own if each.disturbance == name]) for name in names)])
    legend = "↑ must rise, ↓ must fall, = must stay, blank: free. ✓ it does in all roles, ✗ not in those named; "
    return f"{legend}in parentheses: roles of which something else is expected.\n\n{table(['', *names], rows)}"


def values(verdicts: Sequence[Verdict]) -> str:
    """The main metrics at all steps, a table a role."""
    parts = []
    for role in dict.fromkeys(each.role for each in verdicts):
        known = {(each.disturbance, each.metric): each.values for each in verdicts if each.role == role}
        rows = [
            [f"{each.name}: {' '.join(f'{step:g}' for step in each.steps)}"]
            + [series(known[each.name, metric]) for metric in SHOWN]
            for each in DISTURBANCES
        ]
        parts.append(f"### {role}\n\n{table(['', *(f'`{metric}`' for metric in SHOWN)], rows)}")
    units = "; ".join(f"{each.name}: {each.unit}" for each in DISTURBANCES)
    return "\n\n".join([f"Untouched → at each step. Steps are of {units}.", *parts])


def candidates(rows: Sequence[list[str]]) -> str:
    """Other features; rows as `benchmarks.disturbances.candidates` gives them."""
    text = (
        "Precision of real images, and of three kinds that no one would take for real, in other features; of how many "
        "disturbances that they must see the Fréchet distance, or the distance that is named, and precision see them; "
        "microseconds an image on one core. The two last compare pixels, without a network (Karras et al. 2018, "
        "section 5; Lopez-Paz and Oquab 2017)."
    )
    head = ["role", "features", "precision: untouched", "blur 2", "patches 1", "warped 2", "distance sees"]
    return f"{text}\n\n{table([*head, 'precision sees', 'µs'], rows)}"


def held_out(rows: Sequence[list[str]]) -> str:
    """Referees that never saw a disturbance; rows as `benchmarks.disturbances.held_out` gives them."""
    text = (
        "Is it tested on what it was trained on? Each disturbance in the features of the role's referee, and of one "
        "that was trained with all others and never saw this one; untouched → at each step."
    )
    return f"{text}\n\n{table(['role', 'disturbance', 'metric', 'referee', 'never saw it'], rows)}"


def reasons() -> str:
    """EXPECTED in words."""
    words = {"rises": "must rise with", "falls": "must fall with", "ignores": "must not mind", "free": "free:"}
    lines = []
    for each in EXPECTED:
        names = ", ".join(f"`{name}`" for name in each.metrics.split())
        ways = "whatever spoils an image" if each.disturbances == UNREAL else ", ".join(each.disturbances.split())
        late = f" from step {each.since} on" if each.since > 2 and each.expected in ("rises", "falls") else ""
        where = f" ({', '.join(each.roles)})" if each.roles else ""
        lines.append(f"- {names} {words[each.expected]} {ways}{late}{where}: {each.why}")
    return "\n".join(["A line for roles in parentheses goes before the others.", "", *lines])


def sections(verdicts: Sequence[Verdict], notes: Sequence[str]) -> dict[str, str]:
    """Those that the plain command writes; notes: on what was measured."""
    return {
        SUMMARY: summary(verdicts, notes),
        TABLE: matrix(verdicts),
        WHY: reasons(),
        VALUES: values(verdicts),
    }


def write(path: Path, sections: Mapping[str, str]) -> None:
    """Rewrites the page's sections that are given; others stay as they are."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    kept = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in re.split(r"^## ", old, flags=re.M)[1:]}
    both = kept | dict(sections)
    text = "\n\n".join([INTRO.strip(), *(f"## {name}\n\n{both[name].strip()}" for name in ORDER if name in both)])
    with replacing(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def chart(verdicts: Sequence[Verdict]) -> Figure:
    """A row of panels a role, each half of the disturbances in a block of their own."""
    roles = list(dict.fromkeys(each.role for each in verdicts))
    known = {(each.role, each.disturbance, each.metric): each.values for each in verdicts}
    half = (len(DISTURBANCES) + 1) // 2
    places = [(role, each) for block in (DISTURBANCES[:half], DISTURBANCES[half:]) for role in roles for each in block]
    figure, panels = style.chart(
        len(places),
        half,
        "What metrics see of real images that are spoiled step by step",
        "From left to right: untouched images, then five steps. Of the Fréchet distance, the share that untouched "
        "images have already, which falls as it grows.",
        (1.6, 1.45),
    )
    keys: dict[str, Line2D] = {}
    top = 1.0
    for number, (axes, (role, each)) in enumerate(zip(panels, places, strict=True)):
        style.dress(axes, each.name.replace("_", " "), "", role if number % half == 0 else "")
        for colour, metric in zip(style.PALETTE, SHOWN, strict=False):
            own = known[role, each.name, metric]
            part = [own[0] / value for value in own] if metric == "frechet_distance" else own
            top = max(top, *part)
            (keys[metric],) = axes.plot(range(len(own)), part, color=colour, marker="o", markersize=2.5, linewidth=1.2)
        axes.set(xticks=range(1 + len(each.steps)), yticks=(0, 0.5, 1))
        axes.set_xticklabels([f"{strength:g}" for strength in each.strengths], rotation=45)
    for axes in panels:
        axes.set_ylim(-0.05, 1.05 * top)
    style.legend(figure, keys)
    return figure
