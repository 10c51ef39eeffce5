"""Stage `evaluate@X`: trained models to numbers, through the judge."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.command import Device, progress, single


def evaluate(
    name: Annotated[str, typer.Argument(help="An experiment of params.yaml, such as fc_vae.")],
    device: Device = "auto",
) -> None:
    """Measure the trained models of an experiment on held-out images and in the judge's eyes.

    Writes results/metrics/NAME.json, each metric's mean over seeds with its uncertainty, and results/seeds/NAME.json,
    each metric by seed.
    """
    from pipeline import checkpoint, classifier, evaluation, params
    from pipeline.data import images
    from pipeline.device import pick
    from pipeline.files import write_json
    from pipeline.plugins import plugin
    from pipeline.seeding import generator

    where, models = pick(device), checkpoint.seeds(Path("results/models") / name)
    role = checkpoint.header(next(iter(models.values()))).data
    settings = params.parse(evaluation.Settings, params.read(f"evaluation.{role}"), f"evaluation.{role}")
    metrics = [plugin("metrics", metric) for metric in settings.metrics]
    judge = classifier.load(Path("results/classifiers") / f"{role}.safetensors", where)
    splits = [images.load(Path("data/prepared") / role / f"{part}.safetensors") for part in ("train", "test")]
    train, test = (evaluation.judged(judge, split.first(settings.real_images).to(where)) for split in splits)
    seeds: dict[int, dict[str, float]] = {}
    with progress(f"evaluate {name}", len(models)) as update:
        for seed, path in models.items():
            model, _ = checkpoint.load(path, where)
            noise = generator(where, "evaluation", settings.seed, seed)
            found = evaluation.evidence(model, judge, train, test, settings, noise)
            seeds[seed] = {key: value for metric in metrics for key, value in metric.measure(found).items()}
            update(len(seeds), {})
    facts = {"source": splits[1].source, "seeds": len(seeds)}
    write_json(Path("results/metrics") / f"{name}.json", facts | evaluation.summarise(list(seeds.values())))
    write_json(Path("results/seeds") / f"{name}.json", {str(seed): values for seed, values in seeds.items()})


if __name__ == "__main__":
    single(evaluate)
