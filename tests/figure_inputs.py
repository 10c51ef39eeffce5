"""What figures are drawn of in tests: models that paint their latents and labels, judges that read them, image sets."""

import itertools
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from pipeline.contracts.curves import POSITION
from pipeline.contracts.images import ImageSet, Kind
from pipeline.contracts.model import Drawer, GenerativeModel, Player
from pipeline.contracts.training_progress import Moment
from pipeline.figures.common.inputs import Inputs
from pipeline.models import vae
from pipeline.networks import mlp

CLASSES = tuple("0123456789")
COLOURS, SHAPES = ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"), ("cube", "sphere", "cylinder")
OBJECTS = tuple(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS)
ATTRIBUTES = ("Bangs", "Black_Hair", "Blond_Hair", "Male", "Mouth_Slightly_Open", "Smiling", "Wavy_Hair", "Young")
LATENT = 3


class Painter(GenerativeModel):
    """No encoder, no likelihood: what a GAN offers a figure. Its colours are its latents and labels."""

    pixels = "symmetric"
    conditional = True
    latent = 3

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.randn(count, self.latent, generator=generator)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return torch.tanh(latents + labels.sum(1, keepdim=True))[:, :, None, None].expand(-1, -1, 8, 8)


class Writer(GenerativeModel):
    """Writes the labels it is asked for into the top row of grey images, whose greys are its latents."""

    pixels = "unit"
    conditional = True
    latent = 1
    drawn_by: Drawer = "average"

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.rand(count, self.latent, generator=generator) * 0.9

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        images = latents[:, :, None, None].repeat(1, 3, 64, 64)
        images[:, :, 0, : labels.shape[1]] = labels[:, None]
        return images

    def generate_by(self, drawer: Drawer, latents: Tensor, labels: Tensor) -> Tensor:
        return self.generate(latents, labels)


class Averager(GenerativeModel):
    """An encoder that keeps an image's mean colour, and a decoder that paints it."""

    pixels = "symmetric"
    conditional = False
    latent = 3
    latents = "latents from elsewhere"

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return torch.randn(count, self.latent, generator=generator)

    def code(self, images: Tensor, labels: Tensor) -> Tensor:
        return images.mean((2, 3))

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        return latents[:, :, None, None].repeat(1, 1, 64, 64)


class Coder(GenerativeModel):
    """A grey and 5 codes, of which each is written as the attribute of its number, as dark as its share."""

    pixels = "unit"
    conditional = False
    codes = 5
    latent = 6

    def players(self) -> Sequence[Player]:
        return ()

    def prior(self, count: int, generator: Generator) -> Tensor:
        return self.coded(torch.rand(count, self.latent, generator=generator) * 0.9, torch.eye(self.codes)[[0] * count])

    def coded(self, latents: Tensor, codes: Tensor) -> Tensor:
        return torch.cat([latents[:, :1], codes], 1)

    def recognise(self, images: Tensor) -> Tensor:
        return images[:, 0, 0, : self.codes].log_softmax(1)

    def generate(self, latents: Tensor, labels: Tensor) -> Tensor:
        images = latents[:, :1, None, None].repeat(1, 3, 64, 64)
        images[:, :, 0, : len(ATTRIBUTES)] = 0
        images[:, :, 0, : self.codes] = latents[:, None, 1:]
        return images


def written(tile: Tensor, scale: int, labels: int = len(OBJECTS)) -> Tensor:
    """What the writer of the image (H, W, 3) at the top left, so many times enlarged, was asked for: labels (K,)."""
    return (tile[0, ::scale, 0][:labels] == 255).to(torch.uint8)


def reader(images: Tensor) -> Tensor:
    """A judge of the writer's images that knows every object but the first, which it takes for the last."""
    scores = images[:, 0, 0, : len(OBJECTS)].clone()
    scores[:, -1] = torch.maximum(scores[:, -1], 0.9 * scores[:, 0])
    scores[:, 0] = 0
    return scores


def contrary(images: Tensor) -> Tensor:
    """A judge that sees all but what the writer was asked for."""
    return -images[:, 0, 0, : len(OBJECTS)]


def observer(images: Tensor) -> Tensor:
    """A judge of written attributes, and of real faces, in which they are written too."""
    return images[:, 0, 0, : len(ATTRIBUTES)] * 2 - 1


def sullen(images: Tensor) -> Tensor:
    """A judge that sees a smile, attribute 5, only in bright images."""
    seen = observer(images)
    seen[:, 5] = torch.where(images[:, 0, 1, 0] > 0.6, seen[:, 5], -1)
    return seen


def undecided(images: Tensor) -> Tensor:
    """A judge that scores all objects alike."""
    return torch.zeros(len(images), len(OBJECTS))


