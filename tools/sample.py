"""`latentlab sample`: images from a trained model."""

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.console.command import Device
from pipeline.ground.errors import InputError


def sample(
    name: Annotated[str, typer.Argument(help="A trained experiment, such as fc_cvae.")],
    count: Annotated[int, typer.Option(min=1, help="How many images.")] = 64,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="What to draw, such as 7, 'red cube' or Smiling; repeat it for several at once. Conditional only."
        ),
    ] = None,
    code: Annotated[
        list[int] | None,
        typer.Option(
            help="The latent code, from 1 on; repeat it to mix several evenly. InfoGANs only.  [default: any]"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="PNG to write.  [default: NAME.png]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random latents: the same seed, the same images.")] = 0,
    model_seed: Annotated[int | None, typer.Option(help="Which trained model.  [default: the first]")] = None,
    zoom: Annotated[int, typer.Option(min=1, help="Screen pixels a pixel.")] = 3,
    device: Device = "auto",
) -> None:
    """Draw images from a trained model into one PNG, a square grid without text.

    Without --label a conditional model draws every class, or every single object or attribute, in turn.
    """
    import torch
    from matplotlib.image import imsave

    from pipeline.contracts import checkpoint
    from pipeline.contracts.images import to_unit
    from pipeline.ground.device import pick
    from pipeline.ground.seeding import generator

    target = out or Path(f"{name}.png")
    if target.suffix.lower() != ".png":
        raise InputError(f"--out {target}: expected a file name that ends in .png")
    models = checkpoint.seeds(Path("results/models") / name)
    if model_seed is not None and model_seed not in models:
        raise InputError(f"--model-seed {model_seed}: expected one of {', '.join(map(str, models))}")
    where = pick(device)
    model, header = checkpoint.load(models[next(iter(models)) if model_seed is None else model_seed], where)
    if label and not model.conditional:
        raise InputError(f"--label {label[0]}: {name} is not conditional, it draws what it likes; leave --label out")
    labels = _labels(label or [], header, count)
    with torch.inference_mode():
        latents = model.prior(count, generator(where, "sample", seed))
        if code:
            latents = _coded(model, latents, code, name)
        images = model.generate(latents, labels.to(where))
    grid = _grid(to_unit(images, model.pixels).cpu(), zoom)
    target.parent.mkdir(parents=True, exist_ok=True)
    imsave(target, grid.numpy())
    print(f"{target}: {count} images of {name}, trained on {header.source}")


def _labels(names: list[str], header: Any, count: int) -> Any:
    """(count, K) float: what is named, all of it in each image, or each class in turn."""
    import torch

    for name in names:
        if name not in header.classes:
            raise InputError(f"--label {name}: expected one of {', '.join(header.classes)}")
    if header.kind == "classes" and len(names) > 1:
        raise InputError(f"--label: {header.data} images have one class each, found {len(names)}: {', '.join(names)}")
    hot = torch.eye(len(header.classes))
    if not names:
        return hot[torch.arange(count) % len(hot)]
    return hot[[header.classes.index(name) for name in names]].amax(0).expand(count, -1)


def _coded(model: Any, latents: Any, codes: list[int], name: str) -> Any:
    """Latents (N, Z) with equal shares of the codes, which count from 1."""
    from pipeline.contracts.model import CodedModel

    if not isinstance(model, CodedModel):
        raise InputError(f"--code {codes[0]}: {name} has no latent code; leave --code out")
    shares = latents.new_zeros(len(latents), model.codes)
    for each in codes:
        if not 1 <= each <= model.codes:
            raise InputError(f"--code {each}: expected a number from 1 to {model.codes}")
        shares[:, each - 1] += 1 / len(codes)
    return model.coded(latents, shares)


def _grid(images: Any, zoom: int) -> Any:
    """(N, C, H, W) in [0, 1] to one (rows * H, columns * W, 3) picture with a thin gap between images."""
    import torch

    columns = math.ceil(math.sqrt(len(images)))
    rows = -(-len(images) // columns)
    images = torch.nn.functional.pad(
        images.repeat_interleave(zoom, 2).repeat_interleave(zoom, 3), [zoom] * 4, value=0.25
    )
    blank = torch.full((rows * columns - len(images), *images.shape[1:]), 0.25)
    tiles = torch.cat([images, blank]).unflatten(0, (rows, columns))  # (R, C', C, H, W)
    picture = tiles.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    return picture.expand(-1, -1, 3) if picture.shape[2] == 1 else picture
