"""What stages besides training take: the committed run's seconds of each, by how much larger they are here.

Roughly. They are not counted operation by operation, and on a GPU they were never measured.
"""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.running.schedule import item, kind

COMPUTED: Final = (
    "classify",
    "referee",
    "evaluate",
)  # what a device trains or looks at; the others stay on the processor
# As `pipeline.evaluation` counts its work: passes of an image through a network, of which some are the model's own.
LOOKED: Final = 3  # by the judge and the referee, at a drawing
LABELLED: Final = 30  # label sets, about, that are drawn `draws` times each
COMPARED: Final = 2000  # pairs of images: as long as a pass
METRICS: Final = 3  # that compare images with one another


def larger(stage: str, content: Mapping[str, Any], base: Mapping[str, Any], seeds: int, growth: float) -> float:
    """How many times as long a stage takes by the parameters `content` as by `base`.

    seeds: that its experiment had then; growth: operations an image of its training, by those it had then.
    """
    what, name = kind(stage), item(stage)
    if what == "prepare":
        return _images(content, name) / _images(base, name)
    if what in ("classify", "referee"):
        block = "classifier" if what == "classify" else "referee"
        shown = [each["data"][name]["train"] * each[block][name]["epochs"] for each in (content, base)]
        return shown[0] / shown[1]
    if what == "evaluate" and name in base["experiments"]:
        now = len(content["experiments"][name]["seeds"]) * _evaluated(content, name, growth)
        return now / (seeds * _evaluated(base, name, 1.0))
    return 1.0


def _images(content: Mapping[str, Any], role: str) -> float:
    return float(content["data"][role]["train"] + content["data"][role]["test"])


def _evaluated(content: Mapping[str, Any], name: str, growth: float) -> float:
    """Passes of one seed's evaluation, of which those of the model count `growth` times."""
    block = content["experiments"][name]
    settings, test = content["evaluation"][block["data"]], content["data"][block["data"]]["test"]
    drawn = settings["samples"] + block.get("snapshots", 0) * settings.get("progress_samples", 600)
    drawn += LABELLED * settings.get("draws", 0) * block.get("conditional", True)
    passes = drawn * (growth + LOOKED)
    if block["family"] in ("vae", "ae"):
        passes += test * (2 * growth + 1)
    if block["family"] == "vae":
        weighed = min(settings["likelihood_images"], test) * settings["importance_samples"]
        passes += weighed * growth
    return float(passes + METRICS * (settings["samples"] + min(settings["real_images"], test)) ** 2 / COMPARED)
