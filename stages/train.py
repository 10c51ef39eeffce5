"""Stage `train@X`: prepared images to trained models and their learning curves."""

from typing import Annotated

import typer

from pipeline.console.command import Device, single
from pipeline.console.progress import progress


def train(
    name: Annotated[str, typer.Argument(help="An experiment of params.yaml, such as fc_vae.")],
    device: Device = "auto",
    seed: Annotated[
        int | None, typer.Option(help="Train this one of its seeds only, for a later run to put together with others.")
    ] = None,
    save_every: Annotated[float, typer.Option(help="Seconds between the states that a killed run goes on from.")] = 10,
) -> None:
    """Train those seeds of an experiment that are not trained yet.

    Models go to results/models/NAME/seedN.safetensors, losses to results/curves/NAME.csv. A run that was stopped, even
    killed, goes on where it was; a seed whose model is there, from the same parameters, data and code, is kept.
    """
    from pipeline.ground import params, plugins
    from pipeline.ground.device import explained, pick
    from pipeline.ground.errors import InputError
    from pipeline.training import loop
    from pipeline.training.experiment import head, plan
    from pipeline.training.seeds import Training

    where = f"experiments.{name}"
    block = params.read(where)
    common = head(block, where)
    family, network = plugins.load("models", common.family), plugins.load("networks", common.network)
    checked = plan(block, where, family.Settings, network.Settings, loop.Settings)
    training = Training(name, block, checked, pick(device), save_every)
    seeds = checked.experiment.seeds if seed is None else (seed,)
    if seed is not None and seed not in checked.experiment.seeds:
        known = ", ".join(map(str, checked.experiment.seeds))
        raise InputError(f"--seed: expected one of {where}.seeds ({known}), found {seed}")
    missing = [each for each in training.untrained() if each in seeds]
    for each in (each for each in seeds if each not in missing):
        print(f"train {name} seed {each}: trained before from the same parameters, data and code")
    if missing:
        print(f"train {name}: {explained(checked.training.precision, training.device)}", flush=True)
        with progress(f"train {name}") as show:
            training.train(missing, show)
    if seed is None:
        training.write()


if __name__ == "__main__":
    single(train)
