"""Independent random streams from one seed."""

import hashlib

import torch


def derive(*keys: int | str) -> int:
    """A 32-bit seed for one purpose: `derive("order", seed, epoch)`.

    Hashed, because torch's CPU generator keeps only a seed's low 32 bits and near seeds should not be near streams.
    """
    return int.from_bytes(hashlib.sha256(repr(keys).encode()).digest()[:4], "big")


def generator(device: torch.device, *keys: int | str) -> torch.Generator:
    """A generator on `device`, seeded by `derive(*keys)`."""
    return torch.Generator(device).manual_seed(derive(*keys))
