"""Decoders of digits VAEs, small enough that a page can hold them and draw with them: pipeline/report/explorer.js runs
them. Only fully connected ones, see pipeline/networks/mlp.py.

Weights are float16, which moves no pixel by 1/255 (8 bits would by 20). Hidden units that never fire are left out, and
pixels that never change keep their bias only: half of the weights. Their bytes are put in two planes, those with signs
and exponents first, and packed: a seventh less.
"""

import base64
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.ground import storage
from pipeline.ground.errors import InputError

REACH: Final = 3.0  # how far from 0 the page moves a latent dimension
IDLE: Final = 0.12  # a dimension with less influence than this, relative to the most influential, is idle
_PROBES: Final = 4096  # latents of each kind that tell which units never fire
_STILL: Final = 0.5 / 255  # a pixel that changes by less stays as it is
_DEEPEST: Final = 11.0  # logits beyond it are black or white to 1e-5

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Decoder:
    """weights: of each layer, matrix (outputs, inputs) and bias. classes: names of the labels it sees; none: it is
    unconditional. bernoulli: sigmoid makes its outputs pixels in [0, 1]; else tanh does in [-1, 1].
    """

    name: str
    source: str
    seed: int
    latent: int
    classes: tuple[str, ...]
    bernoulli: bool
    shape: tuple[int, int]
    weights: tuple[tuple[Array, Array], ...]

    def hidden(self, inputs: Array) -> Iterator[Array]:
        """What comes out of each layer for inputs (N, latent + classes); the last is the image before squashing."""
        values = inputs
        for depth, (matrix, bias) in enumerate(self.weights):
            values = values @ matrix.T + bias
            if depth < len(self.weights) - 1:
                values = np.maximum(values, 0)
            yield values

    def draw(self, inputs: Array) -> Array:
        """Pixels (N, H * W) in [0, 1]."""
        *_, outputs = self.hidden(inputs)
        return self.squash(outputs)

    def squash(self, outputs: Array) -> Array:
        half = outputs / 2 if self.bernoulli else outputs
        # sigmoid(x) = (tanh(x / 2) + 1) / 2, without overflow
        return ((np.tanh(half) + 1) / 2).astype(np.float32)

    def inputs(self, latents: Array) -> Array:
        """Latents (N, latent), joined by every class in turn where it sees one."""
        if not self.classes:
            return latents
        return np.hstack(
            [latents, np.eye(len(self.classes), dtype=np.float32)[np.arange(len(latents)) % len(self.classes)]]
        )


def load(folder: Path) -> Decoder:
    """The decoder of an experiment's first seed. Raises InputError without one, or where it is no grey VAE of `mlp`."""
    paths = {int(path.stem.removeprefix("seed")): path for path in folder.glob("seed*.safetensors")}
    if not paths:
        raise InputError(f"{folder}: expected trained models (seed0.safetensors, ...), found none; run `dvc repro`")
    path = paths[min(paths)]
    tensors, header = storage.read(path, "a trained model")
    settings = header["model_settings"]
    if header["network"] != "mlp" or header["shape"][0] != 1 or "likelihood" not in settings:
        found = f"a {header['family']} of {header['network']} with {header['shape'][0]} channels"
        raise InputError(f"{path}: report.explorer: expected a vae of mlp that draws grey images, found {found}")
    names = sorted((name for name in tensors if name.startswith("decoder.") and name.endswith(".weight")), key=_place)
    return Decoder(
        folder.name,
        header["source"],
        header["seed"],
        settings["latent"],
        tuple(header["classes"]) if settings["conditional"] else (),
        settings["likelihood"] == "bernoulli",
        (header["shape"][1], header["shape"][2]),
        tuple((tensors[name].numpy(), tensors[name.replace(".weight", ".bias")].numpy()) for name in names),
    )


def _place(name: str) -> int:
    """`decoder.layers.4.weight`: 4."""
    return int(name.split(".")[2])


def smaller(decoder: Decoder) -> Decoder:
    """The same without units that never fire, and with pixels that never change fixed.

    Never: not among thousands of latents, half of them drawn with a deviation of 2, half evenly up to a third beyond
    what the page reaches, under every class.
    """
    noise = np.random.default_rng(0)
    latents = [2 * noise.standard_normal((_PROBES, decoder.latent)), noise.uniform(-4, 4, (_PROBES, decoder.latent))]
    *hidden, outputs = decoder.hidden(decoder.inputs(np.vstack(latents).astype(np.float32)))
    weights: list[tuple[Array, Array]] = []
    before: NDArray[np.bool_] = np.ones(decoder.weights[0][0].shape[1], dtype=bool)
    for (matrix, bias), values in zip(decoder.weights, hidden, strict=False):
        fires = np.asarray((values > 0).any(0))
        weights.append((matrix[fires][:, before], bias[fires]))
        before = fires
    matrix, bias = decoder.weights[-1]
    pixels = decoder.squash(outputs)
    still = np.ptp(pixels, 0) < _STILL
    level = np.clip((outputs.min(0) + outputs.max(0)) / 2, -_DEEPEST, _DEEPEST)
    matrix = np.where(still[:, None], 0, matrix[:, before])
    return Decoder(**{**vars(decoder), "weights": (*weights, (matrix, np.where(still, level, bias)))})


def influence(decoder: Decoder) -> Array:
    """How much each latent dimension changes the image, (latent,): mean difference of pixels between -2 and 2."""
    others = np.random.default_rng(1).standard_normal((50, decoder.latent)).astype(np.float32)
    found = []
    for dimension in range(decoder.latent):
        ends = []
        for end in (-2.0, 2.0):
            latents = others.copy()
            latents[:, dimension] = end
            ends.append(decoder.draw(decoder.inputs(latents)))
        found.append(np.abs(ends[1] - ends[0]).mean())
    return np.array(found, dtype=np.float32)


def packed(decoder: Decoder) -> str:
    """All weights, layer by layer matrix then bias, as float16: high bytes, low bytes, gzip, base64."""
    halves = np.concatenate([part.ravel() for layer in decoder.weights for part in layer]).astype("<f2")
    planes = halves.view(np.uint8).reshape(-1, 2)
    return base64.b64encode(gzip.compress(planes[:, 1].tobytes() + planes[:, 0].tobytes(), 9, mtime=0)).decode()


@dataclass(frozen=True)
class Embedded:
    """What the page holds of a decoder. facts: for JSON; weights: see `packed`."""

    name: str
    facts: Mapping[str, Any]
    weights: str


def embedded(folders: Sequence[Path]) -> list[Embedded]:
    """The decoders of experiments, given their folders of models."""
    return [_embedded(load(folder)) for folder in folders]


def _embedded(decoder: Decoder) -> Embedded:
    shares = influence(decoder)
    shares = shares / max(shares.max(), np.finfo(np.float32).tiny)
    order = np.argsort(-shares, kind="stable")
    small = smaller(decoder)
    facts = {
        "name": decoder.name,
        "seed": decoder.seed,
        "latent": decoder.latent,
        "classes": decoder.classes,
        "bernoulli": decoder.bernoulli,
        "height": decoder.shape[0],
        "width": decoder.shape[1],
        "layers": [matrix.shape for matrix, _ in small.weights],
        "order": order.tolist(),
        "influence": [round(float(share), 3) for share in shares],
        "active": max(1, int((shares >= IDLE).sum())),
        "reach": REACH,
    }
    return Embedded(decoder.name, facts, packed(small))
