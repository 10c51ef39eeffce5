"""Stage `figures@X`: trained models and their learning curves to pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipeline.command import Device, progress, single


def figures(
    name: Annotated[str, typer.Argument(help="An experiment of params.yaml, such as fc_vae.")],
    device: Device = "auto",
) -> None:
    """Draw an experiment's figures, those of its role that apply, to results/figures/NAME/FIGURE.png."""
    from pipeline import checkpoint, classifier, moments, params, view
    from pipeline.data import images
    from pipeline.device import pick
    from pipeline.figures import style
    from pipeline.plugins import plugin
    from pipeline.training import curves

    where, paths = pick(device), checkpoint.seeds(Path("results/models") / name)
    role = checkpoint.header(next(iter(paths.values()))).data
    settings = params.parse(view.Settings, params.read(f"figures.{role}"), f"figures.{role}")
    plugins = {figure: plugin("figures", figure) for figure in settings.figures}
    models = {seed: checkpoint.load(path, where)[0] for seed, path in paths.items()}
    test = images.load(Path("data/prepared") / role / "test.safetensors").to(where)
    judge = classifier.load(Path("results/classifiers") / f"{role}.safetensors", where)
    seen = view.View(
        name,
        models,
        curves.read(Path("results/curves") / f"{name}.csv"),
        moments.read(Path("results/progress") / f"{name}.csv"),
        lambda images: classifier.predict(judge, images)[1],
        test,
        settings.seed,
    )
    with progress("figures") as show:
        for done, (figure, module) in enumerate(plugins.items(), 1):
            drawn = module.draw(seen)
            several = drawn if isinstance(drawn, Mapping) else {"": drawn} if drawn else {}
            for part, picture in several.items():
                file = f"{figure}_{part}.png" if part else f"{figure}.png"
                style.save(picture, Path("results/figures") / name / file)
            show(name, done, len(plugins), {})


if __name__ == "__main__":
    single(figures)
