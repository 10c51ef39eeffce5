"""Stage `train@X`: prepared images to trained models and their learning curves."""

from typing import Annotated

import typer

from pipeline.console.command import Device, single
from pipeline.console.progress import progress


def train(
    name: Annotated[str, typer.Argument(help="An experiment of params.yaml, such as fc_vae.")],
    device: Device = "auto",
    save_every: Annotated[float, typer.Option(help="Seconds between the states that a killed run goes on from.")] = 10,
) -> None:
    """Train those seeds of an experiment that are not trained yet.

    Models go to results/models/NAME/seedN.safetensors, losses to results/curves/NAME.csv. A run that was stopped, even
    killed, goes on where it was; a seed whose model is there, from the same parameters, data and code, is kept.
    """
    from pipeline.ground import params, plugins
    from pipeline.ground.device import explained, pick
    from pipeline.training import loop
    from pipeline.training.experiment import head, plan
    from pipeline.training.seeds import Training

    where = f"experiments.{name}"
    block = params.read(where)
    common = head(block, where)
    family, network = plugins.load("models", common.family), plugins.load("networks", common.network)
    checked = plan(block, where, family.Settings, network.Settings, loop.Settings)
    training = Training(name, block, checked, pick(device), save_every)
    missing = training.untrained()
    for seed in (seed for seed in checked.experiment.seeds if seed not in missing):
        print(f"train {name} seed {seed}: trained before from the same parameters, data and code")
    if missing:
        print(f"train {name}: {explained(checked.training.precision, training.device)}", flush=True)
        with progress(f"train {name}") as show:
            training.train(missing, show)
    training.write()


if __name__ == "__main__":
    single(train)
