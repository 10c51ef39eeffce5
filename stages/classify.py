"""Stage `classify@ROLE`: prepared images to the judge that measures what models draw of that role."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.console.command import Device, single
from pipeline.console.progress import progress


def classify(
    role: Annotated[str, typer.Argument(help="A role of params.yaml's `classifier`, such as digits.")],
    device: Device = "auto",
) -> None:
    """Train a role's judge, or take one of your own (`classifier.ROLE.weights`), and measure it on real test images.

    Writes it and what it sees in the real images to results/classifiers/ROLE, and its accuracy to ROLE.json beside it.
    """
    from functools import partial

    from pipeline.contracts import images
    from pipeline.ground import params
    from pipeline.ground.device import explained, pick
    from pipeline.ground.files import write_json
    from pipeline.judges import classifier
    from pipeline.judges.scores import accuracy

    where = f"classifier.{role}"
    settings = params.parse(classifier.Settings, params.read(where), where)
    prepared, results = Path("data/prepared") / role, Path("results/classifiers")
    place = pick(device)
    train, test = (images.load(prepared / f"{name}.safetensors").to(place) for name in ("train", "test"))
    judge = classifier.build(settings, train).to(place)
    if own := classifier.own_weights(settings):
        classifier.load_own(own, judge)
    else:
        print(f"classify {role}: {explained(settings.precision, place)}", flush=True)
        with progress("classify") as show:
            classifier.fit(judge, train, settings, partial(show, role))
    views = {name: classifier.predict(judge, split.images) for name, split in (("train", train), ("test", test))}
    right = accuracy(views["test"][1], test.labels, test.kind)
    of = "images" if test.exclusive else "images' labels"
    print(f"classify {role}: {right:.2%} of {len(test)} real test {of} right ({test.source})")
    classifier.save_views(results / role / "views.safetensors", views)
    classifier.save(results / role / "judge.safetensors", judge)
    write_json(results / f"{role}.json", {"accuracy": right, "test_images": len(test), "source": test.source})


if __name__ == "__main__":
    single(classify)
