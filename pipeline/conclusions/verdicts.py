"""What the reports concluded, as claims about metrics, and whether the measurements bear each conclusion out.

A conclusion is supported if each of its claims is at 95 %: an intersection-union test (Berger 1982), which needs no
smaller level for many claims. It is contradicted if any one claim is, and as one of k fails by chance the more easily
the larger k is, a claim is held against it only at the level 1 - 0.05 / k (Bonferroni). Otherwise it is undecided.

Light to import, as `latentlab check` reads the file too.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import Field, StringConstraints, model_validator

from pipeline.ground import params
from pipeline.ground.errors import InputError
from pipeline.ground.params import Strict
from pipeline.statistics.intervals import LEVEL, MOST_SEEDS, Estimate, Measured, mean, seeds_needed
from pipeline.statistics.measurements import Measurements

FILE: Final = Path("conclusions.yaml")
SEEDS: Final = "at least two seeds"
FORMS: Final = "one of higher_than (by), lower_than (by), close_to and within, above and/or below, changes_less_than"

Verdict = Literal["supported", "contradicted", "undecided"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
T = TypeVar("T")


class Claim(Strict):
    """What is claimed of a metric, in one of these forms. unit: of the metric, for showing it.

    higher_than, lower_than: the mean `of` one experiment lies above or below another's, by more than `by` (0).
    close_to: the two differ by less than `within` times the other's |mean|.
    above, below: the mean lies above a number, below one, or between two.
    changes_less_than: the mean differs less between the two experiments `of` than between two others.
    """

    metric: Text
    of: Text | tuple[Text, Text]
    higher_than: Text | None = None
    lower_than: Text | None = None
    by: float | None = Field(None, ge=0)
    close_to: Text | None = None
    within: float | None = Field(None, gt=0)
    above: float | None = None
    below: float | None = None
    changes_less_than: tuple[Text, Text] | None = None
    unit: str = ""

    @property
    def given(self) -> frozenset[str]:
        """The keys that make its form."""
        return frozenset(key for key, value in self if value is not None) - {"metric", "of", "unit"}

    @property
    def experiments(self) -> tuple[str, ...]:
        """Those whose metric it needs; of two pairs: those of `of` first."""
        other = self.higher_than or self.lower_than or self.close_to or self.changes_less_than
        return *_names(self.of), *_names(other or ())

    @model_validator(mode="after")
    def _has_one_form(self) -> "Claim":
        sides = ({"higher_than"}, {"higher_than", "by"}, {"lower_than"}, {"lower_than", "by"})
        others = ({"close_to", "within"}, {"above"}, {"below"}, {"above", "below"}, {"changes_less_than"})
        if self.given not in (*sides, *others):
            raise ValueError(f"expected {FORMS}; found {', '.join(sorted(self.given)) or 'none'}")
        if isinstance(self.of, tuple) != (self.changes_less_than is not None):
            raise ValueError("expected `of` to be two experiments with changes_less_than, one with any other form")
        if any(one == other for one, other in _compared(self.experiments)):
            raise ValueError(f"expected different experiments, found {', '.join(self.experiments)}")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError("expected above to be the smaller of the two bounds")
        return self

    @property
    def text(self) -> str:
        """As a clause: sharpness is higher for fc_vae_layers4 than for fc_vae."""
        names = self.experiments
        if self.changes_less_than:
            return f"{self.metric} changes less from {names[0]} to {names[1]} than from {names[2]} to {names[3]}"
        if self.within:
            return f"{self.metric} of {names[0]} is within {100 * self.within:g} % of that of {names[1]}"
        if len(names) == 2:
            side, margin = "higher" if self.higher_than else "lower", f", by more than {self.by:g}" if self.by else ""
            return f"{self.metric} is {side} for {names[0]} than for {names[1]}{margin}"
        return f"{self.metric} of {names[0]} is {_range(self.above, self.below)}"

    def bounds(self, sides: Sequence[Measured]) -> tuple[float, float]:
        """Between which its effect must lie; sides: the metric of its experiments, none where it is not measured."""
        if self.within:
            band = self.within * abs(sides[1].mean) if sides else math.inf
            return -band, band
        if self.higher_than:
            return self.by or 0.0, math.inf
        if self.lower_than:
            return -math.inf, 0.0 - (self.by or 0.0)
        if self.changes_less_than:
            return -math.inf, 0.0
        return -math.inf if self.above is None else self.above, math.inf if self.below is None else self.below


class Requirement(Strict):
    """What an experiment's key of params.yaml, dotted, must be: above or below a number, or equal to a value."""

    experiment: Text
    key: Text
    above: float | None = None
    below: float | None = None
    equals: bool | int | float | str | None = None

    @model_validator(mode="after")
    def _has_one_form(self) -> "Requirement":
        if (self.equals is None) == (self.above is None and self.below is None):
            raise ValueError("expected either equals, or above and/or below")
        return self

    @property
    def text(self) -> str:
        wanted = _range(self.above, self.below) if self.equals is None else f"equal to {self.equals}"
        return f"{self.experiment}.{self.key} {wanted}"

    def met(self, experiments: Mapping[str, Any]) -> bool:
        value: Any = experiments[self.experiment]
        for part in self.key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        try:
            number = float(value)  # YAML 1.1 takes 1e-3 for a string
        except (TypeError, ValueError):
            return self.equals is not None and bool(value == self.equals)
        if self.equals is not None:
            return self.equals in (value, number)
        return (self.above is None or number > self.above) and (self.below is None or number < self.below)


