"""Stage `figures@X`: trained models and their learning curves to pictures."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console.command import Device, single
from pipeline.console.progress import progress


def figures(
    name: Annotated[str, typer.Argument(help="An experiment of params.yaml, such as fc_vae.")],
    device: Device = "auto",
) -> None:
    """Draw an experiment's figures, those of its role that apply, to results/figures/NAME and results/showcase/NAME."""
    with progress("figures") as show:  # its seconds count from here: importing torch is some of the wait
        from pipeline.contracts import checkpoint, curves, images, training_progress
        from pipeline.figures.common import departures, inputs, saving
        from pipeline.ground import params, plugins
        from pipeline.ground.device import pick
        from pipeline.judges import panel, referee

        where, paths = pick(device), checkpoint.seeds(Path("results/models") / name)
        header = checkpoint.header(next(iter(paths.values())))
        role = header.data
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
            checkpoint.snapshots(next(iter(paths.values()))),
            departures.departures(header),
        )
        (Path("results/showcase") / name).mkdir(parents=True, exist_ok=True)  # DVC expects it, whatever applies
        show(name, 0, len(kinds), {})
        for done, (figure, module) in enumerate(kinds.items(), 1):
            saving.save(module.draw(seen), Path("results"), name, figure)
            show(name, done, len(kinds), {})


if __name__ == "__main__":
    single(figures)
