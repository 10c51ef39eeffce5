"""Which of the budgets params.yaml holds."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pipeline.ground import params


def name(content: Mapping[str, Any], folder: Path) -> str | None:
    """The first budget, `folder`/NAME.yaml, that would change nothing in params.yaml's content; None without one."""
    own = _numbers(content)
    return next((path.stem for path in sorted(folder.glob("*.yaml")) if _numbers(_under(content, path)) == own), None)


def _under(content: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    for overlay in overlays(path):
        content = overlaid(content, overlay)
    return content


def overlays(path: Path) -> list[dict[str, Any]]:
    """A budget's overlays, in order: that of the budget that its key `base` names, if there is one, and its own."""
    overlay = dict(params.load(path, anchors=True))
    base = overlay.pop("base", None)
    return [*(overlays(path.with_stem(base)) if base else ()), overlay]


def overlaid(content: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """The content with the overlay's values in place of its own, later ones in place of earlier ones.

    A key of the overlay may be a pattern (`fc_*`) for all keys that match; what matches none is left out.
    """
    found = dict(content)
    for pattern, value in overlay.items():
        for key in content:
            if fnmatchcase(str(key), str(pattern)):
                within = isinstance(value, Mapping) and isinstance(found[key], Mapping)
                found[key] = overlaid(found[key], value) if within else value
    return found


def _numbers(value: Any) -> Any:
    """With numbers for what reads as one: YAML 1.1 takes 5e-05 for a string, but not 0.00005."""
    if isinstance(value, Mapping):
        return {key: _numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
