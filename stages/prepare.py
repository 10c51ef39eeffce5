"""Stage `prepare@ROLE`: a source of images to prepared train and test splits."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console.command import single


def prepare(role: Annotated[str, typer.Argument(help="A role of params.yaml's `data`, such as digits.")]) -> None:
    """Load a role's images from its source and write its splits.

    Writes data/prepared/ROLE/train.safetensors and test.safetensors. Downloads stay in data/raw.
    """
    from pipeline.ground import params, plugins

    where = f"data.{role}"
    block = params.read(where)
    print(f"prepare {role}: begun", flush=True)  # importing torch is some of the wait
    from pipeline.contracts import images

    module = plugins.load("data", role)
    train, test = module.load(params.parse(module.Settings, block, where))
    for name, split in (("train", train), ("test", test)):
        images.save(split, Path("data/prepared") / role / f"{name}.safetensors")
    print(f"prepare {role}: {len(train)} train and {len(test)} test images from {train.source}")


if __name__ == "__main__":
    single(prepare)
