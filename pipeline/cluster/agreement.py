"""Workers that have what this machine has: the same versions, or results would differ for it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

PACKAGES = ("latentlab", "torch", "torchvision", "dvc", "numpy", "dask", "distributed", "cloudpickle", "msgpack")


def agree(client: "Client") -> None:
    """Raises InputError when a worker has other versions of what decides about results, or about talking to it."""
    versions: Any = client.get_versions(packages=list(PACKAGES))
    own = _told(versions["client"])
    for place, found in [("the scheduler", versions["scheduler"]), *sorted(versions["workers"].items())]:
        other = _told(found)
        names = ("python", "dask", "distributed") if place == "the scheduler" else ("python", *PACKAGES)
        wrong = [f"{name} {other[name]} where {own[name]} is here" for name in names if other[name] != own[name]]
        if wrong:
            where = place if place == "the scheduler" else f"the worker {place}"
            raise InputError(f"{where} has {', '.join(wrong)}: expected the same versions everywhere")


def _told(versions: Mapping[str, Any]) -> dict[str, str]:
    """Python's minor version, and packages' without how they were built: a login node may have torch for CPUs."""
    found = {name: str(versions["packages"].get(name)).partition("+")[0] for name in PACKAGES}
    return {**found, "python": ".".join(versions["packages"]["python"].split(".")[:2])}
