"""How many faults are tried: a few in `make test`, `LATENTLAB_FAULTS` of them in `make faults`."""

import os

import pytest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`moment`: the number of a seeded random moment."""
    if "moment" in metafunc.fixturenames:
        metafunc.parametrize("moment", range(int(os.environ.get("LATENTLAB_FAULTS", "3"))))
