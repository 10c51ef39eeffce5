"""Where tensors live. No parameter: it must not change what a result means."""

import torch

from pipeline.ground.errors import InputError


def pick(name: str) -> torch.device:
    """`auto` (CUDA, else MPS, else CPU), `cpu`, `cuda`, `cuda:1` or `mps`. Raises InputError when it is not there."""
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


def bfloat16_is_slow(device: torch.device) -> bool:
    """Whether bfloat16 is only imitated here: an x86 CPU without instructions for it."""
    if device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return able.get("architecture") == "x86_64" and not (able.get("avx512_bf16") or able.get("amx_bf16"))
