"""Whether the measurements bear out what the reports concluded.

A conclusion is supported if each of its claims is, at the level of this look (`spending`: 96 % at the first): an
intersection-union test (Berger 1982), which needs no smaller level for many claims. It is contradicted if any one claim
is, and as one of k fails by chance the more easily the larger k is, a claim is held against it only at the level
1 - (1 - level) / k (Bonferroni). Otherwise it is undecided.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pipeline.conclusions.claims import Claim, Conclusion
from pipeline.conclusions.effects import effect_of, position
from pipeline.conclusions.needs import what_decides
from pipeline.conclusions.results import ClaimResult, Result
from pipeline.statistics import spending
from pipeline.statistics.measurements import Measurements

SEEDS: Final = "at least two seeds"


@dataclass(frozen=True)
class _Levels:
    """At which claims hold, and at which one is held against its conclusion of so many claims."""

    hold: float
    against: float

    @classmethod
    def at(cls, look: int, claims: int) -> "_Levels":
        level = spending.level(look)
        return cls(level, 1 - (1 - level) / claims)


@dataclass(frozen=True)
class _Tested:
    """A claim's result, and what its conclusion needs of it.

    reason: why it could not be tested; empty if it could. against: it is contradicted at the level that counts against
    the conclusion. needs: what would settle that, or support the claim. seeds: the number of seeds, if that would.
    outside: the effect lies, surely or not, beyond the bounds.
    """

    result: ClaimResult
    reason: str = ""
    against: bool = False
    needs: str = ""
    seeds: int | None = None
    outside: bool = False


def judge(
    conclusions: Mapping[str, Conclusion], experiments: Mapping[str, Any], found: Mapping[str, Measurements]
) -> list[Result]:
    """Every conclusion's verdict. experiments: the block of params.yaml; found: their measurements, by name."""
    return [_judge(name, conclusion, experiments, found) for name, conclusion in conclusions.items()]


def _judge(
    name: str, conclusion: Conclusion, experiments: Mapping[str, Any], found: Mapping[str, Measurements]
) -> Result:
    facts = (name, name[:1], conclusion.sentence, conclusion.measured)
    if obstacle := _obstacle(conclusion, experiments):
        why, needs = obstacle
        claims = tuple(_untested(claim, why, needs).result for claim in conclusion.claims)
        return Result(*facts, "undecided", why, needs, claims)
    # More seeds are another look, which has less to spend: what they would decide is told for that.
    levels, after = (_Levels.at(look, len(conclusion.claims)) for look in (conclusion.looks, conclusion.looks + 1))
    tested = [_test(claim, found, levels, after) for claim in conclusion.claims]
    claims = tuple(each.result for each in tested)
    if against := ", nor that ".join(each.result.text for each in tested if each.against):
        why = f"at {_percent(levels.against)} it is not so that {against}"
        return Result(*facts, "contradicted", why, "", claims, levels.hold)
    if all(claim.verdict == "supported" for claim in claims):
        held = "the claim holds" if len(claims) == 1 else f"each of the {len(claims)} claims holds"
        return Result(*facts, "supported", f"{held} at {_percent(levels.hold)}", "", claims, levels.hold)
    needs, seeds = _needed(tested)
    return Result(*facts, "undecided", _why_open(tested, levels), needs, claims, levels.hold, seeds)


