"""Stage `conclude`: what the reports concluded, tested by all experiments' measurements."""

from pathlib import Path

from pipeline.command import single


def conclude() -> None:
    """Test every conclusion of conclusions.yaml by the measurements, and write results/conclusions.json."""
    from dataclasses import asdict

    from pipeline import conclusions, measurements, params
    from pipeline.files import write_json

    written, experiments = conclusions.load(), params.read("experiments")
    found = conclusions.judge(written, experiments, measurements.load(Path("results/measurements")))
    write_json(Path("results/conclusions.json"), [asdict(each) for each in found])
    print(f"conclude: {conclusions.summary(found)}")


if __name__ == "__main__":
    single(conclude)
