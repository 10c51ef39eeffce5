"""Where tensors live, which is no parameter: it must not change what a result means; how precisely and by how many
threads it computes.
"""

import os
from typing import Literal

import torch

from pipeline.ground.errors import InputError

Precision = Literal["float32", "bfloat16"]


def pick(name: str) -> torch.device:
    """`auto` (CUDA, else MPS, else CPU), `cpu`, `cuda`, `cuda:1` or `mps`. Raises InputError when it is not there.

    From now on this process computes by half of the cores, unless OMP_NUM_THREADS says otherwise: see `threads`.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads())
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"--device {name}: expected auto, cpu, cuda, cuda:N or mps, and to find it here ({reason})"
        ) from None
    return device


def threads() -> int:
    """Half of the cores: a stage's share, whether or not another one has the other half.

    The number of threads may change a result's last bits, so that it must not depend on what runs beside it. Two
    stages that each take all cores do not share them: the threads of oneDNN's convolutions wait for each other by
    spinning, and both stages take ten times as long.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = min(usable, int(torch.cpu.get_capabilities().get("num_physical_cores") or usable))
    return max(1, cores // 2)


def settle(device: torch.device) -> None:
    """For training in this process: on CUDA, TF32 in matrix products, as convolutions have it anyway, and only kernels
    of convolutions that add in a fixed order. Others are free to add gradients as they come, and no run of 64x64 images
    came to the same bits twice.
    """
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.deterministic = True


def precision(setting: Literal["auto", "float32", "bfloat16"], device: torch.device) -> Precision:
    """What a setting comes to here: `auto` is bfloat16 where the device computes it fast, else float32."""
    if setting == "auto":
        return "bfloat16" if computes_bfloat16(device) else "float32"
    return setting


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16, instead of imitating it many times more slowly than float32.

    Of CPUs those of x86 with AVX-512 BF16 or AMX; on ARM and Apple's GPUs torch's gain is unproven, so: no.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def explained(setting: Literal["auto", "float32", "bfloat16"], device: torch.device) -> str:
    """In words, for whoever waits: what `precision` came to and, where it was not asked for, why."""
    chosen = precision(setting, device)
    if setting == "auto":
        return f"in {chosen} (auto: this device {'computes' if chosen == 'bfloat16' else 'has no'} fast bfloat16)"
    if chosen == "bfloat16" and not computes_bfloat16(device):
        return "in bfloat16, which this device only imitates; precision: auto would be faster"
    return f"in {chosen}"
