"""What dvc.yaml declares of a stage under `meta`: what it wants of a machine, and whether it can be done in parts.

DVC keeps `meta` for its users' own purposes: no result depends on it, and an edit of it runs nothing again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.ground.errors import InputError
from pipeline.running.commands import Command, Wanted


@dataclass(frozen=True)
class Declared:
    """A stage's `meta`. seeds: each may be trained by itself, by the stage's command with `--seed N`, before the
    command itself puts them together; state: the folder where seeds are kept between these commands.
    """

    wanted: Wanted = field(default_factory=Wanted)
    seeds: Sequence[int] = ()
    state: str | None = None

    def parts(self, command: Command) -> list[Command]:
        """The commands that may run side by side before the stage's own; none where they would be but one."""
        if len(self.seeds) < 2:
            return []
        texts = [f"{command.text} --seed {seed}" for seed in self.seeds]
        return [replace(command, text=text, words=[*command.words[:-1], text]) for text in texts]


def declared(stage: str, meta: Any, params: Mapping[str, Any]) -> Declared:
    """Reads a stage's `meta`, of which `seeds` names a list in the parameters, as DVC fills in no lists. Raises
    InputError; keys of other purposes are left to them.
    """
    if not isinstance(meta, Mapping):
        return Declared()

    def number(key: str) -> float:
        value = meta.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise InputError(f"dvc.yaml: {stage}: meta.{key}: expected a number of at least 0, found {value!r}")
        return value

    def name(key: str) -> str | None:
        value = meta.get(key)
        if value is not None and not isinstance(value, str):
            raise InputError(f"dvc.yaml: {stage}: meta.{key}: expected a name, found {value!r}")
        return value

    found: Any = []
    if key := name("seeds"):
        found = params
        for part in key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        if not isinstance(found, list) or not all(isinstance(seed, int) for seed in found):
            raise InputError(
                f"dvc.yaml: {stage}: meta.seeds: expected a list of seeds in params.yaml, found none at {key}"
            )
    wanted = Wanted(gpus=int(number("gpus")), memory=int(number("memory_gib") * 2**30))
    return Declared(wanted, tuple(found), name("state"))
