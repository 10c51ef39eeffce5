"""Revisions of one experiment with one metric, whose numbers are written by hand."""

from collections.abc import Mapping
from typing import Any

from pipeline.comparison.pairs import compare
from pipeline.comparison.revisions import Revision
from pipeline.comparison.runs import Summary, summarise
from pipeline.statistics.measurements import Better, Measured, Measurements


def revision(name: str, elbo: float, spread: float = 0.1, better: Better = "higher", **params: Any) -> Revision:
    values = (elbo - spread, elbo, elbo + spread)
    found = Measurements("squares", "", "squares", (0, 1, 2), {"elbo": Measured(better, values)}, {})
    block: Mapping[str, Any] = {"data": "digits", "latent": 15, "layers": 3, **params}
    return Revision(name, name, {"experiments": {"vae": block}}, {"vae": found})


def summary(base: Revision, *heads: Revision) -> Summary:
    return summarise([compare(base, head) for head in heads], ["elbo"], everything=False)