def digits(*, channels: int = 1, kind: Kind = "classes") -> ImageSet:
    n = 40
    images = torch.randint(256, (n, channels, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    labels = torch.eye(len(CLASSES), dtype=torch.uint8)[torch.arange(n).flip(0) % len(CLASSES)]
    if kind != "classes":
        labels |= labels.roll(1, 1)
    return ImageSet(images, labels, torch.arange(n), CLASSES, kind, "noise")


def rows(
    seed: int, names: Sequence[str] = ("reconstruction", "kl", "loss"), points: int = 60
) -> list[dict[str, float]]:
    """Falling losses that begin far out, as they do."""
    at = [{"iteration": 10.0 * i, "epoch": i / 6, "images_seen": 1280.0 * i, "seconds": 0.1 * i} for i in range(1, 61)]
    return [
        {**row, **{name: 1000 / i**3 + 80 + k + seed for k, name in enumerate(names)}}
        for i, row in enumerate(at[:points], 1)
    ]


def scenes(classes: tuple[str, ...] = OBJECTS, *, kind: Kind = "objects") -> ImageSet:
    """With labels that mix, there are a list `test` of 32 sets, of one to three labels, and a list `new_test` of 5."""
    n, one = 40, torch.eye(len(classes), dtype=torch.uint8)
    labels = one[torch.arange(n) % len(classes)]
    lists = {}
    if kind != "classes":
        labels[n // 2 :] |= one[(torch.arange(n // 2) * 5 + 1) % len(classes)]
        sets = torch.zeros(32, len(classes), dtype=torch.uint8)
        for number, asked in enumerate(sets):
            asked[[(5 * number + 3 * more) % len(classes) for more in range(number % 3 + 1)]] = 1
        lists = {"test": sets, "new_test": sets[5:10].flip(1)}
    images = torch.zeros(n, 3, 64, 64, dtype=torch.uint8)
    return ImageSet(images, labels, torch.arange(n), classes, kind, "noise", lists)


def faces(n: int = 60) -> ImageSet:
    """Attributes, written into the top rows of noise; nobody has black and blond hair."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (n, len(ATTRIBUTES)), generator=draw, dtype=torch.uint8)
    labels[:, 2] &= 1 - labels[:, 1]
    images = torch.randint(255, (n, 3, 64, 64), generator=draw, dtype=torch.uint8)
    images[:, :, 0, : len(ATTRIBUTES)] = 255 * labels[:, None]
    return ImageSet(images, labels, torch.arange(n), ATTRIBUTES, "attributes", "noise")


def two_players(seed: int, first: Sequence[str], second: Sequence[str]) -> list[dict[str, float]]:
    """A curve of two players' terms, `player_term` each, and totals."""
    curve = []
    for row in rows(seed, [*first, *second]):
        losses: dict[str, float] = {}
        for names in (first, second):
            losses |= {name: row[name] for name in names}
            losses[f"{names[0].split('_')[0]}_loss"] = losses["loss"] = sum(row[name] for name in names)
        curve.append({name: row[name] for name in POSITION} | losses)
    return curve


def moments(seed: int, drawers: Sequence[str] = ("generator", "average")) -> list[Moment]:
    names = ("diversity", "recognised", "test_accuracy", "new_test_accuracy")
    found = []
    for n, drawer in itertools.product(range(1, 9), drawers):
        values = dict.fromkeys(names, (n + seed / 9 - 0.1 * (drawer == "average")) / 10)
        found.append(Moment(1500 * n, 192000 * n, drawer, {"frechet_distance": 300 / n**2 + seed, **values}))
    return found


def scenes_inputs(*, seeds: int = 3, seed: int = 0, test: ImageSet | None = None) -> Inputs:
    models: dict[int, GenerativeModel] = {number: Writer() for number in range(seeds)}
    first = ["discriminator_real", "discriminator_fake", "discriminator_label"]
    found = {n: two_players(n, first, ["generator_adversarial", "generator_label"]) for n in models}
    return Inputs(
        "a_gan_of_scenes", models, found, {n: moments(n) for n in models}, reader, reader, test or scenes(), seed
    )


def blind(images: Tensor) -> Tensor:
    """A judge that scores all labels alike."""
    return torch.zeros(len(images), len(CLASSES))


def faces_inputs(model: GenerativeModel | None = None, *, seed: int = 0) -> Inputs:
    return Inputs("some_faces", {0: model or Writer()}, {}, {}, observer, observer, faces(), seed)


def vae_inputs(*, conditional: bool = True, seeds: int = 3, likelihood: str = "bernoulli", seed: int = 0) -> Inputs:
    settings = vae.Settings.model_validate({"latent": LATENT, "conditional": conditional, "likelihood": likelihood})
    models: dict[int, GenerativeModel] = {}
    for number in range(seeds):
        torch.manual_seed(number)
        network = mlp.build(mlp.Settings(layers=1, hidden=8), (1, 8, 8))
        models[number] = vae.build(settings, network, len(CLASSES)).eval().requires_grad_(False)
    curves = {number: rows(number) for number in range(seeds)}
    return Inputs("an_experiment", models, curves, {}, blind, blind, digits(), seed)


def gan_inputs() -> Inputs:
    curve = two_players(0, ["discriminator_real", "discriminator_fake"], ["generator_adversarial"])
    return Inputs("a_gan", {4: Painter()}, {4: curve}, {}, blind, blind, digits(channels=3, kind="objects"), 0)


INPUTS = {
    "conditional": vae_inputs(),
    "unconditional": vae_inputs(conditional=False),
    "one seed": vae_inputs(seeds=1),
    "gaussian": vae_inputs(likelihood="gaussian"),
    "gan": gan_inputs(),
    "scenes": scenes_inputs(),
    "scenes of one seed": scenes_inputs(seeds=1),
    "faces": faces_inputs(),
    "encoder of faces": faces_inputs(Averager()),
    "codes of faces": faces_inputs(Coder()),
}
HOUSES = Inputs("houses", {0: Writer()}, {}, {}, blind, blind, scenes(CLASSES, kind="classes"), 0)
