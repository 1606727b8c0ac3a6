"""The server's time, as its answers tell it: a machine whose clock is wrong still renews in time."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

SMALL_SECONDS: Final = 2.0
"""A `Date` has whole seconds and was some way under way: less than this is no difference."""


class ServerClock:
    """Epoch seconds of one server."""

    def __init__(self, local: Callable[[], float] = time.time) -> None:
        self.local = local
        self.offset = 0.0
        """How far the server is ahead of this machine, in seconds."""

    def now(self) -> float:
        """The server's time."""
        return self.local() + self.offset

    def learn(self, date: str) -> None:
        """Take in a `Date` header; one that can't be read says nothing."""
        try:
            told = parsedate_to_datetime(date).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            return
        offset = told - self.local()
        if abs(offset) > SMALL_SECONDS:
            self.offset = offset
        else:
            self.offset = 0.0
