"""What varies among runs, where each has its place, and which are best as far as one can tell."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pipeline.comparison import heatmap
from pipeline.comparison.grid import Column, Summary, fields, rank, summarise
from pipeline.comparison.pairs import compare
from pipeline.comparison.revisions import Revision
from pipeline.figures.common import style
from pipeline.statistics.intervals import Better, Estimate, Measured
from pipeline.statistics.measurements import Measurements


def revision(name: str, elbo: float, spread: float = 0.1, better: Better = "higher", **params: Any) -> Revision:
    values = (elbo - spread, elbo, elbo + spread)
    found = Measurements("squares", "", "squares", (0, 1, 2), {"elbo": Measured(better, values)}, {})
    block: Mapping[str, Any] = {"data": "digits", "latent": 15, "layers": 3, **params}
    return Revision(name, name, {"experiments": {"vae": block}}, {"vae": found})


def summary(base: Revision, *heads: Revision) -> Summary:
    return summarise([compare(base, head) for head in heads], ["elbo"], everything=False)


def test_numbers_are_in_order_whatever_yaml_took_them_for() -> None:
    assert sorted(["strided", 30, "3e-3", 5, "report", 0.5], key=rank) == ["3e-3", 0.5, 5, 30, "report", "strided"]


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


@pytest.mark.parametrize(("better", "best"), [("higher", "b"), ("lower", "c"), ("neither", None)])
def test_the_best_and_its_peers(better: Better, best: str | None) -> None:
    heads = [
        revision(name, elbo, 1.0, better, latent=n) for n, (name, elbo) in enumerate({"b": 9.0, "c": -9.0}.items())
    ]
    heads += [revision("d", 8.5, 1.0, better, latent=2), revision("e", -8.5, 1.0, better, latent=3)]
    found = summary(revision("base", 0, 1.0, better), *heads)
    column = found.columns[0]
    scores = {run.revision.name: run.scores[column] for run in found.runs}
    assert [name for name, score in scores.items() if score.best] == ([best] if best else [])
    peers = {"b": ["d"], "c": ["e"], None: []}[best]
    assert [name for name, score in scores.items() if score.tied] == peers


def test_the_metrics_of_the_report_are_the_main_ones() -> None:
    def measured(name: str, elbo: float, named: list[str] | None) -> Revision:
        one = revision(name, elbo, latent=elbo)
        found = one.measurements["vae"]
        more = {each: Measured("higher", found.metrics["elbo"].values) for each in ("elbo", "confidence", "density")}
        report = {"report": {"metrics": {"digits": named}}} if named else {}
        return Revision(name, name, {**one.params, **report}, {"vae": replace(found, metrics=more)})

    def shown(named: list[str] | None, everything: bool = False) -> list[str]:
        pairs = [
            compare(measured("base", -9, named), measured(name, elbo, named)) for name, elbo in (("a", 1), ("b", 2))
        ]
        return [column.metric for column in summarise(pairs, [], everything).columns]

    assert shown(None) == ["elbo"]
    assert shown(["density", "confidence"]) == ["confidence", "density"]
    assert shown(None, everything=True) == ["elbo", "confidence", "density"]


def test_colours_make_no_pattern_of_noise() -> None:
    wide = [Estimate(value, value - 10, value + 10, 3) for value in (1.0, 2.0, 3.0)]
    assert heatmap.span(wide) == (-8.0, 12.0)
    narrow = [Estimate(value, value - 0.1, value + 0.1, 3) for value in (1.0, 2.0, 3.0)]
    assert heatmap.span(narrow) == (1.0, 3.0)
    low, high = heatmap.span([Estimate(1.0, None, None, 1)])
    assert low < 1.0 < high


def test_the_look_is_that_of_all_pictures() -> None:
    names = ("DPI", "FONT", "TITLE_SIZE", "TEXT_SIZE", "SMALL_SIZE", "INK", "GREY", "FAINT", "PAPER")
    assert [getattr(heatmap, name) for name in names] == [getattr(style, name) for name in names]
    assert style.PALETTE[0] == heatmap.BLUE
