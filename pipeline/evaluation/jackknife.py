"""Random halves of what a metric looks at: as far as it scatters over them, it would over other test sets of this size.

Half of n things, drawn without replacement, are off by as much again as all n are, so the scatter needs no factor
(delete-d jackknife with d = n / 2: Shao and Wu 1989). Unlike a bootstrap's resamples, a half holds nothing twice, which
would upset all metrics of nearest neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from pipeline.evaluation.evidence import Answers, Codes, Evidence, Flips, Judged, Likelihoods, Part


@dataclass(frozen=True)
class Half:
    """rows: of test images, ascending, all variants of an original or none; sets: of each list, of its label sets."""

    rows: Tensor
    sets: Mapping[str, Tensor]


def draw(test: Judged, lists: Mapping[str, int], count: int, noise: Generator) -> list[Half]:
    """`count` halves of the test images' originals and of the lists, of which the number of label sets is given."""
    rows = torch.arange(len(test.features))
    originals = rows if test.originals is None else test.originals.cpu().unique(return_inverse=True)[1]
    found = []
    for _ in range(count):
        chosen = torch.zeros(int(originals.max()) + 1, dtype=torch.bool)
        chosen[_half(len(chosen), noise)] = True
        sets = {name: _half(size, noise) for name, size in lists.items()}
        found.append(Half(rows[chosen[originals]].to(test.features.device), sets))
    return found


def _half(size: int, noise: Generator) -> Tensor:
    """Half of the numbers below size, rounded down but one at least, ascending."""
    return torch.randperm(size, generator=noise)[: max(1, size // 2)].sort().values


@dataclass(frozen=True)
class Chosen:
    """What one half takes of one model's evidence.

    part: of its images. flips, codes: rows of their latents; None where all models' latents are left whole, and what
    does not look at test images is left out.
    """

    part: Part
    flips: Tensor | None
    codes: Tensor | None


def choose(found: Evidence, half: Half, noise: Generator | None) -> Chosen:
    """noise: where latents are to be halved too, as of a single seed; else None.

    Without it the same half of the samples stands for all, so that metrics that want as many real images as samples
    find them.
    """
    count, device = len(found.fake.features), half.rows.device
    fakes = torch.arange(max(1, count // 2)) if noise is None else _half(count, noise)
    flips = None if found.flips is None or noise is None else _half(len(found.flips.here), noise).to(device)
    codes = None if found.codes is None or noise is None else _half(found.codes.features.shape[1], noise).to(device)
    return Chosen(Part(half.rows, fakes.to(device)), flips, codes)


def take(found: Evidence, halves: Sequence[Half], number: int, chosen: Chosen) -> Evidence:
    """The evidence of one half, of which `choose` chose the rows."""
    half, known = halves[number], found.likelihoods
    moments = [
        replace(moment, values={**moment.values, "frechet_distance": moment.halves[number]})
        for moment in found.moments
        if moment.halves
    ]
    return replace(
        found,
        test=found.test.take(half.rows),
        fake=found.fake.take(chosen.part.fake),
        likelihoods=None if known is None else _likelihoods(known, half.rows),
        reconstructed=None if found.reconstructed is None else found.reconstructed[half.rows],
        answers={name: _answers(answers, half.sets[name]) for name, answers in found.answers.items()},
        moments=moments,
        flips=None if found.flips is None or chosen.flips is None else _flips(found.flips, chosen.flips),
        codes=None if found.codes is None or chosen.codes is None else _codes(found.codes, chosen.codes),
        curve=(),
    )


def seen(found: Evidence, halves: Sequence[Half], number: int, noise: Generator | None) -> Evidence:
    """The evidence of one half, with its rows chosen by `choose`."""
    return take(found, halves, number, choose(found, halves[number], noise))


def _likelihoods(known: Likelihoods, rows: Tensor) -> Likelihoods:
    """log_weights are of the first images only; where the half has none of them, of the very first."""
    weighed = rows[rows < len(known.log_weights)] if bool((rows < len(known.log_weights)).any()) else rows.new_zeros(1)
    return Likelihoods(
        known.reconstruction[rows],
        known.kl[rows],
        known.log_weights[weighed],
        known.posterior_means[rows],
        known.comparable,
    )


def _answers(answers: Answers, sets: Tensor) -> Answers:
    rows = sets.to(answers.labels.device)
    recognised = None if answers.recognised is None else answers.recognised[:, rows]
    return Answers(answers.labels[rows], answers.logits[:, rows], answers.seen[rows], recognised)


def _flips(flips: Flips, rows: Tensor) -> Flips:
    return Flips(flips.without[:, rows], flips.asked[:, rows], flips.here[rows], flips.elsewhere[rows])


def _codes(codes: Codes, rows: Tensor) -> Codes:
    columns = (codes.features, codes.logits, codes.recognised, codes.mixed)
    return Codes(*(column[:, rows] for column in columns))


def errors(values: Sequence[Sequence[Mapping[str, float]]], metric: str) -> tuple[float, ...]:
    """How far the mean over seeds lies from its average over halves, one number a half; values: by seed, then half.

    What a half does to one seed otherwise than to another is in the seeds' own scatter already; of several seeds,
    therefore, its share in the errors' variance is taken away, as the analysis of variance of a two-way layout
    estimates it (Scheffé 1959, chapter 4). Empty where nothing is left, as of a metric that does not look at what was
    halved, and where a half lacks the metric.
    """
    if any(metric not in half for seed in values for half in seed):
        return ()
    table = torch.tensor([[half[metric] for half in seed] for seed in values], dtype=torch.float64)  # (S, R)
    apart = table - table.mean(1, keepdim=True)
    found = apart.mean(0)
    if len(table) > 1:
        interaction = (apart - found).square().sum() / (len(table) - 1) / len(table)
        found = found * (1 - interaction / found.square().sum()).clamp_min(0).sqrt()
    return tuple(found.tolist()) if bool(found.isfinite().all() and (found != 0).any()) else ()
