"""Several runs held against one base: what varies among them, and which are best as far as the numbers can tell."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pipeline.comparison.pairs import Absent, Change, Comparison, flat
from pipeline.comparison.revisions import Revision
from pipeline.comparison.selection import matches
from pipeline.statistics.discoveries import standing
from pipeline.statistics.intervals import Estimate, Verdict, between, mean
from pipeline.statistics.measurements import Better

# Where params.yaml's report.metrics names none.
MAIN: Final = (
    "elbo",
    "nll",
    "mse",
    "test_accuracy",
    "new_test_accuracy",
    "frechet_distance",
    "recall",
    "diversity",
    "condition_accuracy",
    "flip_rate",
    "code_recovery",
)


@dataclass(frozen=True)
class Column:
    """A metric of an experiment."""

    experiment: str
    metric: str
    better: Better


@dataclass(frozen=True)
class Score:
    """What a run has in a column. difference, verdict: from the base, of which they are None and "same". stands:
    whether it is one among all that are shown.

    best: no run's mean is better. tied: nor can it be told apart from the best, whose difference may be 0.
    """

    value: Estimate
    difference: Estimate | None
    verdict: Verdict
    best: bool
    tied: bool
    stands: bool = True


@dataclass(frozen=True)
class Run:
    """params: values of what varies, by its key. scores: by column, where the run has it."""

    revision: Revision
    params: Mapping[str, Any]
    scores: Mapping[Column, Score]


@dataclass(frozen=True)
class Summary:
    """varying: keys of parameters that differ among the runs. common: changes from the base that all runs share.

    runs: the base, then the others by their parameters.
    """

    varying: tuple[str, ...]
    common: tuple[Change, ...]
    columns: tuple[Column, ...]
    runs: tuple[Run, ...]

    @property
    def base(self) -> Run:
        return self.runs[0]

    def placed(self) -> tuple[Run, ...]:
        """The runs that have a place among the varying parameters: the base not, where all others differ otherwise."""
        return self.runs[1:] if self.common else self.runs


def summarise(comparisons: Sequence[Comparison], patterns: Sequence[str], everything: bool) -> Summary:
    """One summary of comparisons with the same base. patterns: of metrics; without any the main ones are taken."""
    base = comparisons[0].base
    keys = list(dict.fromkeys(change.key for each in comparisons for change in each.changes))
    revisions = [base, *(each.head for each in comparisons)]
    values = [dict(flat(revision.params)) for revision in revisions]
    varying, common = [], []
    for key in keys:
        found = [each.get(key, Absent.ABSENT) for each in values]
        if len(found) > 2 and all(value == found[1] for value in found[1:]):
            common.append(Change(key, found[0], found[1]))
        else:
            varying.append(key)
    columns = _columns(comparisons, patterns, everything)
    scores = _standing([_scores(column, revisions) for column in columns])
    runs = [
        Run(
            revision,
            {key: values[number].get(key, Absent.ABSENT) for key in varying},
            {column: found[number] for column, found in zip(columns, scores, strict=True) if number in found},
        )
        for number, revision in enumerate(revisions)
    ]
    others = sorted(runs[1:], key=lambda run: [rank(value) for value in run.params.values()])
    return Summary(tuple(varying), tuple(common), tuple(columns), (runs[0], *others))


def rank(value: Any) -> tuple[int, float, str]:
    """Sorts a parameter's values: numbers by size, also those that YAML took for strings, then all others."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 1, 0.0, str(value)
    return 0, number, ""


def _columns(comparisons: Sequence[Comparison], patterns: Sequence[str], everything: bool) -> list[Column]:
    """In the order of params.yaml and of each experiment's metrics; only such as differ somewhere, unless asked for."""
    found: dict[tuple[str, str], Column] = {}
    for each in comparisons:
        for pair in each.pairs:
            for row in pair.rows:
                if patterns:
                    wanted = matches(patterns, pair.name, row.metric)
                else:
                    wanted = everything or (row.better != "neither" and row.metric in _main(each.head, pair.name))
                if wanted and (everything or row.verdict != "same"):
                    found.setdefault((pair.name, row.metric), Column(pair.name, row.metric, row.better))
    order = {name: number for number, name in enumerate(comparisons[0].base.experiments)}
    return sorted(found.values(), key=lambda column: order[column.experiment])


def _main(revision: Revision, experiment: str) -> Sequence[str]:
    report, block = revision.params.get("report"), revision.experiments.get(experiment)
    named = report.get("metrics") if isinstance(report, Mapping) else None
    role = block.get("data") if isinstance(block, Mapping) else None
    return named.get(role, MAIN) if isinstance(named, Mapping) else MAIN


def _standing(scores: Sequence[Mapping[int, Score]]) -> list[dict[int, Score]]:
    """The same scores, of whose differences it is known which are more than chance."""
    chances = [each.difference.chance if each.difference else None for found in scores for each in found.values()]
    stands = iter(standing(chances))
    return [{number: replace(each, stands=next(stands)) for number, each in found.items()} for found in scores]


def _scores(column: Column, revisions: Sequence[Revision]) -> dict[int, Score]:
    """By the revision's number, the base's first."""
    name, metric = column.experiment, column.metric
    held = {number: each.measurements[name] for number, each in enumerate(revisions) if name in each.measurements}
    held = {number: each for number, each in held.items() if metric in each.metrics}
    values = {number: mean(each.metrics[metric]) for number, each in held.items()}
    sign = {"higher": 1.0, "lower": -1.0, "neither": math.nan}[column.better]
    best = max(values, key=lambda number: sign * values[number].value) if column.better != "neither" else None
    found = {}
    for number, each in held.items():
        against = between(each, held[0], metric) if number and 0 in held else None
        to_best = between(each, held[best], metric).verdict(column.better) if best is not None else "worse"
        found[number] = Score(
            values[number],
            against,
            against.verdict(column.better) if against else "same",
            number == best,
            number != best and to_best in ("noise", "same", "unknown"),
        )
    return found
