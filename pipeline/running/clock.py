"""The seconds left, told as often as telling them is quick: of ten thousand stages it takes a while."""

import time
from collections.abc import Callable

APART = 10  # times what the last answer took, until it is asked for again


class Clock:
    """ask: tells the seconds left at a time; None where nothing is known."""

    def __init__(self, ask: Callable[[float], float | None]) -> None:
        self.ask = ask
        self.answer: float | None = None
        self.asked = self.took = float("-inf")

    def left(self, now: float) -> float | None:
        """The latest answer, less what has passed since."""
        if now - self.asked > APART * self.took:
            start = time.monotonic()
            self.answer, self.asked = self.ask(now), now
            self.took = time.monotonic() - start
        return None if self.answer is None else max(0.0, self.answer - (now - self.asked))
