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

    Writes results/metrics/NAME.json, each metric's mean over seeds with its uncertainty, and results/seeds/NAME.json,
    each metric by seed.
    """
    from pipeline import checkpoint, evaluation, params
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
        judges / f"{role}.safetensors",
        judges / f"{role}_views.safetensors",
        Path("data/prepared") / role,
        settings,
        pick(device),
    )
    seeds = over_seeds(f"evaluate {name}", task.seed, list(models), task.device, len(models))
    facts = {"source": header.source, "seeds": len(seeds)}
    write_json(Path("results/metrics") / f"{name}.json", facts | evaluation.summarise(list(seeds.values())))
    write_json(Path("results/seeds") / f"{name}.json", {str(seed): values for seed, values in seeds.items()})


if __name__ == "__main__":
    single(evaluate)
