"""Comparisons as JSON, for programs: keys that stay."""

from collections.abc import Sequence
from typing import Any

from pipeline.comparison.gate import Gate
from pipeline.comparison.pairs import Absent, Change, Comparison, Pair
from pipeline.comparison.runs import Summary
from pipeline.statistics.intervals import Estimate


def pair_record(comparison: Comparison, shown: Sequence[Pair], failed: Gate) -> dict[str, Any]:
    """Two revisions. shown: the experiments and metrics to put in."""
    return {
        "base": {"name": comparison.base.name, "commit": comparison.base.commit or None},
        "head": {"name": comparison.head.name, "commit": comparison.head.commit or None},
        "params": [change_record(change) for change in comparison.changes],
        "experiments_added": list(comparison.added),
        "experiments_removed": list(comparison.removed),
        "notes": list(comparison.notes),
        "experiments": [
            {
                "name": pair.name,
                "differs": pair.differs,
                "counts": dict(pair.counts()),
                "notes": list(pair.notes),
                "metrics": [
                    {
                        "metric": row.metric,
                        "better": row.better,
                        "base": estimate_record(row.base),
                        "head": estimate_record(row.head),
                        "difference": estimate_record(row.difference),
                        "chance": row.difference.chance,
                        "verdict": row.verdict,
                        "stands": row.stands,
                    }
                    for row in pair.rows
                ],
            }
            for pair in shown
        ],
        "failed": list(failed.worse),
        "unclear": list(failed.unclear),
    }


def runs_record(summary: Summary, comparisons: Sequence[Comparison], failed: Gate) -> dict[str, Any]:
    """Several runs, of which the first is the base."""
    return {
        "base": {"name": summary.base.revision.name, "commit": summary.base.revision.commit or None},
        "varying": list(summary.varying),
        "common": [change_record(change) for change in summary.common],
        "notes": list(dict.fromkeys(note for each in comparisons for note in each.notes)),
        "runs": [
            {
                "name": run.revision.name,
                "commit": run.revision.commit or None,
                "params": {key: value for key, value in run.params.items() if value is not Absent.ABSENT},
                "metrics": [
                    {
                        "experiment": column.experiment,
                        "metric": column.metric,
                        "better": column.better,
                        **estimate_record(score.value),
                        "difference": estimate_record(score.difference) if score.difference else None,
                        "chance": score.difference.chance if score.difference else None,
                        "verdict": score.verdict if score.difference else None,
                        "stands": score.stands if score.difference else None,
                        "best": score.best,
                        "tied_with_best": score.tied,
                    }
                    for column, score in run.scores.items()
                ],
            }
            for run in summary.runs
        ],
        "failed": list(failed.worse),
        "unclear": list(failed.unclear),
    }


def change_record(change: Change) -> dict[str, Any]:
    """`base` or `head` is missing where the parameter is."""
    sides = {"base": change.base, "head": change.head}
    return {"key": change.key} | {side: value for side, value in sides.items() if value is not Absent.ABSENT}


def estimate_record(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "seeds": estimate.seeds}
