"""What tests of `latentlab explore` look at: an experiment of each family, small, whose images vary much."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from figure_inputs import ATTRIBUTES, CLASSES, OBJECTS

from pipeline.contracts import checkpoint, images
from pipeline.contracts.images import Kind
from pipeline.contracts.model import GenerativeModel
from pipeline.ground.seeding import generator

NAMES: Mapping[Kind, tuple[str, ...]] = {"classes": CLASSES, "objects": OBJECTS, "attributes": ATTRIBUTES}
AVERAGE = {"moving_average": 0.9, "drawn_by": "average"}
GAN = {"latent": 12, "loss": "hinge", "halved": False, "auxiliary": 0.0, "generator_steps": 1} | AVERAGE
MODELS: Mapping[str, tuple[str, str, Kind, dict[str, Any]]] = {
    "digits": ("vae", "mlp", "classes", {"latent": 5, "conditional": True, "likelihood": "bernoulli"}),
    "plain": ("ae", "mlp", "classes", {"latent": 3}),
    "scenes": ("gan", "dcgan", "objects", GAN | {"conditional": True}),
    "critic": (
        "wgan",
        "dcgan",
        "attributes",
        {"latent": 12, "conditional": False, "critic_steps": 1, "constraint": "penalty", "strength": 10.0} | AVERAGE,
    ),
    "faces": ("acgan", "dcgan", "attributes", {"latent": 12} | AVERAGE),
    "coded": ("infogan", "dcgan", "attributes", {"latent": 12, "codes": 4} | AVERAGE),
}


def known(name: str) -> tuple[str, ...]:
    """The names of an experiment's labels."""
    return NAMES[MODELS[name][2]]


def save(folder: Path, name: str, seed: int = 3) -> GenerativeModel:
    """Writes one model into `folder`/results/models/`name`, as training would."""
    family, network, kind, settings = MODELS[name]
    header = checkpoint.Header(
        data=name,
        family=family,
        network=network,
        model_settings=settings,
        network_settings={"layers": 2, "hidden": 48} if network == "mlp" else {"width": 8},
        shape=(1, 28, 28) if network == "mlp" else (3, 32, 32),
        classes=NAMES[kind],
        kind=kind,
        source="embedded",
        seed=seed,
        precision="float32",
    )
    torch.manual_seed(seed)
    model = checkpoint.build(header).eval().requires_grad_(False)
    for tensor in model.parameters():
        tensor.mul_(1.0 if tensor.ndim < 2 else 2.0 if network == "mlp" else 15.0)
        tensor.add_(0.3 * torch.randn_like(tensor) * (tensor.ndim < 2))
    checkpoint.save(folder / f"results/models/{name}/seed{seed}.safetensors", model, header)
    return model


def save_labels(folder: Path, name: str, labels: torch.Tensor) -> None:
    """Writes the test images that a model learned from, as far as their labels go."""
    count, (_, _, kind, _) = len(labels), MODELS[name]
    blank = torch.zeros(count, 1, 8, 8, dtype=torch.uint8)
    split = images.ImageSet(blank, labels.byte(), torch.arange(count), NAMES[kind], kind, "embedded")
    images.save(split, folder / f"data/prepared/{name}/test.safetensors")


def latent(model: GenerativeModel, number: int) -> torch.Tensor:
    """(1, Z), as `latentlab sample --count 1 --seed` draws it."""
    return model.prior(1, generator(torch.device("cpu"), "sample", number))
