"""Pictures side by side, as far as there are any."""

from pathlib import Path

from comparison.repository import Called, Repository, measured, shifted


def test_pictures_of_the_workspace_only(repository: Repository, called: Called, tmp_path: Path) -> None:
    """What no cache has is told, and the page shows the rest."""
    repository.change("fc_vae", measured(shifted(elbo=9)))
    drawn = repository.folder / "results/figures/fc_vae/samples.png"
    drawn.parent.mkdir(parents=True)
    drawn.write_bytes(b"\x89PNG of the workspace")
    status, _, errors = called("HEAD", "--pictures", str(tmp_path / "page"))
    assert status == 0
    assert "fc_vae: no pictures of HEAD here; `dvc pull` may bring them" in errors
    page = (tmp_path / "page/index.html").read_text()
    assert 'src="1/fc_vae/samples.png"' in page
    assert "no such picture" in page
    assert (tmp_path / "page/1/fc_vae/samples.png").read_bytes() == drawn.read_bytes()
    assert "fc_cvae" not in page
