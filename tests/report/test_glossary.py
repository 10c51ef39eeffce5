"""Figures and metrics are explained, all of params.yaml's figures too."""

from pathlib import Path

from pipeline.report import glossary


def test_every_figure_of_params_yaml_is_explained(root: Path) -> None:
    kinds = {path.stem for path in (root / "pipeline/figures").glob("*.py")} - {"__init__", "style"}
    assert not [kind for kind in kinds if not glossary.figure(kind)]
    assert glossary.figure("conditions_new_test") == glossary.FIGURES["conditions"]
    assert glossary.figure("unheard_of") == ""


def test_metrics_are_explained_by_name_or_by_prefix() -> None:
    assert glossary.metric("elbo") == glossary.METRICS["elbo"]
    assert glossary.metric("final_frechet_distance") == glossary.METRICS["final_"]
    assert glossary.metric("unheard_of") == ""
