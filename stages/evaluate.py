"""Stage `evaluate@X`: trained models to numbers, through the judge."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.command import Device, single


def evaluate(
    name: Annotated[str, typer.Argument(help="An experiment of params.yaml, such as fc_vae.")],
    device: Device = "auto",
) -> None:
    """Measure the trained models of an experiment on held-out images and in the judge's eyes.

    Writes results/metrics/NAME.json, each metric's mean over seeds with its 95 % interval,
    results/measurements/NAME.json, each metric by seed and what its uncertainty is told from, and
    results/progress/NAME.csv, a few metrics at the moments of training that were kept.
    """
    from pipeline import checkpoint, evaluation, measurements, moments, params
    from pipeline.device import pick
    from pipeline.files import replacing, write_json
    from pipeline.machine import describe
    from pipeline.parallel import over_seeds
    from pipeline.plugins import plugin

    models = checkpoint.seeds(Path("results/models") / name)
    header = checkpoint.header(next(iter(models.values())))
    role, judges = header.data, Path("results/classifiers")
    settings = params.parse(evaluation.Settings, params.read(f"evaluation.{role}"), f"evaluation.{role}")
    for metric in settings.metrics:
        plugin("metrics", metric)  # a name that is none is told before the work, and is imported once for all seeds
    task = evaluation.Evaluation(
        models,
        Path("results/curves") / f"{name}.csv",
        judges / f"{role}.safetensors",
        judges / f"{role}_views.safetensors",
        Path("data/prepared") / role,
        settings,
        pick(device),
    )
    found = over_seeds(f"evaluate {name}", task.seed, list(models), task.device, len(models))
    for seed, each in found.items():
        if "collapse_iteration" in each.values:
            print(f"evaluate {name} seed {seed}: collapsed from iteration {each.values['collapse_iteration']:.0f} on")
    measured = task.measurements(found, header.source, describe(task.device))
    write_json(Path("results/metrics") / f"{name}.json", measured.summary())
    with replacing(Path("results/measurements") / f"{name}.json") as beside:
        beside.write_text(measurements.dump(measured), encoding="utf-8")
    moments.write(Path("results/progress") / f"{name}.csv", {seed: each.moments for seed, each in found.items()})


if __name__ == "__main__":
    single(evaluate)
