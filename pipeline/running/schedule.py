"""Which stage comes next, and how long all take. Pure functions of names, needs and seconds."""

import heapq
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean

Needs = Mapping[str, Collection[str]]  # of each stage, those that must be done before


def kind(stage: str) -> str:
    """`train` of `train@fc_vae`."""
    return stage.partition("@")[0]


def item(stage: str) -> str:
    """`fc_vae` of `train@fc_vae`; empty for a stage of one kind only."""
    return stage.partition("@")[2]


def expected(stages: Sequence[str], known: Mapping[str, float]) -> dict[str, float]:
    """Seconds of each stage: known, else the mean of its kind, else of all; the same for all where nothing is known."""
    kinds: dict[str, list[float]] = {}
    for stage, seconds in known.items():
        kinds.setdefault(kind(stage), []).append(seconds)
    means = {name: fmean(seconds) for name, seconds in kinds.items()}
    general = fmean(known.values()) if known else 1.0
    return {stage: known[stage] if stage in known else means.get(kind(stage), general) for stage in stages}


def ranks(stages: Sequence[str], needs: Needs, known: Mapping[str, float]) -> dict[str, int]:
    """Each stage's place in the queue, 0 first; the first one that is ready starts.

    The longest path of work ahead goes first, so that no long one is left for the end, when the other workers have
    nothing to do. A stage has the place of the earlier stages of its own experiment, so that an experiment that is
    begun is finished and its results are there early. stages: in DVC's order, dependencies first; it decides between
    equals, as between experiments where no seconds are known.
    """
    seconds = expected(stages, known)
    ahead = dict(seconds)
    for stage in reversed(stages):
        for need in needs[stage]:
            if need in ahead:
                ahead[need] = max(ahead[need], seconds[need] + ahead[stage])
    leads = {stage: (-ahead[stage], place) for place, stage in enumerate(stages)}
    for stage in stages:
        own = (leads[need] for need in needs[stage] if need in leads and item(need) == item(stage) != "")
        leads[stage] = min([leads[stage], *own])
    order = sorted(stages, key=leads.__getitem__)  # stable
    return {stage: place for place, stage in enumerate(order)}


def seconds_left(
    waiting: Mapping[str, float], running: Mapping[str, float], needs: Needs, place: Mapping[str, int], jobs: int
) -> float:
    """How long it takes until all are done, `jobs` at a time: in order of place, each after what it needs.

    waiting, running: seconds of each stage, and those that are left of each that runs.
    """
    ends = [(seconds, stage) for stage, seconds in running.items()]
    heapq.heapify(ends)
    missing = {stage: sum(need in waiting or need in running for need in needs[stage]) for stage in waiting}
    after: dict[str, list[str]] = {}
    for stage in waiting:
        for need in needs[stage]:
            after.setdefault(need, []).append(stage)
    ready = [(place[stage], stage) for stage in waiting if not missing[stage]]
    heapq.heapify(ready)
    now = 0.0
    while ends or ready:
        while ready and len(ends) < jobs:
            stage = heapq.heappop(ready)[1]
            heapq.heappush(ends, (now + waiting[stage], stage))
        now, done = heapq.heappop(ends)
        for stage in after.get(done, ()):
            missing[stage] -= 1
            if not missing[stage]:
                heapq.heappush(ready, (place[stage], stage))
    return now


def speed(finished: Collection[tuple[float, float]], running: Collection[tuple[float, float]]) -> float | None:
    """Seconds here for each expected second; None before anything is known.

    finished: (seconds, expected) of each stage that is done; running: (seconds so far, expected); one that takes longer
    than expected tells so before its end.
    """
    pairs = [*finished, *((sofar, wanted) for sofar, wanted in running if sofar > wanted)]
    total = sum(wanted for _, wanted in pairs)
    return sum(seconds for seconds, _ in pairs) / total if total > 0 else None
