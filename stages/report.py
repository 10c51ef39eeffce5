"""Stage `report`: all that was measured and drawn to one page."""

from pathlib import Path

from pipeline.console.command import single
from pipeline.console.progress import progress

RESULTS = Path("results")


def report() -> None:
    """Write results/report/index.html, one self-contained page, from the results of all experiments."""
    with progress("report") as show:  # its seconds count from here: importing torch is some of the wait
        import json

        from pipeline.conclusions import results
        from pipeline.contracts import images
        from pipeline.figures.common import style
        from pipeline.ground import params
        from pipeline.ground.files import replacing
        from pipeline.report import budget, embedding, explorer, latent_size, page, runs
        from pipeline.report.settings import Settings
        from pipeline.statistics import pools

        blocks = {key: params.read(key) for key in ("data", "classifier", "evaluation", "experiments")}
        settings = params.parse(Settings, params.read("report"), "report")
        found = pools.load(RESULTS / "measurements", experiments := blocks["experiments"])
        runs.check(experiments, found, settings)
        paths = [path for name in experiments for path in sorted((RESULTS / "figures" / name).glob("*.png"))]
        show("pictures", 0, len(paths), {})
        values = latent_size.singular_values(images.load(Path("data/prepared/digits/train.safetensors")).images)
        sizes = RESULTS / "report/latent_size.png"
        style.save(latent_size.draw(values, latent_size.runs(experiments, found, "digits")), sizes)
        decoders = explorer.embedded([RESULTS / "models" / name for name in settings.explorer])
        pictured = embedding.embedded(
            [sizes, *paths], page.room(decoders), lambda done: show("pictures", done - 1, len(paths), {})
        )
        gathered = runs.gathered(experiments, found, {path: pictured[path] for path in paths})
        content = page.Content(
            runs=gathered,
            settings=settings,
            judges={r.role: json.loads((RESULTS / f"classifiers/{r.role}.json").read_text()) for r in gathered},
            referees={r.role: json.loads((RESULTS / f"referees/{r.role}.json").read_text()) for r in gathered},
            conclusions=results.load(RESULTS / "conclusions.json"),
            decoders=decoders,
            sizes=pictured[sizes],
            budget=budget.name(blocks, Path("budgets")),
        )
        with replacing(RESULTS / "report/index.html") as unfinished:
            unfinished.write_text(text := page.render(content), encoding="utf-8")
    print(f"report: {RESULTS / 'report/index.html'}, {len(gathered)} experiments, {len(text.encode()) / 1e6:.1f} MB")


if __name__ == "__main__":
    single(report)
