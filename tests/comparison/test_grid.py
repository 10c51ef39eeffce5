"""Where each run has its place."""

import pytest
from comparison.made_runs import revision, summary

from pipeline.comparison.grid import fields
from pipeline.comparison.runs import Column


def test_runs_stand_at_their_parameters() -> None:
    heads = [revision(f"{z}-{n}", -z - n, latent=z, layers=n) for z in (100, 20, 5) for n in (4, 2)]
    (field,) = fields(summary(revision("base", -50), *heads))
    assert field.down == ("experiments.vae.latent", (5, 15, 20, 100))
    assert field.across == ("experiments.vae.layers", (2, 3, 4))
    column = Column("vae", "elbo", "higher")
    values = {place: run.scores[column].value.value for place, run in field.cells.items()}
    expected = {(0, 0): -7.0, (0, 2): -9.0, (1, 1): -50.0, (2, 0): -22.0, (2, 2): -24.0, (3, 0): -102.0, (3, 2): -104.0}
    assert values == pytest.approx(expected)
    assert field.base == (1, 1)


def test_a_base_that_differs_otherwise_has_no_place() -> None:
    heads = [revision(f"{z}", -z, latent=z, hidden=7) for z in (5, 10)]
    found = summary(revision("base", -50), *heads)
    assert [(change.key, change.head) for change in found.common] == [("experiments.vae.hidden", 7)]
    (field,) = fields(found)
    assert (field.down[1], field.across, field.base) == ((5, 10), ("", (None,)), None)
    assert [run.revision.name for run in found.runs] == ["base", "5", "10"]


def test_three_varying_parameters_have_no_picture() -> None:
    heads = [revision("a", -1, latent=1, layers=1, hidden=1), revision("b", -2, latent=2, layers=2, hidden=2)]
    assert not fields(summary(revision("base", -50), *heads))
