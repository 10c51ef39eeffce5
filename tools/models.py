"""Whether models can be built and trained as params.yaml describes them, without training any."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from pipeline.contracts import checkpoint
from pipeline.contracts.images import ImageSet, Layout
from pipeline.ground import params, plugins
from pipeline.ground.errors import InputError
from pipeline.training import loop
from pipeline.training.experiment import head, plan
from pipeline.training.seeds import Training


def misfits(content: Mapping[str, Any]) -> list[str]:
    """What keeps the experiments of a valid params.yaml from being trained and measured, a line each.

    Each model is built without memory, for images as its role's are.
    """
    found = [fault for role in content["evaluation"] if (fault := _unmeasured(content, role))]
    for name, block in content["experiments"].items():
        where = f"experiments.{name}"
        common = head(block, where)
        family, network = plugins.load("models", common.family), plugins.load("networks", common.network)
        checked = plan(block, where, family.Settings, network.Settings, loop.Settings)
        layout: Layout = plugins.load("data", common.data).LAYOUT
        training = Training(name, block, checked, torch.device("cpu"), save_every=0)
        try:
            with torch.device("meta"), _Unfilled():
                model = checkpoint.build(training.header(_none(layout), seed=0))
            loop.fitting(model, content["data"][common.data]["train"], checked.training)
        except InputError as error:
            found.append(f"{params.PARAMS}: {where}.{error}")  # which begins with a key
    return found


class _Unfilled(TorchFunctionMode):
    """Weights are not drawn: without memory each would take as long as a small model, in Python."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        drawn = (
            func in (torch.Tensor.normal_, torch.Tensor.uniform_) or getattr(func, "__module__", "") == "torch.nn.init"
        )
        return (args or tuple((kwargs or {}).values()))[0] if drawn else func(*args, **(kwargs or {}))


def _unmeasured(content: Mapping[str, Any], role: str) -> str | None:
    """Whether a role has too few test images for a metric, which measures each half of them, too."""
    there = min(content["data"][role]["test"], content["evaluation"][role]["real_images"])
    for metric in content["evaluation"][role]["metrics"]:
        least = getattr(plugins.load("evaluation/metrics", metric), "LEAST", 1)
        if there // 2 < least:
            return (
                f"{params.PARAMS}: data.{role}.test: expected at least {2 * least} images, as metric {metric} needs"
                f" {least} in each half of them, found {there}"
            )
    return None


def _none(layout: Layout) -> ImageSet:
    """No images of a role."""
    labels = torch.empty(0, len(layout.classes), dtype=torch.uint8)
    images = torch.empty(0, *layout.shape, dtype=torch.uint8)
    return ImageSet(images, labels, torch.empty(0, dtype=torch.int64), layout.classes, layout.kind, source="")