def _obstacle(conclusion: Conclusion, experiments: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why a conclusion cannot be tested with these experiments, and what it needs; None if it can."""
    if absent := ", ".join(name for name in conclusion.experiments if name not in experiments):
        return f"needs experiments that params.yaml does not have: {absent}", f"experiments {absent}"
    if unmet := " and ".join(each.text for each in conclusion.requires if not each.met(experiments)):
        return f"can be tested only with {unmet}, which params.yaml does not have", unmet
    return None


def _why_open(tested: Sequence[_Tested], levels: _Levels) -> str:
    count = len(tested)
    held = sum(each.result.verdict == "supported" for each in tested)
    across = sum(each.result.verdict == "undecided" and not each.reason for each in tested)
    fallen = sum(each.result.verdict == "contradicted" for each in tested)
    parts = []
    if count > 1:
        parts.append(f"{held or 'none'} of {count} claims {'hold' if held > 1 else 'holds'} at {_percent(levels.hold)}")
    if across:
        intervals = (
            f"the {_percent(levels.hold)} interval" if count == 1 else f"{across} interval{'s' if across > 1 else ''}"
        )
        parts.append(f"{intervals} reach{'' if across > 1 else 'es'} across a bound")
    if fallen:
        claims = "1 claim fails" if fallen == 1 else f"{fallen} claims fail"
        told = f"at {_percent(levels.hold)}, but not at the {_percent(levels.against)} that one of {count} has to"
        parts.append(f"{claims} {told}")
    return "; ".join([*parts, *dict.fromkeys(each.reason for each in tested if each.reason)])


def _needed(tested: Sequence[_Tested]) -> tuple[str, dict[str, int]]:
    """What would decide an undecided conclusion: one claim surely false, or all surely true. Of seeds, how many of each
    experiment.
    """
    left = [each for each in tested if each.result.verdict != "supported"]
    against = [each for each in left if each.outside and each.seeds is not None]
    if not against and (others := [each.needs for each in left if each.seeds is None]):
        return "; ".join(dict.fromkeys(others)), {}
    if against:
        left = [min(against, key=lambda each: each.seeds or 0)]
    seeds: dict[str, int] = {}
    for each in left:
        for name in each.result.experiments:
            seeds[name] = max(seeds.get(name, 0), each.seeds or 0)
    return max(left, key=lambda each: each.seeds or 0).needs, seeds


def _test(claim: Claim, found: Mapping[str, Measurements], levels: _Levels, after: _Levels) -> _Tested:
    """levels: of this look; after: of the next, with more seeds."""
    if missing := _missing(claim, found):
        return _untested(claim, *missing)
    sides = [found[name] for name in claim.experiments]
    bounds = claim.bounds([side.metrics[claim.metric] for side in sides])
    effect = effect_of(claim, sides, levels.hold)
    shown = ClaimResult(
        claim.text,
        claim.metric,
        claim.experiments,
        "undecided",
        _shown(effect.value),
        _shown(effect.low),
        _shown(effect.high),
        _shown(bounds[0]),
        _shown(bounds[1]),
        claim.unit,
        effect.seeds,
        alone=effect.alone,
    )
    if effect.leaves_out_seeds:
        reason = "one seed does not show what another training would change"
        return _Tested(replace(shown, needs=SEEDS), reason, needs=SEEDS, seeds=2)
    if effect.low is None:
        reason, needs = "seeds that agree exactly do not tell how sure a number is", "more seeds"
        return _Tested(replace(shown, needs=needs), reason, needs=needs)
    verdict = position(effect, bounds)
    outside = not bounds[0] < effect.value < bounds[1]
    against = outside and position(effect_of(claim, sides, levels.against), bounds) == "contradicted"
    if verdict == "supported" or against:
        return _Tested(replace(shown, verdict=verdict), against=against)
    needs, count = what_decides(claim, sides, effect, bounds, after.against if outside else after.hold)
    shown = replace(shown, verdict=verdict, needs=needs if verdict == "undecided" else "")
    return _Tested(shown, needs=needs, seeds=count, outside=outside)


def _missing(claim: Claim, found: Mapping[str, Measurements]) -> tuple[str, str] | None:
    """What of a claim is not measured, and what it needs; None if all is."""
    for name in dict.fromkeys(claim.experiments):
        if name not in found:
            return f"{name} is not measured", f"measurements of {name}"
        if claim.metric in found[name].metrics:
            continue
        if values := found[name].partial.get(claim.metric):
            have = sum(value is not None for value in values)
            verb = "has" if have == 1 else "have"
            return (
                f"only {have} of {len(values)} seeds of {name} {verb} {claim.metric}",
                f"{claim.metric} of every seed",
            )
        known = any(claim.metric in {*each.metrics, *each.partial} for each in found.values())
        reason = f"{name} has no {claim.metric}" if known else f"no experiment has a metric {claim.metric}"
        return reason, f"{claim.metric} of {name}"
    return None


def _untested(claim: Claim, reason: str, needs: str) -> _Tested:
    facts = (claim.text, claim.metric, claim.experiments)
    low, high = (_shown(bound) for bound in claim.bounds(()))
    shown = ClaimResult(*facts, "undecided", bound_low=low, bound_high=high, unit=claim.unit, needs=needs)
    return _Tested(shown, reason, needs=needs)


def _percent(level: float) -> str:
    return f"{100 * level:.4g} %"


def _shown(value: float | None) -> float | None:
    """To six digits; None for what is not known or not bounded."""
    return None if value is None or math.isinf(value) else float(f"{value:.6g}")
