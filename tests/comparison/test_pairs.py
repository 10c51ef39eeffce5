"""Two revisions: verdicts on what moved, and notes on what makes numbers incomparable."""

import json
from dataclasses import replace

import pytest
from comparison.repository import BASE, Called, Repository, measured, rows, shifted

from pipeline.comparison.pairs import Pair, Row
from pipeline.statistics.intervals import Estimate, Verdict
from pipeline.statistics.measurements import Measured, Measurements


def test_verdicts_of_the_workspace(repository: Repository, called: Called) -> None:
    repository.change("fc_vae", measured(shifted(elbo=9, mse=0.01, recall=0.001)), latent=20)
    status, output, errors = called("HEAD", "--format", "markdown")
    assert (status, errors) == (0, "")
    table = rows(output)
    assert table["`experiments.fc_vae.latent`"] == ["15", "20"]
    assert [table[name][-1] for name in ("elbo ↑", "mse ↓", "recall ↑")] == [
        "**better**",
        "**worse ‡**",  # fc_cvae has the same values of mse, so that two sets of seeds are all there are
        "noise ‡",
    ]
    assert table["elbo ↑"][:3] == ["-85.0", "-76.0", "+9.0"]
    assert "active_units" not in table  # the same in both
    assert "fc_vae: 1 better, 1 worse, 1 noise" in output
    assert "1 experiment measured the same" in output
    # what got worse is read first
    assert output.index("mse") < output.index("| elbo") < output.index("| recall")
    assert "active_units" in rows(called("HEAD", "--format", "markdown", "--all")[1])


@pytest.mark.parametrize("verdict", ["better", "worse", "changed", "unknown", "noise", "same"])
def test_what_does_not_stand_counts_as_noise(verdict: Verdict) -> None:
    number = Estimate(1.0, 0.5, 1.5, 3)
    stands, not_so = (Row("elbo", "higher", number, number, number, verdict, each) for each in (True, False))
    assert stands.upshot == verdict
    assert not_so.upshot == ("noise" if verdict in ("better", "worse", "changed") else verdict)
    expected: dict[Verdict, int] = {} if verdict == "same" else {not_so.upshot: 1}
    assert Pair("vae", True, (), (not_so,)).counts() == expected


def test_other_yardsticks_are_told(repository: Repository, called: Called) -> None:
    repository.params["data"]["digits"]["source"] = "circles"
    repository.params["classifier"]["digits"]["width"] = 8
    repository.params["evaluation"]["digits"]["samples"] = 50
    repository.change("fc_vae", measured(shifted(elbo=1), source="circles"))
    repository.change("fc_cvae", measured(shifted(elbo=6), test_set="squares2"))
    output = called("HEAD", "--format", "markdown")[1]
    assert "data.digits changed: every experiment of digits has other images" in output
    assert "classifier.digits changed: every experiment of digits has another judge" in output
    assert "evaluation.digits changed" in output
    assert "other images, squares before and circles now" in output
    assert "another test set" in output


def test_errors_of_one_test_set_cancel(repository: Repository, called: Called) -> None:
    """The same values are noise on two test sets and a difference on one, whose errors both share."""

    def with_errors(by: float, test_set: str) -> Measurements:
        values = tuple(-85 + by + seed for seed in (0.0, 0.1, -0.1))
        errors = {"elbo": Measured("higher", values, tuple(3.0 * (-1) ** n for n in range(20)))}
        return Measurements("squares", "", test_set, (0, 1, 2), errors, {})

    repository.write("fc_vae", with_errors(0, "one"))
    repository.commit()
    repository.change("fc_vae", with_errors(2, "one"))
    assert rows(called("HEAD", "--format", "markdown")[1])["elbo ↑"][-1] == "**better ‡**"
    repository.change("fc_vae", with_errors(2, "two"))
    assert rows(called("HEAD", "--format", "markdown")[1])["elbo ↑"][-1] == "noise ‡"


def test_models_trained_in_another_precision_say_so(repository: Repository, called: Called) -> None:
    """Whoever compares with a run from before it was recorded is told nothing; there is nothing to tell."""
    for before, now, told in (("bfloat16", "float32", True), ("float32", "float32", False), (None, "float32", False)):
        repository.write("fc_vae", replace(measured(BASE), precision=before))
        repository.commit()
        repository.change("fc_vae", replace(measured(shifted(elbo=6)), precision=now))
        output = called("HEAD", "--format", "markdown")[1]
        assert (f"trained in {before} before and in {now} now" in output) is told


def test_another_judge_is_told_though_its_settings_are_the_same(repository: Repository, called: Called) -> None:
    for before, now, told in (("a1", "b2", True), ("a1", "a1", False), (None, "b2", False)):
        repository.write("fc_vae", replace(measured(BASE), yardstick=before))
        repository.commit()
        repository.change("fc_vae", replace(measured(shifted(elbo=6)), yardstick=now))
        assert ("another judge or referee" in called("HEAD", "--format", "markdown")[1]) is told


def test_experiments_come_and_go(repository: Repository, called: Called) -> None:
    repository.params["experiments"]["wider"] = {"data": "digits", "latent": 30}
    del repository.params["experiments"]["fc_cvae"]
    repository.change("fc_vae", measured(BASE))
    record = json.loads(called("HEAD", "--format", "json")[1])
    assert (record["experiments_added"], record["experiments_removed"]) == (["wider"], ["fc_cvae"])
    assert record["params"] == []  # not key by key
    assert "only in workspace: wider" in called("HEAD")[1]


def test_changed_parameters_without_new_numbers_are_told(repository: Repository, called: Called) -> None:
    repository.change("fc_vae", measured(BASE), latent=20)
    assert "fc_vae: nothing changed\n! parameters changed and no number did" in called("HEAD")[1]
