"""Stage `intervals`: every metric's mean with its interval, told from the seeds of all experiments together."""

from pathlib import Path

from pipeline.console.command import single


def intervals() -> None:
    """Write results/metrics/NAME.json of each experiment, from the measurements of all of them.

    How far seeds scatter is told from all experiments on the same images, so that an interval depends on the others.
    """
    from pipeline.ground import params
    from pipeline.ground.files import write_json
    from pipeline.statistics import pools
    from pipeline.statistics.summary import summary

    found = pools.load(Path("results/measurements"), params.read("experiments"))
    for name, each in found.items():
        write_json(Path("results/metrics") / f"{name}.json", summary(each))
    metrics = [measured for each in found.values() for measured in each.metrics.values()]
    alone = sum(measured.pool == 0 for measured in metrics)
    print(f"intervals: {len(metrics)} metrics of {len(found)} experiments; {alone} by themselves, without a pool")


if __name__ == "__main__":
    single(intervals)
