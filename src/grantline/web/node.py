"""A node: one process among those that serve a data center. What others change it takes up within half a
second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from grantline.datacenters import NodeClock, find_pulse, write_time
from grantline.db import Database, DatabaseUnavailable

LOOK_SECONDS: Final = 0.5
LOOKS_PER_WRITE: Final = 2


class Node:
    """This process: how it follows the others, and what keeps it from answering as it should."""

    def __init__(self, db: Database, clock: NodeClock, revision: int) -> None:
        self.name = clock.node
        self.clock = clock
        self._db = db
        self._revision = revision
        self._load: Callable[[], Awaitable[None]] | None = None
        self._turn = asyncio.Lock()
        self._away = False
        self._unloadable = False
        self._astray = 0

    def on_change(self, load: Callable[[], Awaitable[None]]) -> None:
        """What loads keys and APIs anew."""
        self._load = load

    async def catch_up(self) -> bool:
        """Load keys and APIs anew if another node changed them; gives whether that was so.

        Any token that names an unknown key leads here: it costs one small look, and no stranger can make a
        node load anything. Raises DatabaseUnavailable.
        """
        before = self._revision
        pulse = await find_pulse(self._db)
        if pulse is None or pulse.revision == before:
            return before != self._revision
        async with self._turn:
            if pulse.revision != self._revision and self._load is not None:
                await self._load()
                self._revision = pulse.revision
        return True

    async def look(self) -> None:
        """One look at what the others did and what time it is. Raises DatabaseUnavailable."""
        pulse = await find_pulse(self._db)
        if pulse is None:
            return
        self.clock.observe(pulse)
        self._tell_astray()
        try:
            if pulse.revision != self._revision:
                await self.catch_up()
            self._unloadable = False
        except DatabaseUnavailable:
            raise
        except Exception as problem:  # keys that do not open: those that are loaded go on
            self._unloadable = True
            structlog.get_logger().error("can't load what changed", exception=type(problem).__name__)

    async def follow(self) -> None:
        """Look for ever; a database that is away for a while stops nothing."""
        looks = 0
        while True:
            try:
                await self.look()
                if looks % LOOKS_PER_WRITE == 0:
                    await self.write_time()
                self._tell_away(None)
            except DatabaseUnavailable as problem:
                self._tell_away(problem)
            except Exception as problem:  # told where it was found
                structlog.get_logger().error("can't follow", exception=type(problem).__name__)
            looks += 1
            await asyncio.sleep(LOOK_SECONDS)

    async def write_time(self) -> None:
        """Write the time down, so that no node and no later start goes behind it."""
        if self.clock.may_write:
            await write_time(self._db, self.name, self.clock())

    @property
    def problem(self) -> str | None:
        """Why this node should get no requests now."""
        if self._away:
            return "The database does not answer."
        if self._unloadable:
            return "The keys in the database can't be loaded: run doctor."
        off = self.clock.astray_seconds
        if off:
            side = "ahead of" if off > 0 else "behind"
            return f"The clock of this node is {abs(off)} s {side} the database's."
        return None

    def _tell_away(self, problem: DatabaseUnavailable | None) -> None:
        if (problem is not None) == self._away:
            return
        self._away = problem is not None
        if problem is not None:
            structlog.get_logger().error("database away", problem=str(problem))
        else:
            structlog.get_logger().warning("database back")

    def _tell_astray(self) -> None:
        off = self.clock.astray_seconds
        if (off != 0) == (self._astray != 0):
            return
        self._astray = off
        if off:
            fix = "Set the clock of this machine (NTP). Until then this node goes by the database's time."
            structlog.get_logger().error("clock astray", seconds=off, fix=fix)
        else:
            structlog.get_logger().warning("clock right again")
