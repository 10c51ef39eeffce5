"""What each metric sees of real images that are spoiled step by step, and what not: writes docs/disturbances.md.

`python -m benchmarks.disturbances [--role digits ...] [--out docs]` in a folder with prepared images, judges and
referees, as `latentlab repro` makes them. EXPECTED says what each metric must see, and what it must not mind.

`--candidates`: the same in other features, and distances without a network. `--held-out`: in the features of referees
that have not seen what they are tried on, of which five a role are trained.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from benchmarks import disturbance_page as page
from benchmarks import spoiled
from benchmarks.disturbance_page import BY_NAME, Expected, Rule, Verdict, legible, rule
from benchmarks.spoiled import CPU, DISTURBANCES, METRICS, SETS, WAYS, Ground
from pipeline.contracts import images
from pipeline.evaluation.evidence import Evidence, Judged, Part
from pipeline.evaluation.metrics.trends import trend
from pipeline.figures.common import style
from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.ground.seeding import generator
from pipeline.judges import classifier, referee
from pipeline.judges.panel import Panel
from pipeline.statistics import intervals
from pipeline.statistics.measurements import Measured

T = TypeVar("T")
Steps = Sequence[Mapping[str, Measured]]  # all metrics, of untouched images and at each step

NEGLIGIBLE: Final = 0.05  # of the farthest that any disturbance moves a metric: what is less is none, however sure
END: Final = 0.01  # so near an end of its scale a metric can show no further step
SHARES: Final = ("duplicates", "nearest_train")  # of the metrics that rise, those that end at 1
BATCH: Final = 64  # images that pass a network together
SLICES, PATCHES, PATCH, SMALLEST, QUANTILES = 32, 8, 7, 14, 256  # of the sliced Wasserstein distance
TRIED: Final = ("blur", "grain", "patches", "warped", "mixture")  # without which referees are trained


def monotone(values: Sequence[float], expected: Expected, metric: str) -> bool:
    """Whether each step moves it farther, up to an end of its scale if it has one there, where it then stays."""
    end = END if expected == "falls" else 1 - END if metric in SHARES else None
    if end is not None:
        values = [max(value, end) if expected == "falls" else min(value, end) for value in values]
        while len(values) > 2 and values[-1] == values[-2] == end:
            values = values[:-1]
    return trend(values) == (1 if expected == "rises" else -1)


def sees(measured: Sequence[Measured], own: Rule, metric: str, named: Sequence[float], least: float) -> str:
    """What is wrong with a metric that must see a disturbance. named: see `legible`; least: what counts as moved.

    It moves with every step but early ones that it does not see at all. What asks for names must move only with steps
    that cost some, and beyond its interval where at most half of what is shown can be named.
    """
    by_name = metric in BY_NAME
    counted = [step for step in range(1, len(measured)) if not by_name or named[step] < 1]
    needed = [step for step in counted if (named[step] <= 0.5 if by_name else step >= own.since)]
    within = [step for step in needed if not spoiled.apart(measured[0], measured[step])]
    if within:
        return f"within its interval at step {within[0]}"
    seen = [step for step in counted if step in needed or spoiled.moved(measured[0], measured[step], least)]
    values = [measured[step].mean for step in (0, *seen)]
    return "" if monotone(values, own.expected, metric) else "not step by step"


def ignores(measured: Sequence[Measured], least: float) -> str:
    """What is wrong with a metric that must not mind; least: what counts as moved."""
    level = 1 - (1 - intervals.LEVEL) / (len(measured) - 1)  # Bonferroni's, as any step may be off by chance
    found = [step for step in range(1, len(measured)) if spoiled.moved(measured[0], measured[step], least, level)]
    return f"moves at step {found[0]}" if found else ""


def judge(role: str, illegible: float, tables: Mapping[str, Steps]) -> list[Verdict]:
    """All verdicts of one role; tables: by disturbance."""
    verdicts = []
    for metric in next(iter(tables.values()))[0]:
        columns = {name: [step[metric] for step in steps] for name, steps in tables.items()}
        farthest = max(abs(step.mean - column[0].mean) for column in columns.values() for step in column)
        least = NEGLIGIBLE * farthest
        for disturbance in (each for each in DISTURBANCES if each.name in tables):
            own, column = rule(metric, disturbance.name, role), columns[disturbance.name]
            named, expected, fault = legible(disturbance, illegible), own.expected, ""
            if metric in BY_NAME and expected == "falls" and named[-1] > 0.5:
                expected = "ignores" if named[-1] == 1 else "free"
            if expected == "ignores":
                fault = ignores(column, least)
            elif expected != "free":
                fault = sees(column, own, metric, named, least)
            values = tuple(step.mean for step in column)
            verdicts.append(Verdict(role, metric, disturbance.name, expected, values, fault))
    return verdicts


def stepped(names: Sequence[str], at: Callable[[str, float], Mapping[str, Measured]]) -> dict[str, Steps]:
    """What there is at all steps of these disturbances, by name; at: of one at one strength."""
    untouched = at(TRIED[0], 0)  # the same of all that spoil single images
    tables: dict[str, Steps] = {}
    for each in (each for each in DISTURBANCES if each.name in names):
        first = at(each.name, each.untouched) if each.name in SETS else untouched
        tables[each.name] = [first, *(at(each.name, strength) for strength in each.steps)]
    return tables


def measured(ground: Ground, names: Sequence[str] = METRICS, among: Sequence[str] = (*WAYS, *SETS)) -> dict[str, Steps]:
    """All that these plug-ins tell at all steps, by disturbance; among: which."""
    cut, metrics = spoiled.halves(ground), spoiled.plugged(names)

    def at(name: str, strength: float) -> dict[str, Measured]:
        fake, originals = spoiled.sample(ground, name, strength)
        return spoiled.measure(ground.evidence(fake), originals, cut, metrics)

    return stepped(among, at)


def suite(role: str) -> list[Verdict]:
    """All metrics of one role."""
    ground = spoiled.load(role)
    return judge(role, ground.illegible, measured(ground))


def pooled(network: nn.Module, unit: Tensor) -> Tensor:
    """Mean and maximum of each map of each convolution, of images (N, C, H, W): (N, D)."""
    found: list[Tensor] = []

    def keep(_: nn.Module, __: Any, maps: Tensor) -> None:
        found.extend((maps.mean((2, 3)), maps.amax((2, 3))))

    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [layer.register_forward_hook(keep) for layer in layers]
    parts = []
    for part in unit.split(BATCH):
        found.clear()
        network(part)
        parts.append(torch.cat(found, 1))
    for hook in hooks:
        hook.remove()
    return torch.cat(parts)


class SlicedWasserstein:
    """Between patches of 7 x 7 pixels of Laplacian pyramids, of all levels; no network. Karras et al. 2018, section 5.

    With fewer patches and directions than there, as 17 of these are wanted of each sample.
    """

    BETTER: Final = {"frechet_distance": "lower"}  # in whose place it is tried

    @classmethod
    def of_parts(cls, found: Evidence, parts: Sequence[Part]) -> list[dict[str, float]]:
        noise = generator(CPU, "slices")
        levels = [cls.pyramid(side.images) for side in (found.test, found.fake)]
        totals = torch.zeros(len(parts), dtype=torch.float64)
        for pair in zip(*levels, strict=True):
            slices = F.normalize(torch.randn(pair[0].shape[1] * PATCH**2, SLICES, generator=noise), dim=0)
            curves = [
                cls.quantiles(side, slices, [(part.test, part.fake)[which] for part in parts], noise)
                for which, side in enumerate(pair)
            ]
            totals += (curves[0] - curves[1]).abs().mean((1, 2))
        return [{"frechet_distance": float(total)} for total in totals / len(levels[0])]

    @staticmethod
    def pyramid(level: Tensor) -> list[Tensor]:
        """Of images (N, C, H, W), each level less what its half holds, the last as it is."""
        found, c = [], level.shape[1]
        taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
        kernel = (taps[:, None] * taps).expand(c, 1, 5, 5)
        while level.shape[2] >= 2 * SMALLEST:
            half = F.conv2d(F.pad(level, (2,) * 4, mode="reflect"), kernel, stride=2, groups=c)
            found.append(level - F.interpolate(half, level.shape[2:], mode="bilinear", align_corners=False))
            level = half
        return [*found, level]

    @staticmethod
    def quantiles(level: Tensor, slices: Tensor, rows: Sequence[Tensor], noise: Generator) -> Tensor:
        """Of some images of a level (N, C, H, W), patches' quantiles in each direction: (parts, SLICES, QUANTILES)."""
        n, _, h, w = level.shape
        level = (level - level.mean((0, 2, 3), keepdim=True)) / level.std((0, 2, 3), keepdim=True).clamp_min(1e-6)
        within = torch.arange(PATCH)
        down = torch.randint(h - PATCH + 1, (n, PATCHES, 1, 1), generator=noise) + within[:, None]
        right = torch.randint(w - PATCH + 1, (n, PATCHES, 1, 1), generator=noise) + within
        patches = level[torch.arange(n)[:, None, None, None], :, down, right].flatten(2)  # (N, PATCHES, 49 C)
        ordered, order = (patches @ slices).flatten(0, 1).T.sort(1)  # (SLICES, N PATCHES)
        found = []
        for own in rows:
            chosen = torch.zeros(n, dtype=torch.bool)
            chosen[own] = True
            values = ordered[chosen[order // PATCHES]].view(SLICES, -1)
            found.append(values[:, torch.linspace(0, values.shape[1] - 1, QUANTILES).long()])
        return torch.stack(found).double()


class NeighbourAccuracy:
    """How often an image's nearest other image, pixel by pixel, is of its own side: one half if none can tell them.

    Lopez-Paz and Oquab 2017, with leave-one-out; of equally many real images and fakes. Variants of one original are
    not asked for one another: they are nearest, and of one side.
    """

    BETTER: Final = {"frechet_distance": "lower"}  # in whose place it is tried

    @staticmethod
    def of_parts(found: Evidence, parts: Sequence[Part]) -> list[dict[str, float]]:
        points = torch.cat([side.images.flatten(1) for side in (found.test, found.fake)])
        real, fake = found.test.originals, found.fake.originals
        assert real is not None
        assert fake is not None
        families = torch.cat([real, fake + real.max() + 1])
        apart = torch.cdist(points, points)
        apart[families[:, None] == families] = torch.inf
        shares = []
        for part in parts:
            n = min(len(part.test), len(part.fake))
            rows = torch.cat([part.test[:n], part.fake[:n] + len(found.test.labels)])
            nearest = apart[rows][:, rows].argmin(1)
            shares.append(float(((nearest < n) == (torch.arange(2 * n) < n)).double().mean()))
        return [{"frechet_distance": share} for share in shares]


def features(ground: Ground) -> dict[str, Callable[[Tensor], Tensor]]:
    """Of images (N, C, H, W) in [0, 1], (N, D), by name. Pooled layers are in units of real images' deviations."""
    judge, eye = ground.panel.judge, ground.panel.referee
    unit, maxima = pooled(judge, ground.test.images).std(0).clamp_min(1e-6), len(eye.centre)
    return {
        "the referee's": lambda own: referee.look(eye, own, BATCH).features,
        "its maxima alone": lambda own: referee.look(eye, own, BATCH).features[:, :maxima],
        "its degrees alone": lambda own: referee.look(eye, own, BATCH).features[:, maxima:],
        "the judge's": lambda own: classifier.predict(judge, own, BATCH)[0],
        "the judge's layers, pooled": lambda own: pooled(judge, own) / unit,
    }


def tried(ground: Ground, look: Callable[[Tensor], Tensor], metrics: Sequence[Any]) -> dict[str, Steps]:
    """What metrics tell in some features of images that are spoiled, or of half of the labels; by disturbance."""
    cut, test = spoiled.halves(ground), replace(ground.test, features=look(ground.test.images))

    def at(name: str, strength: float) -> dict[str, Measured]:
        unit, originals = spoiled.pictures(ground, name, strength)
        blank = unit.new_zeros(len(unit), 1)
        found = ground.evidence(Judged(unit, look(unit), logits=blank, labels=blank, originals=originals))
        return spoiled.measure(replace(found, test=test), originals, cut, metrics)

    return stepped([*WAYS, "left_out"], at)


@torch.inference_mode()
def candidates(role: str) -> list[list[str]]:
    """Rows of the page's table: the same numbers in other features, and distances that need none."""
    ground = spoiled.load(role)
    real, rows = ground.held.images, []
    found = ground.evidence(replace(ground.held, originals=ground.originals[: len(real)]))

    def row(name: str, work: Callable[[], object], tables: Mapping[str, Steps]) -> list[str]:
        begun = time.perf_counter()
        work()
        spent = (time.perf_counter() - begun) / len(real)
        return [role, name, *compared(ground, tables), f"{1e6 * spent:.0f}"]

    for name, look in features(ground).items():
        rows.append(row(name, partial(look, real), tried(ground, look, spoiled.plugged(["frechet", "manifold"]))))
    for name, metric in (("sliced Wasserstein", SlicedWasserstein), ("nearest neighbour", NeighbourAccuracy)):
        work = partial(metric.of_parts, found, [found.whole()])
        rows.append(row(name, work, tried(ground, lambda own: own.new_zeros(len(own), 1), [metric])))
    return rows


def compared(ground: Ground, tables: Mapping[str, Steps]) -> list[str]:
    """Precision of real images and of unreal ones, and of how many disturbances a distance and precision see."""
    first = next(iter(tables.values()))[0]
    cells = [""] * 4
    if "precision" in first:
        steps = [tables["blur"][4], tables["patches"][5], tables["warped"][4]]  # 2 pixels, all, 2 pixels
        cells = [page.number(step["precision"].mean) for step in (first, *steps)]
    verdicts = judge(ground.role, ground.illegible, tables)
    for metric in ("frechet_distance", "precision"):
        lines = [each for each in verdicts if each.metric == metric and each.expected in ("rises", "falls")]
        cells.append(f"{sum(not each.fault for each in lines)} of {len(lines)}" if lines else "")
    return cells


def held_out(role: str) -> list[list[str]]:
    """Rows of the page's table: the role's referee, and those that were trained without what they are tried on."""
    ground, rows = spoiled.load(role), []
    settings = params.parse(referee.Settings, params.read(f"referee.{role}"), f"referee.{role}")
    train = images.load(spoiled.PREPARED / role / "train.safetensors")
    known = measured(ground, ("frechet", "manifold"), TRIED)
    for name in TRIED:
        blind = referee.build(settings, train)
        others = tuple(way for way in WAYS.values() if way.name != name)
        referee.fit(blind, train, settings, lambda done, total, values: None, others)
        panel = Panel(ground.panel.judge, blind.requires_grad_(False))
        unknown = measured(ground.seen_by(panel), ("frechet", "manifold"), (name,))
        for metric in ("precision", "frechet_distance"):
            both = [page.series([step[metric].mean for step in side[name]]) for side in (known, unknown)]
            rows.append([role, name, f"`{metric}`", *both])
    return rows


def over(roles: Sequence[str], work: Callable[[str], list[T]]) -> list[T]:
    """What there is of all roles, each on one core: threads that wait for each other would be slower."""
    context = get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, torch.set_num_threads, (1,)) as pool:
        return [each for found in pool.map(work, roles) for each in found]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--role", nargs="+", help="by default all; the page then holds these alone")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--candidates", action="store_true", help="writes that table alone")
    parser.add_argument("--held-out", action="store_true", help="writes that table alone")
    options = parser.parse_args()
    begun = time.monotonic()
    try:
        grounds = [spoiled.load(role) for role in options.role or params.read("referee")]
        roles = [ground.role for ground in grounds]
        if options.candidates:
            written = {page.CANDIDATES: page.candidates(over(roles, candidates))}
        elif options.held_out:
            written = {page.HELD_OUT: page.held_out(over(roles, held_out))}
        else:
            verdicts = over(roles, suite)
            counts = [f"{each.role} {len(each.held.labels)} with {len(each.test.labels)}" for each in grounds]
            written = page.sections(verdicts, [f"Images compared: {', '.join(counts)}."])
            tests = {role: images.load(spoiled.PREPARED / role / "test.safetensors") for role in roles}
            for name, figure in (("disturbances", page.chart(verdicts)), ("spoiled", spoiled.sheet(tests))):
                style.save(figure, options.out / f"{name}.png")
        page.write(options.out / "disturbances.md", written)
    except InputError as error:
        sys.exit(f"error: {error}")
    print(f"{options.out / 'disturbances.md'}: {', '.join(written)}; {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
