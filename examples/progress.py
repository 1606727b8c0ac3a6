"""A progress bar on a terminal, and plain lines everywhere else."""

import sys
import time
from typing import Final

WIDTH: Final = 28


class Progress:
    """How far something of `whole` parts is: `progress.show(done)`, and `progress.end()`."""

    def __init__(self, what: str, whole: int) -> None:
        self._what, self._whole = what, whole
        self._began, self._next = time.monotonic(), 0.0
        self._terminal = sys.stdout.isatty()

    def show(self, done: int) -> None:
        """Say it: in place on a terminal; elsewhere a line for each quarter, since nothing is drawn over."""
        share = done / self._whole if self._whole else 1.0
        if self._terminal:
            seconds = time.monotonic() - self._began
            speed = f"{done / seconds:,.0f}/s" if seconds > 0.2 else ""
            bar = ("█" * round(share * WIDTH)).ljust(WIDTH, "░")
            print(f"\r{self._what} {bar} {done:,} of {self._whole:,} {speed}  ", end="", flush=True)
        elif share >= self._next:
            print(f"{self._what}: {done:,} of {self._whole:,}", flush=True)
            self._next = (int(share * 4) + 1) / 4

    def end(self) -> None:
        """The line is over."""
        if self._terminal:
            print(flush=True)
