"""Tensors with a JSON header, in one safetensors file; never pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pipeline.ground.errors import InputError
from pipeline.ground.files import replacing

FORMAT: Final = 1  # of all that is written here: raised when an older reader would misread it


def write(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """The file appears whole or not at all, and is the same bytes for the same content."""
    # safetensors refuses views of shared storage and wants plain memory layout
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    with replacing(path) as beside:
        # Not its save_file, of which a full disk raises an error of its own; one entry, as several come in any order
        beside.write_bytes(save(plain, {"latentlab": json.dumps({"format": FORMAT, **header}, allow_nan=False)}))


def read(path: Path, what: str, tensors: bool = True) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of a file that `write` made. Raises InputError when it is missing, something else, or of
    another format than this version's.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["latentlab"])
            if (found := facts.pop("format", "none")) != FORMAT:
                raise InputError(
                    f"{path}: expected {what} of format {FORMAT}, found {found}: another version of latentlab wrote it;"
                    " `dvc repro` makes it anew"
                )
            return {name: file.get_tensor(name) for name in (file.keys() if tensors else ())}, facts
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; `dvc repro` makes it") from None
    except (SafetensorError, KeyError, AttributeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: expected {what}, found something else ({error})") from None
