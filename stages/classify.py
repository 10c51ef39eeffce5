"""Stage `classify@ROLE`: prepared images to the judge that measures what models draw of that role."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.command import Device, progress, single


def classify(
    role: Annotated[str, typer.Argument(help="A role of params.yaml's `classifier`, such as digits.")],
    device: Device = "auto",
) -> None:
    """Train a role's judge, or take one of your own (`classifier.ROLE.weights`), and measure it on real test images.

    Writes results/classifiers/ROLE.safetensors, its accuracy, ROLE.json, and what it sees in the real images.
    """
    from functools import partial

    from pipeline import classifier, params
    from pipeline.data import images
    from pipeline.device import pick
    from pipeline.files import write_json
    from pipeline.scores import accuracy

    where = f"classifier.{role}"
    settings = params.parse(classifier.Settings, params.read(where), where)
    prepared, results = Path("data/prepared") / role, Path("results/classifiers")
    train, test = (images.load(prepared / f"{name}.safetensors").to(pick(device)) for name in ("train", "test"))
    judge = classifier.build(settings, train).to(pick(device))
    if own := classifier.own_weights(settings):
        classifier.load_own(own, judge)
    else:
        with progress("classify") as show:
            classifier.fit(judge, train, settings, partial(show, role))
    views = {name: classifier.predict(judge, split.images) for name, split in (("train", train), ("test", test))}
    right = accuracy(views["test"][1], test.labels, test.kind)
    of = "images" if test.exclusive else "images' labels"
    print(f"classify {role}: {right:.2%} of {len(test)} real test {of} right ({test.source})")
    classifier.save_views(results / f"{role}_views.safetensors", views)
    classifier.save(results / f"{role}.safetensors", judge)
    write_json(results / f"{role}.json", {"accuracy": right, "test_images": len(test), "source": test.source})


if __name__ == "__main__":
    single(classify)