class Conclusion(Strict):
    """sentence: what a report concluded. measured: how that is measured here, in plain words."""

    sentence: Text
    measured: Text
    claims: tuple[Claim, ...] = Field(min_length=1)
    requires: tuple[Requirement, ...] = ()

    @property
    def experiments(self) -> list[str]:
        """All it is about, each once."""
        named = [name for claim in self.claims for name in claim.experiments]
        return list(dict.fromkeys([*named, *(each.experiment for each in self.requires)]))


@dataclass(frozen=True)
class ClaimResult:
    """How a claim came out. effect: a difference, or a mean, with its 95 % interval; None where it is not measured.

    bound_low, bound_high: between which the effect must lie; None: unbounded on that side, or not known.
    seeds: the fewest behind it, 0 where it is not measured. needs: what would decide it, empty where it is.
    """

    text: str
    metric: str
    experiments: tuple[str, ...]
    verdict: Verdict
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    bound_low: float | None = None
    bound_high: float | None = None
    unit: str = ""
    seeds: int = 0
    needs: str = ""


@dataclass(frozen=True)
class Result:
    """How a conclusion came out. report: the letter of the report. why: the reason for the verdict."""

    id: str
    report: str
    sentence: str
    measured: str
    verdict: Verdict
    why: str
    needs: str
    claims: tuple[ClaimResult, ...]


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


def load(path: Path = FILE) -> dict[str, Conclusion]:
    """The conclusions by id, in the file's order. Raises InputError naming the first fault."""
    return {str(name): parse(name, value) for name, value in params.load(path).items()}


def parse(name: Any, value: Any) -> Conclusion:
    """One entry. Raises InputError naming each wrong key."""
    if not re.fullmatch("[A-Z][1-9][0-9]*", str(name)):
        raise InputError(f"{FILE}: expected ids of the report's letter and a number, such as A1; found {name!r}")
    try:
        return params.parse(Conclusion, value, str(name))
    except InputError as error:
        raise InputError(f"{FILE}: {str(error).removeprefix(f'{params.PARAMS}: ')}") from None


def faults(content: Mapping[Any, Any]) -> list[str]:
    """What is wrong with the file's content, a line an entry."""
    found = []
    for name, value in content.items():
        try:
            parse(name, value)
        except InputError as error:
            found.append(str(error))
    return found


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
    strict = 1 - (1 - LEVEL) / len(conclusion.claims)
    tested = [_test(claim, found, strict) for claim in conclusion.claims]
    claims = tuple(each.result for each in tested)
    if against := ", nor that ".join(each.result.text for each in tested if each.against):
        return Result(*facts, "contradicted", f"at {_percent(strict)} it is not so that {against}", "", claims)
    if all(claim.verdict == "supported" for claim in claims):
        held = "the claim holds" if len(claims) == 1 else f"each of the {len(claims)} claims holds"
        return Result(*facts, "supported", f"{held} at {_percent(LEVEL)}", "", claims)
    return Result(*facts, "undecided", _why_open(tested, strict), _needed(tested), claims)


