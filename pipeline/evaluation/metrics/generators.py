"""The final, the best and the moving-average generator compared, and whether training collapsed."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final

from pipeline.contracts.training_progress import Moment
from pipeline.evaluation.evidence import Evidence

BETTER: Final[Mapping[str, str]] = {
    "final_frechet_distance": "lower",
    "best_frechet_distance": "lower",
    "average_frechet_distance": "lower",
    "final_accuracy": "higher",
    "best_accuracy": "higher",
    "average_accuracy": "higher",
    "progress_frechet_distance": "lower",
    "progress_accuracy": "higher",
    "progress_recognised": "higher",
    "best_at": "neither",
    "collapsed": "lower",
    "collapse_iteration": "neither",
}
SCALE: Final[Mapping[str, str]] = {
    **{name: "log" if "distance" in name else "logit" for name in BETTER},
    **dict.fromkeys(("best_at", "collapsed", "collapse_iteration"), "plain"),
}
FAR: Final = 2.0  # times the best Fréchet distance
POOR: Final = 0.5  # times the highest diversity, counted up to that of real images, 1
NONE: Final = 0.1  # of the diversity of real images


def _drawn_by(moments: Sequence[Moment], drawer: str) -> list[Moment]:
    return [moment for moment in moments if moment.drawer == drawer]


def _last_stretch(bad: Sequence[bool]) -> int:
    """Where the run of True starts that lasts to the end; the length where the last is False."""
    start = len(bad)
    while start and bad[start - 1]:
        start -= 1
    return start


def _best(moments: Sequence[Moment]) -> int:
    """Which has the smallest Fréchet distance; the first of equals."""
    distances = [moment.values["frechet_distance"] for moment in moments]
    return distances.index(min(distances))


def collapse(moments: Sequence[Moment]) -> int | None:
    """The iteration at which the generator collapsed for good, None if it did not; moments in order of iteration.

    Of its weights as they were; an average of them hides it for a while. It has collapsed if, from some moment after
    that of its best Fréchet distance, and for two moments or more to the end, the distance is more than twice the best,
    or the diversity is below half its highest, of which no more counts than real images have, 1. A single last
    moment could be a dip that recovers, and what is bad at the best moment was never better. Besides, if the diversity
    is below 0.1 at the end, it has collapsed whatever it was before. The collapse began with the first moment of the
    bad stretch, of the longest if there are several. So a model that is always poor, but varied, has not collapsed.
    """
    found = _drawn_by(moments, "generator")
    if not found:
        return None
    distances = [moment.values["frechet_distance"] for moment in found]
    diversities = [moment.values["diversity"] for moment in found]
    best, highest = _best(found), min(1.0, max(diversities))

    far = _last_stretch([distance > FAR * distances[best] for distance in distances])
    poor = _last_stretch([value < POOR * highest for value in diversities])
    starts = [start for start in (far, poor) if best < start <= len(found) - 2]
    starts.append(_last_stretch([value < NONE for value in diversities]))
    start = min(starts)
    return found[start].iteration if start < len(found) else None


def accuracy(moment: Moment) -> float | None:
    """The mean of the accuracies on the lists of label sets or, without lists, the condition_accuracy, if any."""
    lists = [
        value for name, value in moment.values.items() if name.endswith("_accuracy") and name != "condition_accuracy"
    ]
    return sum(lists) / len(lists) if lists else moment.values.get("condition_accuracy")


def trials(evidence: Evidence) -> dict[str, int]:
    """One a training."""
    return {"collapsed": 1}


def measure(evidence: Evidence) -> dict[str, float]:
    """Fréchet distance and accuracy of the final, best and average generator; empty for models without moments.

    final, best: the weights as they were, at the end and at the moment that is best in the number itself, which may be
    another one for the accuracy. average: their moving average at the end. best_at: where the best Fréchet distance
    was, as a share of the images seen in training, 1 at the end. progress: the mean over all moments of the weights as
    they were, that is, the area under the curve over the images seen: of two that end alike, the one that got there
    sooner is better. collapsed: 1 or 0, see `collapse`, and if 1 the iteration.

    All are of the moments' few samples, and so comparable with one another but not with frechet_distance, which is
    smaller for more samples. The best flatters, as it is chosen by the very number that it is shown by; all other
    metrics are of the samples of the experiment's own drawer, at the end.
    """
    generators, averages = _drawn_by(evidence.moments, "generator"), _drawn_by(evidence.moments, "average")
    if not generators:
        return {}
    best = generators[_best(generators)]
    values = {
        "final_frechet_distance": generators[-1].values["frechet_distance"],
        "best_frechet_distance": best.values["frechet_distance"],
        "progress_frechet_distance": fmean(moment.values["frechet_distance"] for moment in generators),
        "best_at": best.images_seen / generators[-1].images_seen,
    }
    if averages:
        values["average_frechet_distance"] = averages[-1].values["frechet_distance"]
    accuracies = [value for moment in generators if (value := accuracy(moment)) is not None]
    if accuracies:
        values |= {"final_accuracy": accuracies[-1], "best_accuracy": max(accuracies)}
        values["progress_accuracy"] = fmean(accuracies)
        if averages and (averaged := accuracy(averages[-1])) is not None:
            values["average_accuracy"] = averaged
    if all("recognised" in moment.values for moment in generators):
        values["progress_recognised"] = fmean(moment.values["recognised"] for moment in generators)
    began = collapse(generators)
    values["collapsed"] = float(began is not None)
    if began is not None:
        values["collapse_iteration"] = float(began)
    return values
