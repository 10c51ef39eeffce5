"""`latentlab decide`: which conclusions are open, what would decide them, and deciding them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from pipeline.ground.errors import InputError

if TYPE_CHECKING:  # which import numpy
    from pipeline.conclusions.claims import Conclusion
    from pipeline.conclusions.planning import Plan
    from pipeline.conclusions.results import Result
    from pipeline.statistics.measurements import Measurements

MEASUREMENTS: Final = Path("results/measurements")
JOBS: Final = 2  # stages at a time, as `latentlab repro` runs them
ASKED: Final = "X1"  # the id of the comparison that was asked for


def decide(
    names: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Conclusions; default: all.")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="That may be spent on training and measuring.")] = 30,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Instead: whether experiment A differs from B, by --metric."),
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Of --compare, such as frechet_distance.")] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Add the seeds to params.yaml, train and measure them, tell what is decided.")
    ] = False,
) -> None:
    """Say which conclusions are open, what each would take in seeds and minutes, and what decides most in the time.

    Looking again at more seeds does not cheat: each look at a conclusion has its share of the 5 % by which all of them
    may be wrong (96 % at the first, 99.2 % at the second), and conclusions.yaml counts them under `looks`.
    """
    from pipeline.conclusions import claims, planning, verdicts
    from pipeline.ground import params
    from pipeline.running.record import span
    from pipeline.statistics import pools

    content = params.load()
    experiments: Mapping[str, Any] = content["experiments"]
    written = _asked(compare, metric, names, experiments) or _chosen(claims.load(), names or [])
    found = pools.load(MEASUREMENTS, experiments)
    before = verdicts.judge(written, experiments, found)
    costs = _Costs(experiments, found)
    wanted = {each.id: each.seeds for each in before if each.verdict == "undecided" and each.seeds}
    chosen = planning.plan(wanted, costs, 60 * minutes)
    _show(before, chosen, costs)
    if not wanted:
        return
    if not chosen.chosen:
        least = min(planning.price(seeds, costs, {}) for seeds in wanted.values())
        print(f"plan: nothing fits into {minutes:g} min; the cheapest takes {span(least)}")
        return
    seeds = ", ".join(f"{name} {costs.have(name)} → {count}" for name, count in chosen.seeds.items())
    print(f"plan, {span(chosen.seconds)} of {minutes:g} min: {', '.join(chosen.chosen)} by seeds of {seeds}")
    print(costs.source)
    if run:
        after = _run(content, written, before, chosen, asked=compare is not None)
        _tell(before, after)
    else:
        print("`latentlab decide` with the same options and --run does it")


class _Costs:
    """Seconds to have a number of seeds of an experiment, from the recorded ones of the committed run's stages."""

    def __init__(self, experiments: Mapping[str, Any], found: Mapping[str, "Measurements"]) -> None:
        from pipeline.running import record
        from pipeline.running.schedule import expected

        times = record.load()
        if times is None:
            raise InputError(
                f"{record.TIMES}: no such file, so that nothing tells what a seed takes; `latentlab repro "
                "--force --record` makes it"
            )
        self.experiments = experiments
        stages = [f"{kind}@{name}" for name in experiments for kind in ("train", "evaluate", "figures")]
        self.seconds = expected(stages, times.stages)
        self.recorded = {
            n: times.seeds.get(n) or len(found[n].seeds if n in found else experiments[n]["seeds"]) for n in experiments
        }
        here = record.machine()
        other = "" if here == times.machine else f"; this is {here}, which may take longer or less"
        self.source = f"(minutes as recorded on {times.machine}{other})"

    def have(self, name: str) -> int:
        return len(self.experiments[name]["seeds"])

    def __call__(self, name: str, count: int) -> float:
        """0 where they are there. Only new seeds are trained, all are measured; two stages run at a time."""
        more = count - self.have(name)
        if more <= 0:
            return 0.0
        train, evaluate, figures = (self.seconds[f"{kind}@{name}"] for kind in ("train", "evaluate", "figures"))
        if not (Path(".resume") / name).exists():
            more = count  # nothing spares this machine training those that are there
        return (more * train / self.recorded[name] + count * evaluate / self.recorded[name] + figures) / JOBS


