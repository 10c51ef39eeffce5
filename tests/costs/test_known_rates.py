"""What is known of devices, and what is told from it of sizes and devices that were not measured."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.costs import rates, speed
from pipeline.costs.speed import Fit, Known, Speeds, fit, known
from pipeline.costs.work import Work
from pipeline.ground.errors import InputError

DEVICE = """
devices:
  box:
    description: a box
    worker: GPU
    peak: {float32: 1e13, bfloat16: 2e13}
    auto: bfloat16
    others: 1
    price: {dollars: 1, date: 2026-01-01, source: nobody}
"""
PEAKS: dict[rates.Precision, float] = {"float32": 1e14, "bfloat16": 2e14}


def made(name: str, work: Work, seconds: float, network: str = "net", family: str = "gan") -> Known:
    return Known(name, family, network, "float32", work, seconds)


def test_the_table_is_sound() -> None:
    devices = rates.load()
    assert {"cpu", "H100", "A100"} <= set(devices)
    for name, device in devices.items():
        assert device.peak["bfloat16"] > device.peak["float32"], name
        for each in known(device):  # nothing computes faster than its peak
            assert each.work.operations / each.seconds < 1.05 * device.peak[each.precision], (name, each.name)


@pytest.mark.parametrize("name", ["H100", "h100", " h 100", "H-100"])
def test_a_device_is_found_however_it_is_written(name: str) -> None:
    assert rates.pick(name, rates.load()) == "H100"
    assert rates.pick("rtx4090", rates.load()) == "RTX 4090"


def test_an_unknown_device_is_told_which_there_are() -> None:
    with pytest.raises(InputError, match="--device V100: expected one of cpu, H100, H200, A100, RTX 4090"):
        rates.pick("V100", rates.load())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("worker: GPU", "worker: horse", r"made.yaml: devices.box.worker: .*'GPU' or 'core'"),
        ("others: 1", "others: 0", r"devices.box.others: .* greater than 0"),
        ("others: 1", "others: 1\n    colour: red", r"devices.box.colour"),
        ("dollars: 1", "dollars: -1", r"devices.box.price.dollars"),
        ("peak: {float32: 1e13, bfloat16: 2e13}", "peak: {float32: 1e13}", r"devices.box.peak"),
        ("others: 1", "others: 1\n    like: nobody", r"devices.box.like: expected a device that was measured, found"),
    ],
)
def test_a_wrong_table_is_told_in_a_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "made.yaml"
    path.write_text(DEVICE.replace(old, new))
    with pytest.raises(InputError, match=said) as told:
        rates.load(path)
    assert "\n" not in str(told.value)


def test_a_fit_finds_what_calls_and_operations_take() -> None:
    truth = Fit(3e-5, 2e-14)
    works = [Work(1, 10**9, 100), Work(1, 10**12, 300), Work(1, 10**11, 1000)]
    found = fit([made(str(each), each, truth(each)) for each in works])
    assert found.call == pytest.approx(truth.call, rel=1e-6)
    assert found.operation == pytest.approx(truth.operation, rel=1e-6)


def test_a_fit_is_never_negative_and_one_measurement_is_enough() -> None:
    for seconds in ((1.0, 0.1, 5.0), (0.1, 3.0, 0.2), (1.0, 1.0, 1.0)):
        works = [Work(1, 10**9, 100), Work(1, 10**12, 110), Work(1, 10**11, 1000)]
        found = fit([made(str(n), work, spent) for n, (work, spent) in enumerate(zip(works, seconds, strict=True))])
        assert found.call >= 0
        assert found.operation >= 0
    one = made("one", Work(1, 10**9, 100), 0.5)
    assert fit([one])(one.work) == pytest.approx(0.5)


def test_what_was_measured_is_taken_as_it_is() -> None:
    work = Work(64, 10**12, 300)
    found = [made("a", work, 0.2), made("b", work, 0.3), made("c", Work(64, 10**10, 100), 0.01)]
    speeds = Speeds(found, True, PEAKS, PEAKS)
    assert speeds("b", "gan", "net", "float32", work) == speed.Seconds(0.3, "measured", "b")
    assert speeds("new", "gan", "net", "float32", work) == speed.Seconds(0.2, "measured", "a")
    # Calls are counted otherwise by other releases of torch
    assert speeds("a", "gan", "net", "float32", replace(work, calls=299)).basis == "measured"
    assert speeds("a", "gan", "net", "float32", replace(work, images=32)).basis == "estimated"
    assert speeds("a", "gan", "net", "bfloat16", work).basis == "guessed"
    assert speeds("a", "gan", "other", "float32", work).basis == "guessed"
    assert speeds("a", "vae", "net", "float32", work).basis == "estimated"


def test_the_nearest_of_the_same_network_corrects_the_fit() -> None:
    """Its own family first; twice as slow as the fit says it is, so is what is like it."""
    works = {"a": Work(8, 10**12, 300), "b": Work(8, 10**11, 200), "c": Work(8, 10**9, 100)}
    found = [made("a", works["a"], 0.02), made("b", works["b"], 0.008), made("c", works["c"], 0.003, "thin")]
    speeds = Speeds(found, True, PEAKS, PEAKS)
    asked = Work(8, 2 * 10**12, 400)
    plain = fit(found)
    near = speeds("new", "gan", "net", "float32", asked)
    assert near.like == "a"
    assert near.value == pytest.approx(plain(asked) * 0.02 / plain(works["a"]))
    assert speeds("new", "gan", "thin", "float32", asked).like == "c"
    alien = speeds("new", "gan", "none", "float32", asked)
    assert alien.like is None
    assert alien.value == pytest.approx(plain(asked))


def test_another_device_computes_by_its_peak_and_calls_as_slowly() -> None:
    truth = Fit(3e-5, 1e-14)
    works = [Work(8, 10**9, 100), Work(8, 10**12, 300), Work(8, 10**13, 900)]
    found = [made(str(n), work, truth(work)) for n, work in enumerate(works)]
    half: dict[rates.Precision, float] = {name: peak / 2 for name, peak in PEAKS.items()}
    speeds = Speeds(found, False, half, PEAKS)
    for work in works:
        told = speeds("any", "gan", "net", "float32", work)
        assert told.basis == "guessed"
        assert told.value == pytest.approx(truth.call * work.calls + 2 * truth.operation * work.operations)
    twice = Speeds(found, True, PEAKS, PEAKS)("any", "gan", "net", "bfloat16", works[2])
    assert twice.value == pytest.approx(truth.call * 900 + truth.operation / 2 * 10**13)


@pytest.mark.parametrize("name", ["H100", "cpu"])
def test_each_measurement_is_told_from_the_others(name: str) -> None:
    """Within a factor of two, mostly of 1.3; by operations alone some would be tenfold off."""
    device = rates.load()[name]
    found = known(device)
    off, alone = [], []
    for each in found:
        rest = [other for other in found if other is not each]
        told = Speeds(rest, True, device.peak, device.peak)(
            "", each.family, each.network, each.precision, each.work
        ).value
        off.append(abs(math.log(told / each.seconds)))
        nearest = max(other.work.operations / other.seconds for other in rest)
        alone.append(abs(math.log(each.work.operations / nearest / each.seconds)))
    assert max(off) < math.log(2)
    assert sorted(off)[len(off) // 2] < math.log(1.3)
    if name == "H100":
        assert max(alone) > math.log(10)
