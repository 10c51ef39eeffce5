"""A machine that is lent for some minutes: a clock to keep to, and a report that is whole after each section."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.ground.files import replacing


@dataclass(frozen=True)
class Clock:
    """seconds: that there are from `start` on, on time.monotonic's clock."""

    seconds: float
    start: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds; 0 when they are over."""
        return self.until(1.0)

    def until(self, share: float) -> float:
        """Seconds until this share of the time has passed; 0 when it has."""
        return max(0.0, self.start + share * self.seconds - time.monotonic())


@dataclass
class Report:
    """report.md and numbers.json in a folder, rewritten with each section, so that a cut leaves the earlier ones."""

    folder: Path
    title: str
    text: list[str] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, lines: Sequence[str], numbers: Any) -> None:
        """A section, or in place of one of that name."""
        if name in self.numbers:
            self.text[list(self.numbers).index(name)] = _section(name, lines)
        else:
            self.text.append(_section(name, lines))
        self.numbers[name] = numbers
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.folder / "report.md") as beside:
            beside.write_text("\n\n".join([f"# {self.title}", *self.text]) + "\n", encoding="utf-8")
        with replacing(self.folder / "numbers.json") as beside:
            beside.write_text(json.dumps(self.numbers, indent=1) + "\n", encoding="utf-8")


def _section(name: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {name}", "", *lines])
