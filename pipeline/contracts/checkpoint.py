"""Trained models on disk: safetensors, with all that is needed to build them again in the header; never pickle."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from pipeline.contracts.images import Kind
from pipeline.contracts.model import GenerativeModel
from pipeline.ground import plugins, storage
from pipeline.ground.device import Precision
from pipeline.ground.errors import InputError


@dataclass(frozen=True)
class Header:
    """How to build a model again, and where it comes from.

    model, network: the plug-ins' own settings. shape: (C, H, W). classes: the labels' names. kind: of labels, see
    `pipeline.contracts.images.ImageSet`. source: of the training images. precision: of the products that trained it.
    """

    data: str
    family: str
    network: str
    model_settings: Mapping[str, Any]
    network_settings: Mapping[str, Any]
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    kind: Kind
    source: str
    seed: int
    precision: Precision


def build(header: Header) -> GenerativeModel:
    """A model with fresh weights, drawn from torch's global generator as torch's layers do."""
    family, network = plugins.load("models", header.family), plugins.load("networks", header.network)
    architecture = network.build(network.Settings(**header.network_settings), tuple(header.shape))
    return family.build(family.Settings(**header.model_settings), architecture, len(header.classes))


def save(path: Path, model: GenerativeModel, header: Header) -> None:
    storage.write(path, model.state_dict(), asdict(header))


def _header(facts: Mapping[str, Any]) -> Header:
    return Header(**{**facts, "shape": tuple(facts["shape"]), "classes": tuple(facts["classes"])})


def header(path: Path) -> Header:
    """A trained model's header, without its weights."""
    return _header(storage.read(path, "a trained model", tensors=False)[1])


def load(path: Path, device: torch.device) -> tuple[GenerativeModel, Header]:
    """A trained model, ready to draw: in evaluation mode, without gradients.

    Raises InputError for weights that are not finite, of which some models draw images all the same.
    """
    tensors, facts = storage.read(path, "a trained model")
    for name, values in tensors.items():
        if values.is_floating_point() and (bad := int((~values.isfinite()).sum())):
            said = f"found {bad} of {values.numel()} in {name} that are not"
            raise InputError(f"{path}: expected finite weights, {said}; did the training diverge?")
    found = _header(facts)
    model = build(found)
    model.load_state_dict(tensors)
    return model.to(device).eval().requires_grad_(False), found


def save_snapshot(folder: Path, model: GenerativeModel, seed: int, iteration: int, images_seen: int) -> None:
    """Keeps what an adversarial model draws with, as it is at this moment of training."""
    tensors = {n: t for n, t in model.state_dict().items() if n.startswith("generator.")}
    path = folder / f"seed{seed}-{iteration:07d}.safetensors"
    storage.write(path, tensors, {"iteration": iteration, "images_seen": images_seen})


def snapshots(model: Path) -> list[Path]:
    """The snapshots of a trained model, in order of iteration."""
    return sorted((model.parent / "snapshots").glob(f"{model.stem}-*.safetensors"))


def seeds(folder: Path) -> dict[int, Path]:
    """The trained models of an experiment by seed, in ascending order. Raises InputError when there is none."""
    found = {int(path.stem.removeprefix("seed")): path for path in folder.glob("seed*.safetensors")}
    if not found:
        raise InputError(f"{folder}: expected trained models (seed0.safetensors, ...), found none; run `dvc repro`")
    return dict(sorted(found.items()))
