"""How good a generator was at the moments of its training that were kept: measured afterwards, by today's panel."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Generator, Tensor

from pipeline.contracts.model import AdversarialModel, Drawer, GenerativeModel
from pipeline.contracts.training_progress import Moment
from pipeline.evaluation.drawing import Step, seen, untold
from pipeline.evaluation.evidence import Judged
from pipeline.evaluation.jackknife import Half
from pipeline.evaluation.metrics.diversity import Drawn, relative_diversity
from pipeline.evaluation.metrics.frechet import fitted, gaussian_distance
from pipeline.evaluation.needs import finite
from pipeline.ground import storage
from pipeline.judges import referee
from pipeline.judges.panel import Panel
from pipeline.judges.scores import accuracy, recognised

DRAWERS: tuple[Drawer, ...] = ("generator", "average")
REPEATS = 6  # drawings of each listed label set, at one moment


def planned(snapshots: int, conditional: bool, lists: Mapping[str, Tensor], samples: int) -> int:
    """How many drawings `measure` makes."""
    listed = REPEATS * sum(map(len, lists.values())) if conditional else 0
    return snapshots * len(DRAWERS) * (samples + listed)


@torch.inference_mode()
def measure(
    model: GenerativeModel,
    snapshots: Sequence[Path],
    panel: Panel,
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

    The referee looks at samples, the judge at what the lists ask for, or at the samples where there are none: these
    drawings are most of an evaluation's, and no one looks at what the other tells.
    """
    assert isinstance(model, AdversarialModel)
    home = test.labels.device
    labels = test.labels[torch.arange(samples, device=home) % len(test.labels)]
    asked = {name: sets.to(home).repeat(REPEATS, 1) for name, sets in lists.items()} if model.conditional else {}
    latents = {name: model.prior(len(sets), noise) for name, sets in {"": labels, **asked}.items()}
    real, parts_of_real = fitted(test.features), [fitted(test.features[half.rows]) for half in halves]
    found = []
    for path in snapshots:
        tensors, facts = storage.read(path, "a snapshot of a generator")
        model.load_state_dict(tensors, strict=False)
        for name, weights in tensors.items():
            finite(f"{path}: {name}", weights)
        for drawer in DRAWERS:
            generate = partial(model.generate_by, drawer)
            alone = model.conditional and not asked
            look = panel.look if alone else partial(referee.look, panel.referee)
            told = seen(generate, model.pixels, look, latents[""], labels, step)
            features, names = (told[1], told[2]) if alone else (told[0], told[1])
            fake, drawn = Drawn(features, labels), fitted(features)
            values = {
                "frechet_distance": gaussian_distance(real, drawn),
                "diversity": relative_diversity(fake, test, model.conditional),
            }
            if model.conditional:
                values["recognised"] = recognised(names, labels)
            if alone:
                values["condition_accuracy"] = accuracy(told[0], labels, panel.kind)
            for name, sets in asked.items():
                (answers,) = seen(generate, model.pixels, panel.name, latents[name], sets, step)
                values[f"{name}_accuracy"] = accuracy(answers, sets, panel.kind)
            apart = tuple(gaussian_distance(part, drawn) for part in parts_of_real)
            found.append(Moment(facts["iteration"], facts["images_seen"], drawer, values, apart))
    return found
