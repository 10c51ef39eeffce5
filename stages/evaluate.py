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

    Writes results/metrics/NAME.json, each metric's mean over seeds with its uncertainty, results/seeds/NAME.json, each
    metric by seed, and results/progress/NAME.csv, a few metrics at the moments of training that were kept.
    """
    from pipeline import checkpoint, evaluation, moments, params
    from pipeline.device import pick
    from pipeline.files import write_json
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
    seeds = {seed: values for seed, (values, _) in found.items()}
    for seed, values in seeds.items():
        if "collapse_iteration" in values:
            print(f"evaluate {name} seed {seed}: collapsed from iteration {values['collapse_iteration']:.0f} on")
    facts = {"source": header.source, "seeds": len(seeds)}
    write_json(Path("results/metrics") / f"{name}.json", facts | evaluation.summarise(list(seeds.values())))
    write_json(Path("results/seeds") / f"{name}.json", {str(seed): values for seed, values in seeds.items()})
    moments.write(Path("results/progress") / f"{name}.csv", {seed: kept for seed, (_, kept) in found.items()})


if __name__ == "__main__":
    single(evaluate)
