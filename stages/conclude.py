"""Stage `conclude`: what the reports concluded, tested by all experiments' measurements."""

from pathlib import Path

from pipeline.console.command import single


def conclude() -> None:
    """Test every conclusion of conclusions.yaml by the measurements, and write results/conclusions.json."""
    from dataclasses import asdict

    from pipeline.conclusions import claims, results, verdicts
    from pipeline.ground import params
    from pipeline.ground.files import write_json
    from pipeline.statistics import pools

    written, experiments = claims.load(), params.read("experiments")
    found = verdicts.judge(written, experiments, pools.load(Path("results/measurements"), experiments))
    write_json(Path("results/conclusions.json"), [asdict(each) for each in found])
    print(f"conclude: {results.summary(found)}")


if __name__ == "__main__":
    single(conclude)
