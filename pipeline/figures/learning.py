"""How a generator learns: the same latents and labels at each kept moment of training, as a film."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

from pipeline.figures.common.film import Film
from pipeline.figures.common.inputs import Inputs
from pipeline.figures.common.plain import sheet
from pipeline.figures.common.words import duration, first_of
from pipeline.ground import storage

COLUMNS, ROWS = 5, 2  # so that each of ten classes is there once; of more, the first ones
SIDE, GAP = 128, 4  # pixels of an image, and between them


def draw(inputs: Inputs) -> Film | None:
    """Frames of 5 x 2 images by the weights that draw the samples, the last one by the trained model's.

    None for models that keep no moments.
    """
    if not inputs.kept:
        return None
    noise = inputs.noise("learning")
    labels = inputs.orders(COLUMNS * ROWS, noise)
    latents = inputs.model.prior(len(labels), noise)
    left_out = first_of(len(labels), len(inputs.test.classes), "classes")
    asked = [left_out] if left_out and inputs.test.exclusive and inputs.model.conditional else []
    seed, model = next(iter(inputs.models)), deepcopy(inputs.model)
    then = replace(inputs, models={seed: model})
    frames, lines = [], []
    for number, path in enumerate(inputs.kept, 1):
        tensors, facts = storage.read(path, "a snapshot of a generator")
        model.load_state_dict(tensors, strict=False)
        frames.append(sheet(then.generate(latents, labels), COLUMNS, SIDE, GAP))
        seconds = passed(inputs.curves.get(seed, ()), facts["iteration"])
        seen = f"{facts['images_seen']:,} images seen"
        lines.append(" · ".join([f"moment {number} of {len(inputs.kept)}", seen, *seconds, *asked]))
    return Film(frames, lines)


def passed(curve: Sequence[Mapping[str, float]], iteration: int) -> list[str]:
    """How long training had taken by an iteration, in words; nothing where the curve does not reach it."""
    reached = [row["seconds"] for row in curve if row["iteration"] >= iteration]
    return [duration(reached[0])] if reached else []