def _asked(
    compare: tuple[str, str] | None, metric: str | None, names: Sequence[str] | None, experiments: Mapping[str, Any]
) -> dict[str, "Conclusion"]:
    """The one comparison that was asked for; empty if none was."""
    from pipeline.conclusions.claims import Claim, Conclusion

    if compare is None:
        if metric is not None:
            raise InputError("--metric: expected with --compare A B, found without")
        return {}
    if metric is None:
        raise InputError("--compare: expected with --metric, found without")
    if names:
        raise InputError(f"--compare: expected without ids of conclusions, found {', '.join(names)}")
    if strange := [name for name in compare if name not in experiments]:
        raise InputError(f"--compare: expected experiments of params.yaml, found {', '.join(strange)}")
    if compare[0] == compare[1]:
        raise InputError(f"--compare: expected two experiments, found {compare[0]} twice")
    claim = Claim.model_validate({"metric": metric, "of": compare[0], "higher_than": compare[1]})
    told = f"{metric} is higher for {compare[0]} than for {compare[1]}."
    return {ASKED: Conclusion.model_validate({"sentence": told, "measured": told, "claims": (claim,)})}


def _chosen(written: Mapping[str, "Conclusion"], names: Sequence[str]) -> dict[str, "Conclusion"]:
    if strange := [name for name in names if name not in written]:
        raise InputError(f"{', '.join(strange)}: no such conclusion; conclusions.yaml has {', '.join(written)}")
    return {name: each for name, each in written.items() if not names or name in names}


def _show(results: Sequence["Result"], chosen: "Plan", costs: _Costs) -> None:
    """A row a conclusion: its verdict, what would decide it, in seeds and minutes, and whether the plan does."""
    from rich.table import Table

    from pipeline.conclusions.planning import price
    from pipeline.console.printable import console, printable
    from pipeline.running.record import span

    table = Table("", "verdict", "why, and what would decide it")
    table.add_column("takes", justify="right")
    table.add_column("plan")
    for each in results:
        takes = span(price(each.seeds, costs, {})) if each.seeds else ""
        told = f"{each.why}: {each.needs}" if each.needs else each.why
        table.add_row(
            printable(each.id), each.verdict, printable(told), takes, "yes" if each.id in chosen.chosen else ""
        )
    console(160).print(table)


def _run(
    content: Mapping[str, Any],
    written: Mapping[str, "Conclusion"],
    before: Sequence["Result"],
    chosen: "Plan",
    asked: bool,
) -> list["Result"]:
    """Adds the seeds, counts the look, trains and measures; the verdicts then."""
    from pipeline.conclusions import claims, verdicts
    from pipeline.ground.files import replacing
    from pipeline.ground.params import PARAMS, load
    from pipeline.statistics import pools
    from tools.budget import apply
    from tools.repro import repro

    experiments = content["experiments"]
    overlay = {"experiments": {n: {"seeds": grown(experiments[n]["seeds"], k)} for n, k in chosen.seeds.items()}}
    text = apply(PARAMS.read_text(encoding="utf-8"), overlay, "decide")
    counted = claims.counted(claims.FILE.read_text(encoding="utf-8"), _looked_at(experiments, set(chosen.seeds)))
    with replacing(claims.FILE) as beside:
        beside.write_text(counted, encoding="utf-8")
    with replacing(PARAMS) as beside:
        beside.write_text(text, encoding="utf-8")
    whole = all((Path("results/models") / name).exists() for name in experiments)
    targets = None if whole else [f"{kind}@{name}" for name in chosen.seeds for kind in ("evaluate", "figures")]
    repro(targets, JOBS, False, False)
    if targets:
        print("conclusions.json and the page are left as they were: not all experiments are trained here")
    blocks = load()["experiments"]
    looked = {n: e.model_copy(update={"looks": e.looks + 1}) for n, e in written.items()} if asked else claims.load()
    return [
        each
        for each in verdicts.judge(looked, blocks, pools.load(MEASUREMENTS, blocks))
        if each.id in {one.id for one in before}
    ]


def _looked_at(experiments: Mapping[str, Any], growing: set[str]) -> list[str]:
    """The conclusions that are open and get seeds, also where the plan was not for them: they are looked at again."""
    from pipeline.conclusions import claims, verdicts
    from pipeline.statistics import pools

    written = claims.load()
    found = verdicts.judge(written, experiments, pools.load(MEASUREMENTS, experiments))
    return [e.id for e in found if e.verdict == "undecided" and growing & set(written[e.id].experiments)]


def grown(seeds: Sequence[int], count: int) -> list[int]:
    """So many seeds: those there are, then the numbers after the highest."""
    first = max(seeds) + 1
    return [*seeds, *range(first, first + count - len(seeds))]


def _tell(before: Sequence["Result"], after: Sequence["Result"]) -> None:
    """Which conclusions came out otherwise than before, and what is still open."""
    earlier = {each.id: each.verdict for each in before}
    for each in after:
        if each.verdict != earlier[each.id]:
            print(f"{each.id}: {earlier[each.id]} → {each.verdict}: {each.why}")
    decided = sum(each.verdict != "undecided" for each in after)
    print(f"decided: {decided} of {len(after)}, {sum(v != 'undecided' for v in earlier.values())} before")
