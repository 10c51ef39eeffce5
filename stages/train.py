"""Stage `train@X`: prepared images to trained models and their learning curves."""

from typing import Annotated

import typer

from pipeline.command import Device, single


def train(
    name: Annotated[str, typer.Argument(help="An experiment of params.yaml, such as fc_vae.")],
    device: Device = "auto",
    save_every: Annotated[float, typer.Option(help="Seconds between the states that a killed run goes on from.")] = 10,
) -> None:
    """Train those seeds of an experiment that are not trained yet.

    Models go to results/models/NAME/seedN.safetensors, losses to results/curves/NAME.csv. A run that was stopped, even
    killed, goes on where it was; a seed whose model is there, from the same parameters, data and code, is kept.
    """
    from pipeline import params
    from pipeline.device import pick
    from pipeline.experiment import head, plan
    from pipeline.plugins import plugin
    from pipeline.training import loop
    from pipeline.training.seeds import Training

    where = f"experiments.{name}"
    block = params.read(where)
    common = head(block, where)
    family, network = plugin("models", common.family), plugin("networks", common.network)
    checked = plan(block, where, family.Settings, network.Settings, loop.Settings)
    Training(name, block, checked, pick(device), save_every).train()


if __name__ == "__main__":
    single(train)
