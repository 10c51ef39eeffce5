"""What two revisions' document says besides numbers."""

from comparison.repository import BASE, Called, Repository, among_many, measured, rows, shifted


def test_one_seed_is_marked(repository: Repository, called: Called) -> None:
    alone = {name: values[:1] for name, values in shifted(elbo=9).items()}
    repository.change("fc_vae", measured(alone), seeds=[0])
    _, output, _ = called("HEAD", "--format", "markdown", "--metric", "elbo")
    assert rows(output)["elbo ↑"][-1] == "**better †**"
    assert "† One side has one seed" in output


def test_what_may_be_chance_is_marked(repository: Repository, called: Called) -> None:
    """By itself a difference, but one of twenty is without a cause."""
    repository.write("fc_vae", among_many(0, 0))
    repository.commit()
    repository.change("fc_vae", among_many(-2.9, 0.01))
    _, output, _ = called("HEAD", "--format", "markdown")
    assert rows(output)["moved ↑"][-1] == "worse ‡°"
    assert "° By itself beyond its interval" in output
    assert "fc_vae: 21 noise" in output
    _, output, _ = called("HEAD", "--format", "markdown", "--metric", "moved")
    assert rows(output)["moved ↑"][-1] == "**worse ‡**"
    assert "°" not in output
    assert "fc_vae: 1 worse" in output


def test_an_interval_without_a_pool_is_marked(repository: Repository, called: Called) -> None:
    for spread in (1.0, 1.1):  # of another experiment, which makes three sets of seeds with the two of fc_vae
        other = {name: (values[0] - spread, values[0] + spread) for name, values in BASE.items()}
        repository.write("fc_cvae", measured(other, test_set="squares1" if spread == 1.0 else "squares2"))
        repository.commit()
        repository.change("fc_vae", measured(shifted(elbo=9)))
        _, output, _ = called("HEAD", "--format", "markdown", "--metric", "fc_vae:elbo")
        repository.git("reset", "-q", "--hard")
        assert rows(output)["elbo ↑"][-1] == ("**better**" if spread == 1.0 else "**better ‡**")
        assert ("‡ fewer than three experiments" in output) is (spread != 1.0)


def test_the_same_change_of_several_experiments_is_one_line(repository: Repository, called: Called) -> None:
    for name in ("fc_vae", "fc_cvae"):
        repository.change(name, measured(BASE), epochs=9)
    assert rows(called("HEAD", "--format", "markdown")[1])["`experiments.{fc_vae, fc_cvae}.epochs`"] == ["–", "9"]
