"""What a caption says of a model that departs from its report."""

from dataclasses import replace
from typing import Any

from pipeline.contracts.checkpoint import Header
from pipeline.figures.common.departures import departures
from pipeline.ground import plugins
from pipeline.models import gan
from pipeline.networks import dcgan


def header(family: dict[str, Any], network: dict[str, Any]) -> Header:
    model = gan.Settings(latent=4, conditional=True, loss="bce", moving_average=0.9, drawn_by="average", **family)
    return Header(
        data="scenes",
        family="gan",
        network="dcgan",
        model_settings=model.model_dump(mode="json"),
        network_settings=dcgan.Settings(width=4, **network).model_dump(mode="json"),
        shape=(3, 64, 64),
        classes=("a", "b"),
        kind="objects",
        source="clevr",
        seed=0,
        precision="float32",
    )


def test_what_is_ours_is_named_and_what_is_the_reports_is_not() -> None:
    assert departures(header({}, {"embedding": 2, "deepened": True})) == ()
    found = departures(header({"auxiliary": 1.0}, {"upsampling": "resized", "skips": True}))
    assert found == ("an auxiliary label loss", "resized upsampling", "skips")
    unmarked = replace(header({}, {}), network="mlp", network_settings={"layers": 1, "hidden": 2})
    assert departures(unmarked) == ()
    whole = replace(header({}, {}), network="objects", network_settings={"width": 4, "seen": 4})
    assert departures(whole) == ("the whole network",)


def test_ours_are_settings_that_are_off_by_default() -> None:
    for folder in ("models", "networks"):
        for name in plugins.names(folder):
            module = plugins.load(folder, name)
            ours = getattr(module, "OURS", {})
            for key in () if isinstance(ours, str) else ours:
                assert not module.Settings.model_fields[key].is_required()
