"""`latentlab explore`: a trained model in the browser, drawing as one moves."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from pipeline.console.command import Device
from pipeline.ground.errors import InputError


def explore(
    name: Annotated[str, typer.Argument(help="A trained experiment, such as face_acgan.")],
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="To serve on.  [default: a free one]")] = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    device: Device = "auto",
) -> None:
    """Move through a model's latent space in the browser: latents, labels and codes, drawn as you move.

    The page is served to this machine only, until Ctrl-C.
    """
    folder = Path("results/models") / name
    if not any(folder.glob("seed*.safetensors")):
        raise InputError(f"{folder}: no trained model there; `latentlab repro train@{name}` makes it")

    from pipeline.ground.device import pick
    from tools.explorer.artist import Studio
    from tools.explorer.server import Server

    with Server(port or 0, Studio(folder, pick(device))) as server:
        print(f"{server.url} draws from {name}; Ctrl-C ends it", flush=True)
        try:
            if open_:
                webbrowser.open(server.url)
            server.serve_forever()
        except KeyboardInterrupt:
            print("ended")
