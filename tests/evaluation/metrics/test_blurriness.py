"""Blur in pixels, as the referee tells of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.metrics import blurriness
from pipeline.judges.spoiling import SPOILINGS


def test_the_blurs_degree_in_pixels_and_no_other(make_evidence: Callable[..., Evidence]) -> None:
    found = make_evidence()
    degrees = torch.rand(40, len(SPOILINGS))
    column = [way.name for way in SPOILINGS].index("blur")
    degrees[:, column] = torch.arange(40) / 40
    values = blurriness.measure(replace(found, fake=replace(found.fake, degrees=degrees)))
    assert values["blurriness"] == pytest.approx(SPOILINGS[column].most * 39 / 80)
    assert values.keys() == blurriness.BETTER.keys()
    assert values["blurriness_real"] == blurriness.measure(found)["blurriness_real"]
