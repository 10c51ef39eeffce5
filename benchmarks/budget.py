"""A budget of budgets/ laid over parameters in memory, where there is no ruamel.yaml to write it with its comments."""

from collections.abc import Mapping
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any

from pipeline.ground.errors import InputError


def merged(content: Mapping[str, Any], overlay: Mapping[str, Any], where: str = "budget") -> dict[str, Any]:
    """A copy of the parameters with the overlay's values, as `latentlab budget` writes them into params.yaml.

    A key of the overlay may be a pattern. Raises InputError for one that no key matches.
    """
    found = dict(deepcopy(content))
    for pattern, value in overlay.items():
        keys = [key for key in found if fnmatchcase(str(key), str(pattern))]
        if not keys:
            raise InputError(f"{where}.{pattern}: no such key in params.yaml")
        for key in keys:
            if isinstance(value, Mapping):
                found[key] = merged(found[key], value, f"{where}.{key}")
            else:
                found[key] = deepcopy(value)
    return found
