"""Which precision a device is given."""

import os

import pytest
import torch

from pipeline.ground import device

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("able", "chosen"),
    [
        ({"architecture": "x86_64", "avx2": True, "avx512_f": True}, "float32"),
        ({"architecture": "x86_64", "avx512_bf16": True}, "bfloat16"),
        ({"architecture": "x86_64", "amx_bf16": True}, "bfloat16"),
        ({"architecture": "aarch64", "bf16": True}, "float32"),
    ],
)
def test_auto_is_bfloat16_only_where_the_processor_has_instructions_for_it(
    able: dict[str, object], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert device.precision("auto", CPU) == chosen
    assert device.explained("auto", CPU).startswith(f"in {chosen} (auto: ")
    for asked in ("float32", "bfloat16"):
        assert device.precision(asked, CPU) == asked
    assert ("only imitates" in device.explained("bfloat16", CPU)) is (chosen == "float32")


def test_an_apple_gpu_computes_in_float32_and_a_gpu_in_what_it_supports(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device.precision("auto", torch.device("mps")) == "float32"
    for able, chosen in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, able=able: able)
        assert device.precision("auto", torch.device("cuda")) == chosen


def test_a_stage_takes_half_of_the_cores_so_that_two_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    for usable, physical, half in ((1, 1, 1), (2, 2, 1), (8, 4, 2), (3, 16, 1), (16, 16, 8)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, usable=usable: set(range(usable)), raising=False)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda physical=physical: {"num_physical_cores": physical})
        assert device.pick("cpu") == CPU
        assert chosen[-1] == half
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = len(chosen)
    device.pick("cpu")
    assert len(chosen) == before
