"""A small report: three experiments of two roles, two decoders, two conclusions, pictures."""

from pathlib import Path

import torch
from PIL import Image

from pipeline.conclusions.results import ClaimResult, Result
from pipeline.contracts import checkpoint
from pipeline.contracts.model import GenerativeModel
from pipeline.ground import storage
from pipeline.report import embedding, explorer
from pipeline.report.page import Content
from pipeline.report.runs import Run
from pipeline.report.settings import Part, Settings
from pipeline.statistics.measurements import Measured, Measurements

CLASSES = tuple("0123456789")
MLP = {"data": "digits", "family": "vae", "network": "mlp", "latent": 5, "layers": 2, "conditional": False}


def vae(folder: Path, seed: int = 0, conditional: bool = False, likelihood: str = "bernoulli") -> GenerativeModel:
    """Saves a VAE of digits with strong contrasts, some units that never fire and a border that stays black."""
    header = checkpoint.Header(
        data="digits",
        family="vae",
        network="mlp",
        model_settings={"latent": 5, "conditional": conditional, "likelihood": likelihood},
        network_settings={"layers": 2, "hidden": 64},
        shape=(1, 28, 28),
        classes=CLASSES,
        kind="classes",
        source="digits8x8",
        seed=seed,
        precision="float32",
    )
    torch.manual_seed(seed)
    model = checkpoint.build(header).eval().requires_grad_(False)
    layers = [layer for layer in model.get_submodule("decoder.layers").children() if isinstance(layer, torch.nn.Linear)]
    layers[0].bias[:8] = -500
    layers[1].bias[:8] = -500
    layers[1].weight[:, 8:16] *= 0.01
    layers[2].weight.mul_(4)
    layers[2].bias.view(28, 28)[[0, -1]] = -500
    layers[0].weight[:, 3] *= 0.001  # the fourth dimension is idle
    checkpoint.save(folder / f"seed{seed}.safetensors", model, header)
    return model


def picture(path: Path, size: tuple[int, int] = (400, 300), colour: tuple[int, int, int] = (200, 30, 30)) -> Path:
    """A chart: a coloured bar on white."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, "white")
    image.paste(colour, (20, 20, size[0] // 2, size[1] // 2))
    image.save(path)
    return path


def measured(*seeds: int, source: str = "digits8x8", **metrics: Measured) -> Measurements:
    return Measurements(source, "a machine, torch 2", "fingerprint", seeds, metrics, {})


def conclusions() -> list[Result]:
    """One supported, by two claims, and one undecided that is not measured."""
    names = ("cvae", "plain")
    claims = (
        ClaimResult("elbo is higher for cvae", "elbo", names, "supported", 5.0, 3.0, 7.0, 0.0, None, "nats", 3),
        ClaimResult("mse of cvae is close", "mse", names, "supported", -0.001, -0.0015, -0.0005, -0.002, 0.002, "", 3),
    )
    missing = (ClaimResult("recall is higher for cvae", "recall", names, "undecided", needs="at least two seeds"),)
    return [
        Result("A1", "A", "Labels <help>.", "By the bound.", "supported", "each claim holds", "", claims),
        Result("B1", "B", "More is more.", "By recall.", "undecided", "not measured", "more seeds", missing),
    ]


def content(folder: Path) -> Content:
    """All of it; writes models to `folder`/models/NAME and pictures to `folder`/figures/NAME."""
    vae(folder / "models/cvae", conditional=True)
    vae(folder / "models/plain", likelihood="gaussian")
    files = [
        picture(folder / f"figures/{name}/{kind}.png") for name in ("cvae", "plain") for kind in ("curves", "samples")
    ]
    sizes = picture(folder / "sizes.png", (1400, 500))
    found = embedding.embedded([sizes, *files], 10**6)

    def shown(name: str) -> dict[str, embedding.Picture]:
        return {path.stem: found[path] for path in files if path.parent.name == name}

    cvae = measured(
        0, 1, 2, elbo=Measured("higher", (-80.0, -81.0, -82.0)), recall=Measured("higher", (0.9, 0.9, 0.96), trials=40)
    )
    plain = measured(0, elbo=Measured("higher", (-9.0,), (0.5, -0.5, 0.4, -0.4)), mse=Measured("lower", (0.01,)))
    game = measured(0, 1, source="street_digits", recall=Measured("higher", (0.2, 0.4)))
    runs = [
        Run("cvae", MLP | {"conditional": True, "optimisers": {"vae": {"rate": 1}}}, cvae, shown("cvae")),
        Run("plain", MLP | {"layers": 3, "optimisers": {"vae": {"rate": 2}}}, plain, shown("plain")),
        Run("a_game", {"data": "colour", "family": "gan"}, game, {}),
    ]
    settings = Settings(
        metrics={"digits": ("recall", "elbo")},
        explorer=("cvae", "plain"),
        sections=(Part(title="Report A", experiments=("plain", "cvae")),),
    )
    judges = {
        "digits": {"accuracy": 0.9942, "test_images": 4000, "source": "digits8x8"},
        "colour": {"accuracy": 0.989, "test_images": 3000, "source": "street_digits"},
    }
    referees = {role: {"recognised": 0.98, "recognised_blurred": 0.02} for role in judges}
    decoders = explorer.embedded([folder / "models" / name for name in settings.explorer])
    return Content(runs, settings, judges, referees, conclusions(), decoders, found[sizes], "laptop")


def damaged(folder: Path, family: str) -> Path:
    """A model's file that says it is of another family."""
    storage.write(
        folder / "seed0.safetensors",
        {"decoder.layers.0.weight": torch.zeros(1, 1)},
        {"family": family, "network": "mlp", "shape": [1, 28, 28], "model_settings": {}},
    )
    return folder