def _obstacle(conclusion: Conclusion, experiments: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why a conclusion cannot be tested with these experiments, and what it needs; None if it can."""
    if absent := ", ".join(name for name in conclusion.experiments if name not in experiments):
        return f"needs experiments that params.yaml does not have: {absent}", f"experiments {absent}"
    if unmet := " and ".join(each.text for each in conclusion.requires if not each.met(experiments)):
        return f"can be tested only with {unmet}, which params.yaml does not have", unmet
    return None


def _why_open(tested: Sequence[_Tested], strict: float) -> str:
    count = len(tested)
    held = sum(each.result.verdict == "supported" for each in tested)
    across = sum(each.result.verdict == "undecided" and not each.reason for each in tested)
    fallen = sum(each.result.verdict == "contradicted" for each in tested)
    parts = []
    if count > 1:
        parts.append(f"{held or 'none'} of {count} claims {'hold' if held > 1 else 'holds'} at {_percent(LEVEL)}")
    if across:
        intervals = f"the {_percent(LEVEL)} interval" if count == 1 else f"{across} interval{'s' if across > 1 else ''}"
        parts.append(f"{intervals} reach{'' if across > 1 else 'es'} across a bound")
    if fallen:
        claims = "1 claim fails" if fallen == 1 else f"{fallen} claims fail"
        parts.append(f"{claims} at {_percent(LEVEL)}, but not at the {_percent(strict)} that one of {count} has to")
    return "; ".join([*parts, *dict.fromkeys(each.reason for each in tested if each.reason)])


def _needed(tested: Sequence[_Tested]) -> str:
    """What would decide an undecided conclusion: one claim surely false, or all surely true."""
    left = [each for each in tested if each.result.verdict != "supported"]
    against = [each for each in left if each.outside and each.seeds is not None]
    if not against and (others := [each.needs for each in left if each.seeds is None]):
        return "; ".join(dict.fromkeys(others))
    if against:
        return min(against, key=lambda each: each.seeds or 0).needs
    return max(left, key=lambda each: each.seeds or 0).needs


def _test(claim: Claim, found: Mapping[str, Measurements], strict: float) -> _Tested:
    """strict: the level at which it counts against its conclusion."""
    if missing := _missing(claim, found):
        return _untested(claim, *missing)
    sides = [found[name] for name in claim.experiments]
    bounds = claim.bounds([side.metrics[claim.metric] for side in sides])
    effect = _effect(claim, sides, LEVEL)
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
    )
    if effect.leaves_out_seeds:
        reason = "one seed does not show what another training would change"
        return _Tested(replace(shown, needs=SEEDS), reason, needs=SEEDS)
    if effect.low is None:
        reason, needs = "seeds that agree exactly do not tell how sure a number is", "more seeds"
        return _Tested(replace(shown, needs=needs), reason, needs=needs)
    verdict = _verdict(effect, bounds)
    outside = not bounds[0] < effect.value < bounds[1]
    against = outside and _verdict(_effect(claim, sides, strict), bounds) == "contradicted"
    if verdict == "supported" or against:
        return _Tested(replace(shown, verdict=verdict), against=against)
    needs, count = _needs(claim, sides, effect, bounds, strict if outside else LEVEL)
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


def _effect(claim: Claim, sides: Sequence[Measurements], level: float) -> Estimate:
    """What is held against the bounds: a mean, a difference of two, or of two changes."""
    if len(sides) == 1:
        return mean(sides[0].metrics[claim.metric], level)
    if claim.within:
        return _around_band(sides[0], sides[1], claim.metric, claim.within, level)
    differences = [one.difference(other, claim.metric, level) for one, other in _compared(sides)]
    return differences[0] if len(differences) == 1 else difference_of_sizes(*differences)


def _around_band(of: Measurements, than: Measurements, metric: str, within: float, level: float) -> Estimate:
    """A difference, to be held against a band of `within` times the mean of `than`, which is not known exactly either.

    To lie beyond an edge of the band is to differ from 1 + within, or 1 - within, times that mean: the interval reaches
    as far as the wider of these two differences'.
    """
    value = of.difference(than, metric, level)
    scaled = [_scaled(than.metrics[metric], factor) for factor in (1 + within, 1 - within)]
    edges = [of.difference(replace(than, metrics={metric: each}), metric, level) for each in scaled]
    if any(edge.high is None for edge in edges):
        return replace(value, low=None, high=None)
    reach = max(edge.high - edge.value for edge in edges if edge.high is not None)
    return replace(value, low=value.value - reach, high=value.value + reach)


def _scaled(measured: Measured, factor: float) -> Measured:
    values, errors = (tuple(factor * each for each in numbers) for numbers in (measured.values, measured.errors))
    return Measured(measured.better, values, errors)


def _verdict(effect: Estimate, bounds: tuple[float, float]) -> Verdict:
    """Whether an interval lies within bounds, or outside."""
    if effect.low is None or effect.high is None:
        return "undecided"
    if bounds[0] < effect.low and effect.high < bounds[1]:
        return "supported"
    return "contradicted" if effect.high <= bounds[0] or effect.low >= bounds[1] else "undecided"


def difference_of_sizes(one: Estimate, other: Estimate) -> Estimate:
    """|one| - |other| of two differences, at the level of their intervals.

    Its interval is put together from theirs by the method of variance estimates recovery, MOVER (Zou and Donner 2008,
    Statistics in Medicine 27, 1693): each end lies as far from the estimate as the root of the sum of squares of the
    distances of those two ends that make it so. The interval of a size |d| is that of d, turned to where d > 0. It is
    not cut at 0: that would change no verdict against 0, but the interval would cover far too little, down to 78 %,
    where one difference is nil, as its size is then found too large. The two are taken as independent: their seeds are,
    and of what the test images that all four share add, most cancels within each.
    """
    value, seeds = abs(one.value) - abs(other.value), min(one.seeds, other.seeds)
    first, second = _size(one), _size(other)
    if first is None or second is None:
        return Estimate(value, None, None, seeds)
    below = math.hypot(abs(one.value) - first[0], second[1] - abs(other.value))
    above = math.hypot(first[1] - abs(one.value), abs(other.value) - second[0])
    return Estimate(value, value - below, value + above, seeds)


def _size(estimate: Estimate) -> tuple[float, float] | None:
    """The interval of a difference, turned so that it is one of a positive number."""
    if estimate.low is None or estimate.high is None:
        return None
    return (estimate.low, estimate.high) if estimate.value >= 0 else (-estimate.high, -estimate.low)


def _needs(
    claim: Claim, sides: Sequence[Measurements], effect: Estimate, bounds: tuple[float, float], level: float
) -> tuple[str, int | None]:
    """What would decide a claim at a level, and with how many seeds if more of them would."""
    gap = min(abs(effect.value - bound) for bound in bounds)
    measured = [side.metrics[claim.metric] for side in sides]
    if claim.within:
        measured[1] = _scaled(measured[1], 1 + claim.within)
    same_test = len({side.test_set for side in sides}) == 1
    if len(sides) == 4 and same_test:  # what the test set adds cancels in each pair
        measured = [each for one, other in _compared(measured) for each in _paired(one, other)]
    if (count := seeds_needed(measured, same_test, gap, level)) is not None:
        count = max(count, effect.seeds + 1)
        wide = " a side" if len(sides) > 1 else ""
        return f"about {count} seeds{wide} instead of {effect.seeds}, if the effect stays as large as measured", count
    # With seeds without end only the test set would be left; the one value that stands for them adds nothing itself.
    left = _effect(claim, [_endless(side, claim.metric) for side in sides], level)
    if left.low is not None and _verdict(left, bounds) == "undecided" and gap:
        return "a larger test set", None
    near = "nil" if min(map(abs, bounds)) == 0 else "at the bound"
    return f"more than {MOST_SEEDS} seeds: the effect is about {near} at this budget", None


def _paired(one: Measured, other: Measured) -> tuple[Measured, Measured]:
    """The same two sides, the errors of their difference in the first."""
    if len(one.errors) != len(other.errors):
        return one, other
    errors = tuple(a - b for a, b in zip(one.errors, other.errors, strict=True))
    return replace(one, errors=errors), replace(other, errors=())


def _endless(side: Measurements, metric: str) -> Measurements:
    measured = side.metrics[metric]
    return replace(side, metrics={metric: replace(measured, values=(measured.mean,), trials=None)})


def summary(results: Sequence[Result]) -> str:
    """How many came out how."""
    verdicts: tuple[Verdict, ...] = ("supported", "contradicted", "undecided")
    counts = (f"{sum(each.verdict == verdict for each in results)} {verdict}" for verdict in verdicts)
    return f"{len(results)} conclusions: {', '.join(counts)}"


def _names(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _compared(sides: Sequence[T]) -> list[tuple[T, T]]:
    """The first with the second, the third with the fourth."""
    return list(zip(sides[::2], sides[1::2], strict=False))


def _range(above: float | None, below: float | None) -> str:
    """In words; at least one is given."""
    if above is None:
        return f"below {below:g}"
    return f"above {above:g}" if below is None else f"between {above:g} and {below:g}"


def _percent(level: float) -> str:
    return f"{100 * level:.4g} %"


def _shown(value: float | None) -> float | None:
    """To six digits; None for what is not known or not bounded."""
    return None if value is None or math.isinf(value) else float(f"{value:.6g}")
