"""Runs a stage as `python -m stages.NAME` would and writes which project files, parameters and modules it reads."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any


def main(target: str, stage: str, *arguments: str) -> None:
    here = Path.cwd()
    sys.path[0] = str(here)
    files: set[str] = set()
    keys: list[str] = []

    def audit(event: str, details: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(details[0], str) and (details[1] is None or "r" in str(details[1])):
            path = here / details[0]
            if path.is_relative_to(here) and path.suffix not in (".py", ".pyc"):
                files.add(str(path))

    import safetensors
    import safetensors.torch

    from pipeline.ground import params

    opened, read = safetensors.safe_open, params.read

    def safe_open(path: Any, *rest: Any, **more: Any) -> Any:  # opens files in Rust, out of the audit hook's sight
        files.add(str(here / path))
        return opened(path, *rest, **more)

    def recorded(key: str) -> Any:
        keys.append(key)
        return read(key)

    safetensors.safe_open, params.read = safe_open, recorded  # type: ignore[assignment, misc]
    sys.addaudithook(audit)
    sys.argv = [stage, *arguments]
    try:
        runpy.run_module(f"stages.{stage}", run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    ours = {str(Path(m)) for m in modules if m and Path(m).is_relative_to(here)}
    stage_file = str(here / "stages" / f"{stage}.py")
    Path(target).write_text(
        json.dumps({"files": sorted(files), "params": keys, "modules": sorted({*ours, stage_file})})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
