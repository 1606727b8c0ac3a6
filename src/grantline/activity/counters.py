"""Counters: what went well, by app, kind and hour. Added up in memory and written once a second, so that a
success costs no statement of its own.

Hours are folded into days after a week, and days go after 90: the table is bounded by apps, kinds and days.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grantline.db import Database, DatabaseUnavailable

FLUSH_SECONDS: Final = 1.0
HOUR: Final = 3600
DAY: Final = 24 * HOUR
HOURS_KEPT_SECONDS: Final = 7 * DAY
DAYS_KEPT_SECONDS: Final = 90 * DAY
_TOGETHER: Final = 100
_MOST_WAITING: Final = 100_000
_ADD: Final = (
    "INSERT INTO client_usage (client_id, kind, span_seconds, starts_at, count) VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (client_id, span_seconds, starts_at, kind)"
    " DO UPDATE SET count = client_usage.count + excluded.count"
)

_Key = tuple[str, str, int]


class Counters:
    """The counts of this process that are not written yet."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._counts: dict[_Key, int] = {}
        self._turn = asyncio.Lock()

    def add(self, client_id: str, kind: str, now: int) -> None:
        """Count one success of an app that is registered. `kind` is one of a few words."""
        key = (client_id, kind, now - now % HOUR)
        count = self._counts.get(key, 0)
        if count or len(self._counts) < _MOST_WAITING:
            self._counts[key] = count + 1

    async def flush(self) -> None:
        """Write what was counted; what can't be written is kept for the next time. Raises
        DatabaseUnavailable."""
        async with self._turn:
            await self._flush()

    async def _flush(self) -> None:
        counts, self._counts = self._counts, {}
        waiting = sorted(counts)
        written = 0
        try:
            while written < len(waiting):
                await self._write(counts, waiting[written : written + _TOGETHER])
                written += _TOGETHER
        finally:
            for key in waiting:
                if key in counts:
                    self._counts[key] = self._counts.get(key, 0) + counts[key]

    async def _write(self, counts: dict[_Key, int], keys: Sequence[_Key]) -> None:
        """Side by side, which drivers put into one commit. Takes out of `counts` what is written."""
        results = await asyncio.gather(
            *(
                self._db.run(_ADD, client_id, kind, HOUR, starts_at, counts[client_id, kind, starts_at])
                for client_id, kind, starts_at in keys
            ),
            return_exceptions=True,
        )
        problems = [result for result in results if isinstance(result, BaseException)]
        for key, result in zip(keys, results, strict=True):
            if not isinstance(result, BaseException):
                del counts[key]
        if problems:
            raise problems[0]

    async def run(self) -> None:
        """Flush for ever."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            with contextlib.suppress(DatabaseUnavailable):
                # Broken off in the middle, it could not know what is written and would count it twice.
                await asyncio.shield(self.flush())


@dataclass(frozen=True, slots=True)
class Usage:
    """How often one kind of thing went well for an app in an hour or a day."""

    kind: str
    span_seconds: int
    starts_at: int
    count: int


async def list_usage(db: Database, client_id: str, since: int) -> Sequence[Usage]:
    """The app's counts since then, oldest first: by day, and for the last week by hour."""
    rows = await db.all(
        "SELECT kind, span_seconds, starts_at, count FROM client_usage WHERE client_id = $1 AND starts_at >="
        " $2 ORDER BY starts_at, kind LIMIT 5000",
        client_id,
        since,
    )
    return [Usage(row[0], row[1], row[2], row[3]) for row in rows]


async def fold_hours(db: Database, now: int) -> int:
    """Fold one hour that is older than a week into its day; gives the hour, 0 when there is none."""
    row = await db.one(
        "SELECT MIN(starts_at) FROM client_usage WHERE span_seconds = $1 AND starts_at <= $2",
        HOUR,
        now - HOURS_KEPT_SECONDS,
    )
    if row is None or row[0] is None:
        return 0
    hour: int = row[0]
    async with db.transaction() as tx:
        # Deleted first: what two nodes fold at once only one of them gets.
        rows = await tx.all(
            "DELETE FROM client_usage WHERE span_seconds = $1 AND starts_at = $2"
            " RETURNING client_id, kind, count",
            HOUR,
            hour,
        )
        for client_id, kind, count in sorted((row[0], row[1], row[2]) for row in rows):
            await tx.run(_ADD, client_id, kind, DAY, hour - hour % DAY, count)
    return hour
