"""What two revisions' document says besides numbers."""

from comparison.repository import BASE, Called, Repository, measured, rows, shifted


def test_one_seed_is_marked(repository: Repository, called: Called) -> None:
    alone = {name: values[:1] for name, values in shifted(elbo=9).items()}
    repository.change("fc_vae", measured(alone), seeds=[0])
    _, output, _ = called("HEAD", "--format", "markdown", "--metric", "elbo")
    assert rows(output)["elbo ↑"][-1] == "**better †**"
    assert "† One side has one seed" in output


def test_the_same_change_of_several_experiments_is_one_line(repository: Repository, called: Called) -> None:
    for name in ("fc_vae", "fc_cvae"):
        repository.change(name, measured(BASE), epochs=9)
    assert rows(called("HEAD", "--format", "markdown")[1])["`experiments.{fc_vae, fc_cvae}.epochs`"] == ["–", "9"]
