"""Stage `evaluate@X`: trained models to numbers, as the judge and the referee of their role see them."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console.command import Device, single
from pipeline.console.progress import progress


def evaluate(
    name: Annotated[str, typer.Argument(help="An experiment of params.yaml, such as fc_vae.")],
    device: Device = "auto",
) -> None:
    """Measure the trained models of an experiment on held-out images and as the judge and the referee see them.

    Writes results/measurements/NAME.json, each metric by seed and what its uncertainty is told from, and
    results/progress/NAME.csv, a few metrics at the moments of training that were kept. Stage `intervals` makes means
    with intervals of it.
    """
    with progress(f"evaluate {name}") as show:  # its seconds count from here: importing torch is some of the wait
        from pipeline.contracts import checkpoint, training_progress
        from pipeline.evaluation import collect, seeds
        from pipeline.ground import params, plugins
        from pipeline.ground.device import pick
        from pipeline.ground.files import replacing
        from pipeline.ground.machine import describe
        from pipeline.ground.parallel import over_seeds
        from pipeline.judges import panel
        from pipeline.statistics import measurements

        models = checkpoint.seeds(Path("results/models") / name)
        role, results = checkpoint.header(next(iter(models.values()))).data, Path("results")
        settings = params.parse(collect.Settings, params.read(f"evaluation.{role}"), f"evaluation.{role}")
        for metric in settings.metrics:  # once for all seeds, and before the work, in case one is none
            plugins.load("evaluation/metrics", metric)
        files = panel.Files(results / "classifiers" / role, results / "referees" / role)
        prepared = Path("data/prepared") / role
        task = seeds.Evaluation(models, results / f"curves/{name}.csv", files, prepared, settings, pick(device))
        found = over_seeds(task.seed, list(models), show, task.device, len(models))
    for seed, each in found.items():
        if "collapse_iteration" in each.values:
            print(f"evaluate {name} seed {seed}: collapsed from iteration {each.values['collapse_iteration']:.0f} on")
    measured = task.measurements(found, describe(task.device))
    with replacing(results / f"measurements/{name}.json") as beside:
        beside.write_text(measurements.dump(measured), encoding="utf-8")
    moments = {seed: each.moments for seed, each in found.items()}
    training_progress.write(results / f"progress/{name}.csv", moments)


if __name__ == "__main__":
    single(evaluate)
