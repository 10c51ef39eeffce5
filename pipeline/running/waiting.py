"""Stages that wait for others or for room, and which comes next: of ten thousand as quickly as of ten."""

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping

from pipeline.running.commands import Wanted
from pipeline.running.schedule import Needs


class Waiting:
    """Stages in a line. place: of each in the line, 0 first; wanted: what it wants of a machine."""

    def __init__(self, needs: Needs, place: Mapping[str, int], wanted: Callable[[str], Wanted]) -> None:
        self.needs, self.place, self.wanted = needs, place, wanted
        self.users: dict[str, list[str]] = {name: [] for name in needs}
        for name, needed in needs.items():
            for need in needed:
                if need in self.users:
                    self.users[need].append(name)
        self.missing: dict[str, int] = {}  # how many stages each still needs
        self.ready: dict[Wanted, list[tuple[int, str]]] = {}  # heaps of those that need none any more

    def __len__(self) -> int:
        return len(self.missing)

    @property
    def names(self) -> Collection[str]:
        return self.missing.keys()

    @property
    def any_ready(self) -> bool:
        return any(self.ready.values())

    def fill(self, names: Iterable[str]) -> None:
        """Takes in stages, each of which needs those of them that must be done before."""
        found = dict.fromkeys(names)
        self.missing = {name: len(self.needs[name] & found.keys()) for name in found}
        for name, count in self.missing.items():
            if not count:
                self._push(name)

    def settled(self, stage: str) -> None:
        """What needs a stage need not wait for it any more."""
        for user in self.users[stage]:
            if user in self.missing:
                self.missing[user] -= 1
                if not self.missing[user]:
                    self._push(user)

    def pop(self, room: Callable[[Wanted], bool]) -> str | None:
        """The first stage that is ready and for which there is room; None if there is none."""
        heads = sorted((heap[0], wanted) for wanted, heap in self.ready.items() if heap)
        for (_, name), wanted in heads:
            if room(wanted):
                heapq.heappop(self.ready[wanted])
                del self.missing[name]
                return name
        return None

    def back(self, stage: str) -> None:
        """A stage that was stopped waits again; nothing starts any more."""
        self.missing[stage] = 0

    def _push(self, stage: str) -> None:
        heapq.heappush(self.ready.setdefault(self.wanted(stage), []), (self.place[stage], stage))
