"""The command `latentlab compare`: bad input is one line, text may go to a file, and it is quick."""

import subprocess
import sys
from pathlib import Path

import pytest
from comparison.repository import Called, Repository, measured, shifted


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], ["nowhere: no such revision or experiment", "git log", "dvc exp list"]),
        (["HEAD~7"], ["HEAD~7: no such revision"]),
        (["empty"], ["empty: expected measurements in results/measurements", "dvc repro"]),
        (["HEAD", "--queue"], ["HEAD: has no finished experiments", "dvc exp run --queue"]),
        (["HEAD", "--metric", "elbow"], ["--metric elbow: matches no metric", "elbo"]),
        (["HEAD", "--fail-on", "fc_vea:elbo"], ["--fail-on fc_vea:elbo", "fc_vae:elbo"]),
        (["HEAD", "--fail-on", "active_units"], ["--fail-on active_units", "neither direction is better"]),
        (["HEAD", "--fail-on", "elbo", "--tolerance", "much"], ["--tolerance much", "a number of 0 or more"]),
        (["HEAD", "--fail-on", "elbo", "--tolerance", "elbo=-1"], ["--tolerance elbo=-1"]),
        (["HEAD", "--fail-on", "elbo", "--tolerance", "elbow=1"], ["--tolerance elbow", "elbo"]),
        (["HEAD", "--tolerance", "0.1"], ["--tolerance: expected with --fail-on"]),
        (["HEAD", "--heatmap", "a.png"], ["--heatmap: expected several HEADs"]),
        (["HEAD", "--heatmap", "a.jpg"], ["--heatmap a.jpg", ".png"]),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], words: list[str], repository: Repository, called: Called) -> None:
    repository.git("checkout", "-q", "-b", "empty")
    repository.git("rm", "-qr", "results")
    repository.commit("none")
    repository.git("checkout", "-q", "main")
    status, output, errors = called(*arguments)
    assert (status, output) == (1, "")
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert all(word in errors for word in words), errors


def test_out_takes_the_text(repository: Repository, called: Called, tmp_path: Path) -> None:
    repository.change("fc_vae", measured(shifted(elbo=9)))
    shown = called("HEAD", "--format", "markdown")[1]
    assert called("HEAD", "--format", "markdown", "--out", str(tmp_path / "a/b.md"))[1] == ""
    assert (tmp_path / "a/b.md").read_text() == shown


def test_it_needs_no_torch(repository: Repository) -> None:
    """Or it would not be quick."""
    repository.experiment("one", measured(shifted(elbo=9)), latent=5)
    for arguments in (["HEAD"], ["HEAD", "one", "workspace", "--heatmap", "map.png"]):
        code = f"""
import sys
sys.argv = ["latentlab", "compare", *{arguments}]
from tools.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
assert "torch" not in sys.modules
assert ("matplotlib" in sys.modules) == ("--heatmap" in sys.argv)
"""
        subprocess.run((sys.executable, "-c", code), check=True, stdout=subprocess.DEVNULL)
