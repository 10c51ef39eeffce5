"""`latentlab budget`: writes a budget's sizes into params.yaml, and leaves all else there as it is."""

from collections.abc import Mapping
from copy import deepcopy
from fnmatch import fnmatchcase
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.ground.errors import InputError

BUDGETS = Path("budgets")


def budget(
    name: Annotated[
        str,
        typer.Argument(
            help="smoke (does it run?), laptop (two cores), evening (longer), full (the reports' own sizes)."
        ),
    ],
) -> None:
    """Write a budget from budgets/NAME.yaml into params.yaml: sizes, epochs, seeds. Comments stay."""
    from pipeline.ground.files import replacing
    from pipeline.ground.params import PARAMS
    from pipeline.report.budget import overlays

    path = BUDGETS / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in BUDGETS.glob("*.yaml")))
        raise InputError(f"{path}: no such budget; found {known}")
    text = PARAMS.read_text(encoding="utf-8")
    for overlay in overlays(path):
        text = apply(text, overlay, str(path))
    with replacing(PARAMS) as beside:
        beside.write_text(text, encoding="utf-8")
    print(f"params.yaml now holds the budget {name}; `dvc repro` runs what it changes")


def apply(text: str, overlay: Mapping[str, Any], source: str) -> str:
    """params.yaml's text with the overlay's values in place of its own, comments kept.

    A key of the overlay may be a pattern (`fc_*`) for all keys that match. Raises InputError for one that none matches,
    and when the result is not valid.
    """
    import yaml
    from ruamel.yaml import YAML

    from tools.check import faults

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 4096
    editor.indent(mapping=2, sequence=4, offset=2)
    content = editor.load(text)
    _merge(content, overlay, source, ())
    result = StringIO()
    editor.dump(content, result)
    if found := faults(yaml.safe_load(result.getvalue())):
        raise InputError(f"{source}: would make params.yaml invalid: {found[0]}")
    return result.getvalue()


def _merge(content: Any, overlay: Mapping[str, Any], source: str, path: tuple[str, ...]) -> None:
    for pattern, value in overlay.items():
        keys = [key for key in content if fnmatchcase(str(key), str(pattern))]
        if not keys:
            raise InputError(f"{source}: {'.'.join((*path, str(pattern)))}: no such key in params.yaml")
        for key in keys:
            if isinstance(value, Mapping):
                _merge(content[key], value, source, (*path, str(key)))
            elif content[key] != value:
                content[key] = _written(value)


def _written(value: Any) -> Any:
    """A value as params.yaml has it: numbers in a row stand on one line."""
    from ruamel.yaml.comments import CommentedSeq

    copied = deepcopy(value)  # one list in two places would be written as a YAML anchor
    if not isinstance(copied, list) or not all(isinstance(each, int | float) for each in copied):
        return copied
    row = CommentedSeq(copied)
    row.fa.set_flow_style()
    return row
