"""The courier: a round of errands for each other data center by itself, so that one that is down delays only
what concerns it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from grantline.crossing.causes import tell_causes
from grantline.crossing.deliveries import deliver_definitions
from grantline.crossing.inventory import compare_definitions
from grantline.crossing.sending import NotTaken, Sender, Unreachable
from grantline.datacenters import Clock, DataCenter, note_told
from grantline.db import DatabaseUnavailable
from grantline.tokens import Mint

LOOK_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60
"""A data center that does not answer is asked again after this at the latest."""

Errand = Callable[[Mint, Sender, DataCenter, int], Awaitable[None]]
"""Sends what waits for one data center. Raises Unreachable, which ends this round for it."""


ERRANDS: Final[tuple[Errand, ...]] = (deliver_definitions, compare_definitions, tell_causes)
"""What is done for each data center, in this order."""


class Courier:
    """Runs the errands of one server for as long as it runs. `mint.data_centers` may change meanwhile."""

    def __init__(self, mint: Mint, clock: Clock, sender: Sender) -> None:
        self._mint = mint
        self._clock = clock
        self._sender = sender
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._failing: set[str] = set()

    async def run(self) -> None:
        """Serve every data center of the registry, new ones too, until cancelled."""
        try:
            while True:
                wanted = {center.code for center in self._mint.data_centers.others}
                for code in self._tasks.keys() - wanted:
                    self._tasks.pop(code).cancel()
                for code in wanted - self._tasks.keys():
                    self._tasks[code] = asyncio.create_task(self._serve(code))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await self._sender.close()

    async def _serve(self, code: str) -> None:
        pause = LOOK_SECONDS
        while True:
            try:
                problem = await self.round(code)
            except DatabaseUnavailable:
                problem = "the database does not answer"
            except Exception as bug:
                structlog.get_logger().error("errand failed", to=code, exception=type(bug).__name__)
                problem = "an unexpected problem here"
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS) if problem else LOOK_SECONDS
            await asyncio.sleep(pause)

    async def round(self, code: str) -> str:
        """One round of errands for one data center; gives why it ended early, or nothing."""
        center, now = self._mint.data_centers.find(code), self._clock()
        if center is None:
            return ""
        try:
            for errand in ERRANDS:
                await errand(self._mint, self._sender, center, now)
        except (Unreachable, NotTaken) as problem:
            self._failing.add(code)
            await note_told(self._mint.db, code, now, str(problem))
            return str(problem)
        if code in self._failing:  # what did not get through is due again at once, so it did now
            self._failing.discard(code)
            await note_told(self._mint.db, code, now, "")
        return ""
