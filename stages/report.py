"""Stage `report`: all that was measured and drawn to one page."""

from pathlib import Path

from pipeline.console.command import single
from pipeline.console.progress import progress

RESULTS = Path("results")


def report() -> None:
    """Write results/report/index.html, one self-contained page, from the results of all experiments."""
    with progress("report") as show:  # its seconds count from here: importing torch is some of the wait
        from pipeline.conclusions import results
        from pipeline.contracts import images
        from pipeline.ground import params
        from pipeline.ground.files import replacing
        from pipeline.report import budget, explorer, latent_size, overview, page, pictures, runs
        from pipeline.report.settings import Settings
        from pipeline.statistics import pools

        blocks = {key: params.read(key) for key in ("data", "classifier", "evaluation", "experiments")}
        settings = params.parse(Settings, params.read("report"), "report")
        found = pools.load(RESULTS / "measurements", experiments := blocks["experiments"])
        runs.check(experiments, found, settings)
        judges, referees = (runs.of_real_images(RESULTS / name, experiments) for name in ("classifiers", "referees"))
        concluded = results.load(RESULTS / "conclusions.json")
        digits, sizes = Path("data/prepared/digits/train.safetensors"), RESULTS / "report/latent_size.png"
        latent_size.write(images.load(digits).images, latent_size.runs(experiments, found, "digits"), sizes)
        decoders = explorer.embedded([RESULTS / "models" / name for name in settings.explorer])
        named = budget.name(blocks, Path("budgets"))
        side_by_side = overview.gathered(settings, experiments, found, RESULTS, named)
        overview.write(side_by_side, RESULTS / "report/models.webp")
        room, tell = page.room(decoders, len(experiments)), lambda done, total: show("pictures", done, total, {})
        seen = pictures.embedded(RESULTS, experiments, settings, sizes, side_by_side.tiles, room, tell)
        content = page.Content(
            runs=runs.gathered(experiments, found, seen.figures, seen.films),
            settings=settings,
            judges=judges,
            referees=referees,
            conclusions=concluded,
            decoders=decoders,
            sizes=seen.figures[sizes],
            budget=named,
            overview=side_by_side,
            covers=seen.plain,
            left_out=seen.left_out,
        )
        with replacing(RESULTS / "report/index.html") as unfinished:
            unfinished.write_text(text := page.render(content), encoding="utf-8")
    print(f"report: {RESULTS / 'report/index.html'}, {len(experiments)} experiments, {len(text.encode()) / 1e6:.1f} MB")


if __name__ == "__main__":
    single(report)
