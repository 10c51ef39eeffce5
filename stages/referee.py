"""Stage `referee@ROLE`: prepared images to the referee, which tells how real an image looks and what can be named."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console.command import Device, single
from pipeline.console.progress import progress


def referee(
    role: Annotated[str, typer.Argument(help="A role of params.yaml's `referee`, such as digits.")],
    device: Device = "auto",
) -> None:
    """Train a role's referee on real images and spoiled ones, and see what it can name in real test images.

    Writes it and what it sees in the real images to results/referees/ROLE, and the share of labels that it can name,
    of test images as they are and blurred, to ROLE.json beside it.
    """
    from functools import partial

    from pipeline.contracts import images
    from pipeline.ground import params
    from pipeline.ground.device import explained, pick
    from pipeline.ground.files import write_json
    from pipeline.judges import referee as referees
    from pipeline.judges.scores import recognised

    where = f"referee.{role}"
    settings = params.parse(referees.Settings, params.read(where), where)
    prepared, results = Path("data/prepared") / role, Path("results/referees")
    place = pick(device)
    train, test = (images.load(prepared / f"{name}.safetensors").to(place) for name in ("train", "test"))
    made = referees.build(settings, train).to(place)
    print(f"referee {role}: {explained(settings.precision, place)}", flush=True)
    with progress("referee") as show:
        referees.fit(made, train, settings, partial(show, role))
    views = {name: referees.look(made, split.images) for name, split in (("train", train), ("test", test))}
    blurred = referees.look(made, referees.unnameable(test.images, settings.illegible))
    known, lost = (recognised(seen.logits, test.labels) for seen in (views["test"], blurred))
    print(f"referee {role}: names {known:.2%} of the labels of {len(test)} real test images, {lost:.2%} blurred")
    referees.save_views(results / role / "views.safetensors", views)
    referees.save(results / role / "referee.safetensors", made)
    write_json(results / f"{role}.json", {"recognised": known, "recognised_blurred": lost, "source": test.source})


if __name__ == "__main__":
    single(referee)
