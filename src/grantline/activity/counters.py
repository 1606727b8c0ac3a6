"""Counters: what went well, by app, kind and hour, and the first time of each step. Added up in memory and
written once a second, so that a success costs no statement of its own.

Hours are folded into days after a week, and days go after 90: the table is bounded by apps, kinds and days.
Kinds are few for each app: the words of `kinds`, its own secrets, and the scopes of the catalogue.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grantline.activity.kinds import API_CALL, DAY, HOUR, STARTED, TOKENS
from grantline.db import Database, DatabaseUnavailable, Transaction

FLUSH_SECONDS: Final = 1.0
HOURS_KEPT_SECONDS: Final = 7 * DAY
DAYS_KEPT_SECONDS: Final = 90 * DAY
_TOGETHER: Final = 100
_MOST_WAITING: Final = 100_000
_MOST_KNOWN: Final = 50_000
_ADD: Final = (
    "INSERT INTO client_usage (client_id, kind, span_seconds, starts_at, count, last_at)"
    " VALUES ($1, $2, $3, $4, $5, $6)"
    " ON CONFLICT (client_id, span_seconds, starts_at, kind)"
    " DO UPDATE SET count = client_usage.count + excluded.count, last_at = CASE"
    " WHEN excluded.last_at > client_usage.last_at THEN excluded.last_at ELSE client_usage.last_at END"
)
_FIRST: Final = (
    "INSERT INTO client_firsts (client_id, step, at) VALUES ($1, $2, $3)"
    " ON CONFLICT (client_id, step) DO NOTHING"
)
_STEPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        STARTED: ("authorization_request",),
        **dict.fromkeys(TOKENS, ("token",)),
        "token.refresh_token": ("token", "refresh"),
        API_CALL: ("api_call",),
        "userinfo": ("api_call",),
    }
)
"""Which steps of the checklist a kind shows."""

_Key = tuple[str, str, int]


@dataclass(slots=True)
class _Count:
    count: int
    last_at: int


class Counters:
    """The counts of this process that are not written yet."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._counts: dict[_Key, _Count] = {}
        self._firsts: dict[tuple[str, str], int] = {}
        self._known_firsts: set[tuple[str, str]] = set()
        self._told: dict[str, int] = {}
        self._turn = asyncio.Lock()

    def add(self, client_id: str, kind: str, now: int, times: int = 1) -> None:
        """Count a success of an app that is registered, or more. `kind` is one of those that are bounded."""
        key = (client_id, kind, now - now % HOUR)
        count = self._counts.get(key)
        if count is not None:
            count.count += times
            count.last_at = now
        elif len(self._counts) < _MOST_WAITING:
            self._counts[key] = _Count(times, now)
            for step in _STEPS.get(kind, ()):
                if (client_id, step) not in self._known_firsts:
                    self._firsts.setdefault((client_id, step), now)

    def is_first(self, subject: str, span: int) -> bool:
        """Whether this is the first time here that the subject is asked about in that span of time."""
        if self._told.get(subject) == span:
            return False
        if len(self._told) >= _MOST_KNOWN:
            self._told.clear()
        self._told[subject] = span
        return True

    async def flush(self) -> None:
        """Write what was counted; what can't be written is kept for the next time. Raises
        DatabaseUnavailable."""
        async with self._turn:
            await self._flush_firsts()
            await self._flush()

    async def _flush_firsts(self) -> None:
        waiting = sorted(self._firsts.items())
        for start in range(0, len(waiting), _TOGETHER):
            batch = waiting[start : start + _TOGETHER]
            await asyncio.gather(*(self._db.run(_FIRST, *pair, at) for pair, at in batch))
            if len(self._known_firsts) >= _MOST_KNOWN:
                self._known_firsts.clear()
            for pair, _ in batch:
                del self._firsts[pair]
                self._known_firsts.add(pair)

    async def _flush(self) -> None:
        counts, self._counts = self._counts, {}
        waiting = sorted(counts)
        written = 0
        try:
            while written < len(waiting):
                await self._write(counts, waiting[written : written + _TOGETHER])
                written += _TOGETHER
        finally:
            for key, kept in counts.items():
                newer = self._counts.setdefault(key, _Count(0, kept.last_at))
                newer.count += kept.count

    async def _write(self, counts: dict[_Key, _Count], keys: Sequence[_Key]) -> None:
        """Side by side, which drivers put into one commit. Takes out of `counts` what is written."""
        results = await asyncio.gather(
            *(
                self._db.run(_ADD, client_id, kind, HOUR, starts_at, one.count, one.last_at)
                for client_id, kind, starts_at in keys
                for one in (counts[client_id, kind, starts_at],)
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


async def add_usage(tx: Transaction, client_id: str, kind: str, count: int, last_at: int) -> None:
    """Add a count to its hour, in a transaction of somebody else's."""
    await tx.run(_ADD, client_id, kind, HOUR, last_at - last_at % HOUR, count, last_at)


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
            " RETURNING client_id, kind, count, last_at",
            HOUR,
            hour,
        )
        for client_id, kind, count, last_at in sorted((row[0], row[1], row[2], row[3]) for row in rows):
            await tx.run(_ADD, client_id, kind, DAY, hour - hour % DAY, count, last_at)
    return hour
