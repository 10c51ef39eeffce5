"""What computed a result, in words: results are the same to the bit on the same machine only."""

import os
import platform
from pathlib import Path

import torch


def describe(device: torch.device) -> str:
    """Processor, cores, GPU if it is one, operating system and release of torch; nothing that names the host."""
    parts = [_processor(), f"{os.cpu_count()} cores"]
    if device.type == "cuda":
        parts.append(torch.cuda.get_device_name(device))
    elif device.type != "cpu":
        parts.append(device.type)
    return ", ".join([*parts, platform.system(), f"torch {torch.__version__}"])


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
