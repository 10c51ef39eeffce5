"""Stage `figures@X`: trained models and their learning curves to pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pipeline.console.command import Device, single
from pipeline.console.progress import progress


def figures(
    name: Annotated[str, typer.Argument(help="An experiment of params.yaml, such as fc_vae.")],
    device: Device = "auto",
) -> None:
    """Draw an experiment's figures, those of its role that apply, to results/figures/NAME/FIGURE.png."""
    with progress("figures") as show:  # its seconds count from here: importing torch is some of the wait
        from pipeline.contracts import checkpoint, curves, images, training_progress
        from pipeline.figures.common import inputs, style
        from pipeline.ground import params, plugins
        from pipeline.ground.device import pick
        from pipeline.judges import panel, referee

        where, paths = pick(device), checkpoint.seeds(Path("results/models") / name)
        role = checkpoint.header(next(iter(paths.values()))).data
        settings = params.parse(inputs.Settings, params.read(f"figures.{role}"), f"figures.{role}")
        kinds = {figure: plugins.load("figures", figure) for figure in settings.figures}
        models = {seed: checkpoint.load(path, where)[0] for seed, path in paths.items()}
        test = images.load(Path("data/prepared") / role / "test.safetensors").to(where)
        looking = panel.Files(Path("results/classifiers") / role, Path("results/referees") / role).panel(where)
        seen = inputs.Inputs(
            name,
            models,
            curves.read(Path("results/curves") / f"{name}.csv"),
            training_progress.read(Path("results/progress") / f"{name}.csv"),
            lambda images: looking.name(images)[0],
            lambda images: referee.look(looking.referee, images).logits,
            test,
            settings.seed,
        )
        show(name, 0, len(kinds), {})
        for done, (figure, module) in enumerate(kinds.items(), 1):
            drawn = module.draw(seen)
            several = drawn if isinstance(drawn, Mapping) else {"": drawn} if drawn else {}
            for part, picture in several.items():
                file = f"{figure}_{part}.png" if part else f"{figure}.png"
                style.save(picture, Path("results/figures") / name / file)
            show(name, done, len(kinds), {})


if __name__ == "__main__":
    single(figures)
