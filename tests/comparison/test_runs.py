"""What varies among runs, and which are best as far as one can tell."""

from dataclasses import replace

import pytest
from comparison.made_runs import revision, summary

from pipeline.comparison.pairs import compare
from pipeline.comparison.revisions import Revision
from pipeline.comparison.runs import rank, summarise
from pipeline.statistics.measurements import Better, Measured


def test_numbers_are_in_order_whatever_yaml_took_them_for() -> None:
    assert sorted(["strided", 30, "3e-3", 5, "report", 0.5], key=rank) == ["3e-3", 0.5, 5, 30, "report", "strided"]


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


def test_what_may_be_chance_among_so_many_runs_does_not_stand() -> None:
    far = revision("far", 2.9, 1.0, latent=99)
    near = [revision(f"near{n}", 0.01 * n, 1.0, latent=n) for n in range(1, 20)]
    for heads, stands in (([far], True), ([far, *near], False)):
        found = summary(revision("base", 0, 1.0), *heads)
        score = {run.revision.name: run.scores[found.columns[0]] for run in found.runs}["far"]
        assert (score.verdict, score.stands) == ("better", stands)


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
