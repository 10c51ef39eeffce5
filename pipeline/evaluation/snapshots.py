"""How good a generator was at the moments of its training that were kept: measured afterwards, by today's judge."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Generator, Tensor

from pipeline.contracts.model import AdversarialModel, Drawer, GenerativeModel
from pipeline.contracts.training_progress import Moment
from pipeline.evaluation.drawing import Step, drawings, untold
from pipeline.evaluation.evidence import Judged
from pipeline.evaluation.jackknife import Half
from pipeline.evaluation.metrics.diversity import Drawn, relative_diversity
from pipeline.evaluation.metrics.frechet import fitted, gaussian_distance
from pipeline.ground import storage
from pipeline.judges.classifier import Judge
from pipeline.judges.scores import accuracy

DRAWERS: tuple[Drawer, ...] = ("generator", "average")
REPEATS = 8  # drawings of each listed label set, at one moment


def planned(snapshots: int, conditional: bool, lists: Mapping[str, Tensor], samples: int) -> int:
    """How many drawings `measure` makes."""
    listed = REPEATS * sum(map(len, lists.values())) if conditional else 0
    return snapshots * len(DRAWERS) * (samples + listed)


@torch.inference_mode()
def measure(
    model: GenerativeModel,
    snapshots: Sequence[Path],
    judge: Judge,
    test: Judged,
    lists: Mapping[str, Tensor],
    samples: int,
    halves: Sequence[Half],
    noise: Generator,
    step: Step = untold,
) -> list[Moment]:
    """Both drawers at each snapshot, in order; `model` is left with the last snapshot's weights.

    lists: label sets (M, K) by name, asked for if the model is conditional. halves: of the test images. Latents and
    labels are the same at every moment, so that what changes is the generator.
    """
    assert isinstance(model, AdversarialModel)
    home = test.labels.device
    labels = test.labels[torch.arange(samples, device=home) % len(test.labels)]
    asked = {"condition": labels}
    if model.conditional:
        asked |= {name: sets.to(home).repeat(REPEATS, 1) for name, sets in lists.items()}
    every = torch.cat(list(asked.values()))
    latents = model.prior(len(every), noise)
    real, parts_of_real = fitted(test.features), [fitted(test.features[half.rows]) for half in halves]
    found = []
    for path in snapshots:
        tensors, facts = storage.read(path, "a snapshot of a generator")
        model.load_state_dict(tensors, strict=False)
        for drawer in DRAWERS:
            shown = drawings(partial(model.generate_by, drawer), model.pixels, judge, latents, every, step)
            features, logits = map(torch.cat, zip(*((some, answers) for _, some, answers in shown), strict=True))
            fake = Drawn(features[:samples], labels)
            drawn = fitted(fake.features)
            values = {
                "frechet_distance": gaussian_distance(real, drawn),
                "diversity": relative_diversity(fake, test, model.conditional),
            }
            if model.conditional:
                parts = logits.split([len(sets) for sets in asked.values()])
                for (name, sets), answers in zip(asked.items(), parts, strict=True):
                    values[f"{name}_accuracy"] = accuracy(answers, sets, judge.kind)
            apart = tuple(gaussian_distance(part, drawn) for part in parts_of_real)
            found.append(Moment(facts["iteration"], facts["images_seen"], drawer, values, apart))
    return found
