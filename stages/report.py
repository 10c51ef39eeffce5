"""Stage `report`: all metrics and pictures to one page."""

from pathlib import Path

from pipeline.command import single


def report() -> None:
    """Write results/report/index.html, one self-contained page, from the metrics and pictures of all experiments."""
    import json

    from pipeline import params
    from pipeline.data import images
    from pipeline.errors import InputError
    from pipeline.figures import style
    from pipeline.files import replacing
    from pipeline.plugins import plugin
    from pipeline.report import advice, beside, page, table

    experiments, evaluation = params.read("experiments"), params.read("evaluation")
    settings = params.parse(beside.Settings, params.read("report"), "report")
    found, out = table.load(Path("results/metrics")), Path("results/report")
    modules = dict.fromkeys(metric for settings in evaluation.values() for metric in settings["metrics"])
    better = {key: value for name in modules for key, value in plugin("metrics", name).BETTER.items()}
    judges = {role: json.loads(Path(f"results/classifiers/{role}.json").read_text()) for role in evaluation}
    if missing := [name for name in experiments if name not in found]:
        raise InputError(
            f"results/metrics: expected every experiment of params.yaml, found none of {', '.join(missing)}"
        )
    metrics = {name: found[name] for name in experiments}
    sections = [
        page.Section(name, page.flat(block), metrics[name], [page.Picture(p.stem, p) for p in _pictures(name)])
        for name, block in experiments.items()
    ]
    values = advice.singular_values(images.load(Path("data/prepared/digits/train.safetensors")).images)
    style.save(advice.draw(values, advice.runs(experiments, metrics, "digits")), out / "latent_size.png")
    pairs = beside.pictures(settings, experiments, Path("results/figures"), out)
    sizes = page.Picture("How many latent dimensions?", out / "latent_size.png")
    with replacing(out / "index.html") as unfinished:
        unfinished.write_text(page.render(sections, better, judges, sizes, pairs), encoding="utf-8")
    print(f"report: {out / 'index.html'}, {len(sections)} experiments")


def _pictures(name: str) -> list[Path]:
    return sorted((Path("results/figures") / name).glob("*.png"))


if __name__ == "__main__":
    single(report)
