"""Stage `report`: all that was measured and drawn to one page."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.console.command import single

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pipeline.report.embedding import Picture
    from pipeline.report.page import Run
    from pipeline.report.settings import Settings
    from pipeline.statistics.measurements import Measurements

RESULTS = Path("results")


def report() -> None:
    """Write results/report/index.html, one self-contained page, from the results of all experiments."""
    import json

    from pipeline.ground import params
    from pipeline.ground.files import replacing
    from pipeline.report import budget, conclusion_charts, embedding, explorer, page
    from pipeline.report.settings import Settings
    from pipeline.statistics import measurements

    blocks = {key: params.read(key) for key in ("data", "classifier", "evaluation", "experiments")}
    settings = params.parse(Settings, params.read("report"), "report")
    experiments, found = blocks["experiments"], measurements.load(RESULTS / "measurements")
    _complete(experiments, found, settings)
    decoders = explorer.embedded([RESULTS / "models" / name for name in settings.explorer])
    paths = [path for name in experiments for path in sorted((RESULTS / "figures" / name).glob("*.png"))]
    sizes = _sizes(experiments, found)
    pictured = embedding.embedded([sizes, *paths], page.room(decoders))
    runs = [_run(name, block, found[name], pictured) for name, block in experiments.items()]
    roles = dict.fromkeys(run.role for run in runs)
    content = page.Content(
        runs=runs,
        settings=settings,
        judges={role: json.loads((RESULTS / f"classifiers/{role}.json").read_text()) for role in roles},
        conclusions=conclusion_charts.load(RESULTS / "conclusions.json"),
        decoders=decoders,
        sizes=pictured[sizes],
        budget=budget.name(blocks, Path("budgets")),
    )
    with replacing(RESULTS / "report/index.html") as unfinished:
        unfinished.write_text(text := page.render(content), encoding="utf-8")
    print(f"report: {RESULTS / 'report/index.html'}, {len(runs)} experiments, {len(text.encode()) / 1e6:.1f} MB")


def _complete(experiments: "Mapping[str, Any]", found: "Mapping[str, Measurements]", settings: "Settings") -> None:
    """Raises InputError unless every experiment is measured and the report's settings name only those there are."""
    from pipeline.ground.errors import InputError

    if missing := [name for name in experiments if name not in found]:
        expected = "expected every experiment of params.yaml"
        raise InputError(f"{RESULTS / 'measurements'}: {expected}, found none of {', '.join(missing)}; run `dvc repro`")
    named = [*settings.explorer, *(name for part in settings.sections for name in part.experiments)]
    if strange := [name for name in named if name not in experiments]:
        raise InputError(f"params.yaml: report: expected entries of experiments, found {', '.join(strange)}")


def _sizes(experiments: "Mapping[str, Any]", found: "Mapping[str, Measurements]") -> Path:
    """Draws how many latent dimensions are needed; the file."""
    from pipeline.contracts import images
    from pipeline.figures.common import style
    from pipeline.report import latent_size

    values = latent_size.singular_values(images.load(Path("data/prepared/digits/train.safetensors")).images)
    path = RESULTS / "report/latent_size.png"
    style.save(latent_size.draw(values, latent_size.runs(experiments, found, "digits")), path)
    return path


def _run(name: str, block: "Mapping[str, Any]", found: "Measurements", pictured: "Mapping[Path, Picture]") -> "Run":
    """An experiment with its pictures."""
    from pipeline.report.page import Run

    own = {path.stem: picture for path, picture in pictured.items() if path.parent == RESULTS / "figures" / name}
    return Run(name, block, found, own)


if __name__ == "__main__":
    single(report)
