"""Counts in memory, per worker: fixed windows, bounded in number."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from grantline.limits.networks import WIDER_TIMES, wider_network

MOST_BUCKETS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` in `seconds`."""

    name: str
    count: int
    seconds: int


class Limiter:
    """The counters of one data center.

    `factor` multiplies every count (the demo and the tests use 100); 0 turns the limits off.
    """

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self._windows: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def allowed(self, limit: Limit) -> int:
        """How many the limit lets through in its span, after the factor: one at least."""
        return max(1, int(limit.count * self.factor))

    def wait(self, limit: Limit, subject: str, now: int) -> int:
        """Seconds until the subject may try again; 0 when it may now. Counts nothing."""
        if self.factor == 0:
            return 0
        started_at, count = self._windows.get((limit.name, subject), (now, 0))
        if now >= started_at + limit.seconds or count < self.allowed(limit):
            return 0
        return started_at + limit.seconds - now

    def take(self, limit: Limit, subject: str, now: int) -> int:
        """Count one; gives 0, or the seconds to wait when the limit is reached (then nothing is counted)."""
        if self.factor == 0:
            return 0
        wait = self.wait(limit, subject, now)
        if wait:
            return wait
        key = (limit.name, subject)
        started_at, count = self._windows.pop(key, (now, 0))
        if now >= started_at + limit.seconds:
            started_at, count = now, 0
        self._windows[key] = (started_at, count + 1)
        if len(self._windows) > MOST_BUCKETS:
            self._windows.popitem(last=False)
        return 0

    def wait_for_network(self, limit: Limit, network: str | None, now: int) -> int:
        """`wait` for a network and, where it is an IPv6 /64, its /48 (T68). None isn't limited."""
        if network is None:
            return 0
        wider = wider_network(network)
        wait = self.wait(_wider(limit), wider, now) if wider is not None else 0
        return wait or self.wait(limit, network, now)

    def take_for_network(self, limit: Limit, network: str | None, now: int) -> int:
        """`take` for a network and, where it is an IPv6 /64, its /48 (T68). None isn't limited."""
        if network is None:
            return 0
        wait = self.wait_for_network(limit, network, now) or self.take(limit, network, now)
        wider = wider_network(network)
        if not wait and wider is not None:
            self.take(_wider(limit), wider, now)
        return wait

    def give_back(self, limit: Limit, subject: str) -> None:
        """Undo one `take`: the work went well, and the limit is on failures."""
        key = (limit.name, subject)
        if key in self._windows:
            started_at, count = self._windows[key]
            self._windows[key] = (started_at, max(0, count - 1))


def _wider(limit: Limit) -> Limit:
    return replace(limit, count=limit.count * WIDER_TIMES)
