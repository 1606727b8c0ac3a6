"""The clock of a node: the system's, checked against the database's.

Time never runs back: an hour that comes twice would wake what has expired. And no node has a time of its
own: one whose clock is off by more than half a minute goes by the database's, and says so.
"""

import time
from collections.abc import Callable
from typing import Final

from grantline.datacenters.pulse import Pulse

Clock = Callable[[], int]

MOST_ASTRAY_SECONDS: Final = 30
OTHERS_SECONDS: Final = 10
"""Another node is there as long as it wrote its time within this."""
ENOUGH_LOOKS: Final = 4
"""After so many looks a node knows whether others are there."""


def system_clock() -> int:
    """Epoch seconds, now."""
    return int(time.time())


class NodeClock:
    """Called, it gives epoch seconds.

    The database's time is the database server's clock where it has one. A file has none: then it is what the
    other nodes write, and a node that is alone is right, except that it may not go behind what was written.
    """

    def __init__(
        self, system: Clock = system_clock, *, node: str = "", steady: Callable[[], float] = time.monotonic
    ) -> None:
        self.node = node
        self._system = system
        self._steady = steady
        self._newest = 0
        # The database's time at an instant of the steady clock; None while nothing tells it.
        self._reference: tuple[int, float] | None = None
        # The newest instant, and when the system's clock was first seen behind it.
        self._behind: tuple[int, float] | None = None
        self._written: tuple[int, str] | None = None
        self._others_at: float | None = None
        self._looks = 0

    def __call__(self) -> int:
        now = self._system()
        if self._reference is not None:
            expected = self._expected(self._reference)
            if abs(now - expected) > MOST_ASTRAY_SECONDS:
                now = expected
        if now < self._newest:
            return self._slowly()
        self._behind = None
        self._newest = now
        return now

    def _slowly(self) -> int:
        """Half as fast until the system's clock has caught up: what must expire does, and the gap closes."""
        if self._behind is None:
            self._behind = (self._newest, self._steady())
        at, since = self._behind
        self._newest = max(self._newest, at + int((self._steady() - since) / 2))
        return self._newest

    def _expected(self, reference: tuple[int, float]) -> int:
        at, seen = reference
        return at + int(self._steady() - seen)

    @property
    def astray_seconds(self) -> int:
        """How far the system's clock is ahead of the database's (behind: below zero); 0 when it is near
        enough."""
        if self._reference is None:
            off = min(0, self._system() - self._newest)
        else:
            off = self._system() - self._expected(self._reference)
        return off if abs(off) > MOST_ASTRAY_SECONDS else 0

    @property
    def may_write(self) -> bool:
        """Whether this node's time may be written down for the others: it goes by the database's or is alone,
        and it looked long enough to know."""
        alone = self._reference is None
        known = self._written is None or self._written[1] in ("", self.node) or self._looks > ENOUGH_LOOKS
        return known and (alone or self.astray_seconds == 0)

    def observe(self, pulse: Pulse) -> None:
        """Take in a look at the database."""
        steady, written = self._steady(), (pulse.newest_at, pulse.newest_by)
        moved = self._written is not None and written != self._written and pulse.newest_by != self.node
        if moved:
            self._others_at = steady
        if pulse.database_at is not None:
            self._reference = (pulse.database_at, steady)
        elif moved:
            self._reference = (pulse.newest_at, steady)
        elif self._others_at is None or steady - self._others_at > OTHERS_SECONDS:
            self._reference = None
        self._written = written
        self._looks += 1
        self._newest = max(self._newest, pulse.newest_at)
