"""Numbers for authorizations that are about to be made.

A refresh token carries the number of its authorization. Who knows the number beforehand makes the token
first, and writes the row once.
"""

import asyncio
from typing import Final

from grantline.db import Database

_TOGETHER: Final = 128


class Numbers:
    """Numbers that the database keeps free for this process. What is left at its end is never used."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._free: list[int] = []
        self._turn = asyncio.Lock()

    async def take(self) -> int:
        """A number that no authorization has. May write; never call it inside a transaction."""
        while not self._free:
            async with self._turn:
                if not self._free:
                    self._free = [*reversed(await self._db.reserve("authorizations", _TOGETHER))]
        return self._free.pop()
