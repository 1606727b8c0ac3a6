"""The time of a server under test: it stands still until the test moves it."""

import threading
import time
from typing import Final

LONGEST_REAL_SECONDS: Final = 0.02


class Clock:
    """Called, it gives epoch seconds. It begins at this machine's time, or at `start`."""

    def __init__(self, start: int | None = None) -> None:
        self.now = int(time.time()) if start is None else start
        self._turn = threading.Lock()
        self._waited = 0.0

    def __call__(self) -> int:
        return self.now

    def __repr__(self) -> str:
        return f"Clock({self.now})"

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let time pass."""
        total = seconds + 60 * (minutes + 60 * (hours + 24 * days))
        if total < 0:
            raise ValueError("Time never runs back. For an app whose clock is wrong use faults.skew().")
        self.now += round(total)

    def wait(self, seconds: float) -> float:
        """Let time pass for somebody who waits; parts of a second add up. Gives how long to wait in truth, so
        that others get their turn."""
        with self._turn:
            self._waited += max(0.0, seconds)
            whole = int(self._waited)
            self._waited -= whole
            self.now += whole
        return min(max(0.0, seconds), LONGEST_REAL_SECONDS)
